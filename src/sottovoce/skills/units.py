"""Unit conversion by pint, with the names people say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from sottovoce.skills.numbers import say_number

if TYPE_CHECKING:
    import pint

MIN_SIMILARITY = 82.0
"""Percent two names must share for one to pass as a misheard other."""
MAX_UNIT_CHARACTERS = 40
MAX_AMOUNT = 1e15
"""Beyond, nobody follows the answer by ear."""


class UnitsError(ValueError):
    """An unknown unit, or two that do not measure the same; the text can be said aloud."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`code` is pint's name; `one` and `many` are said."""

    code: str
    one: str
    many: str


def _unit(code: str, one: str, many: str = "", *aliases: str) -> dict[str, Unit]:
    unit = Unit(code, one, many or f"{one}s")
    return dict.fromkeys((unit.one, unit.many, *aliases), unit)


NAMES: Mapping[str, Unit] = {
    **_unit("millimeter", "millimeter", "", "mm", "millimetre", "millimetres"),
    **_unit("centimeter", "centimeter", "", "cm", "centimetre", "centimetres"),
    **_unit("meter", "meter", "", "m", "metre", "metres"),
    **_unit("kilometer", "kilometer", "", "km", "kilometre", "kilometres"),
    **_unit("inch", "inch", "inches", "in"),
    **_unit("foot", "foot", "feet", "ft"),
    **_unit("yard", "yard", "", "yd"),
    **_unit("mile", "mile", "", "mi"),
    **_unit("nautical_mile", "nautical mile"),
    **_unit("light_year", "light year"),
    **_unit("milligram", "milligram", "", "mg"),
    **_unit("gram", "gram", "", "g", "gramme", "grammes"),
    **_unit("kilogram", "kilogram", "", "kg", "kilo", "kilos"),
    **_unit("metric_ton", "metric ton", "", "tonne", "tonnes"),
    **_unit("short_ton", "ton"),
    **_unit("ounce", "ounce", "", "oz"),
    **_unit("pound", "pound", "", "lb", "lbs"),
    **_unit("stone", "stone", "stones"),
    **_unit("milliliter", "milliliter", "", "ml", "millilitre", "millilitres"),
    **_unit("deciliter", "deciliter", "", "dl"),
    **_unit("liter", "liter", "", "l", "litre", "litres"),
    **_unit("cup", "cup"),
    **_unit("pint", "pint"),
    **_unit("quart", "quart"),
    **_unit("gallon", "gallon"),
    **_unit("tablespoon", "tablespoon", "", "tbsp"),
    **_unit("teaspoon", "teaspoon", "", "tsp"),
    **_unit("fluid_ounce", "fluid ounce"),
    **_unit("millisecond", "millisecond", "", "ms"),
    **_unit("second", "second", "", "s", "sec", "secs"),
    **_unit("minute", "minute", "", "min", "mins"),
    **_unit("hour", "hour", "", "h", "hr", "hrs"),
    **_unit("day", "day"),
    **_unit("week", "week"),
    **_unit("month", "month"),
    **_unit("year", "year"),
    **_unit("century", "century", "centuries"),
    **_unit(
        "degC",
        "degree Celsius",
        "degrees Celsius",
        "celsius",
        "degrees celsius",
        "degree celsius",
        "centigrade",
        "c",
        "°c",
    ),
    **_unit("degF", "degree Fahrenheit", "degrees Fahrenheit", "fahrenheit", "degrees fahrenheit", "f", "°f"),
    **_unit("kelvin", "kelvin", "kelvin", "k"),
    **_unit("mile / hour", "mile per hour", "miles per hour", "mph", "miles an hour"),
    **_unit(
        "kilometer / hour", "kilometer per hour", "kilometers per hour", "km/h", "kph", "kilometers an hour"
    ),
    **_unit("meter / second", "meter per second", "meters per second", "m/s", "meters a second"),
    **_unit("knot", "knot"),
    **_unit("meter ** 2", "square meter"),
    **_unit("foot ** 2", "square foot", "square feet"),
    **_unit("kilometer ** 2", "square kilometer"),
    **_unit("mile ** 2", "square mile"),
    **_unit("acre", "acre"),
    **_unit("hectare", "hectare"),
    **_unit("meter ** 3", "cubic meter"),
    **_unit("byte", "byte"),
    **_unit("kilobyte", "kilobyte", "", "kb"),
    **_unit("megabyte", "megabyte", "", "mb"),
    **_unit("gigabyte", "gigabyte", "", "gb"),
    **_unit("terabyte", "terabyte", "", "tb"),
    **_unit("joule", "joule"),
    **_unit("calorie", "calorie"),
    **_unit("kilocalorie", "kilocalorie"),
    **_unit("kilowatt * hour", "kilowatt hour"),
    **_unit("watt", "watt"),
    **_unit("kilowatt", "kilowatt"),
    **_unit("horsepower", "horsepower", "horsepower"),
    **_unit("degree", "degree", ""),
    **_unit("radian", "radian"),
}


@cache
def _registry() -> pint.UnitRegistry[float]:
    """Built on first use: pint costs 30 MB and a quarter of a second."""
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def find_unit(name: str) -> Unit | None:
    """The unit meant by a spoken or written name, which may be misheard."""
    wanted = " ".join(name.strip().lower().split())[:MAX_UNIT_CHARACTERS]
    if wanted in NAMES:
        return NAMES[wanted]
    if len(wanted) < 4:
        return None
    near = process.extractOne(wanted, NAMES.keys(), scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY)
    return NAMES[near[0]] if near else None


def convert(amount: float, source: str, target: str) -> str:
    """ "20 miles is about 32.19 kilometers." Raises `UnitsError` with a sentence that can be said.

    The first call loads pint (a quarter of a second): keep it off an event loop.
    """
    from_unit, to_unit = _known(source), _known(target)
    if abs(amount) > MAX_AMOUNT:
        raise UnitsError("That number is too large for me to convert.")
    value = _magnitude(amount, from_unit, to_unit)
    said = _rounded(value)
    about = "" if abs(float(said) - value) <= 1e-9 * abs(value) else "about "
    return f"{say_amount(amount, from_unit)} is {about}{say_amount(float(said), to_unit)}."


def _known(name: str) -> Unit:
    unit = find_unit(name)
    if unit is None:
        raise UnitsError(f"I don't know the unit {name.strip()[:MAX_UNIT_CHARACTERS]}.")
    return unit


def _magnitude(amount: float, source: Unit, target: Unit) -> float:
    import pint

    registry = _registry()
    try:
        return float(registry.Quantity(amount, source.code).to(target.code).magnitude)
    except pint.DimensionalityError:
        raise UnitsError(
            f"{source.many.capitalize()} and {target.many} don't measure the same thing."
        ) from None


def _rounded(value: float) -> Decimal:
    """Two decimals, or for small numbers three significant digits."""
    exact = Decimal(repr(value))
    if exact == 0:
        return Decimal(0)
    return round(exact, 2 if abs(exact) >= 1 else 2 - exact.adjusted())


def say_amount(amount: float, unit: Unit) -> str:
    return f"{say_number(amount)} {unit.one if amount == 1 else unit.many}"
