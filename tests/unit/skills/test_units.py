"""Conversions, said aloud."""

from __future__ import annotations

import pytest

from sottovoce.engines.llm.slots import FAMILIES, singular
from sottovoce.skills.units import NAMES, UnitsError, convert, find_unit


@pytest.mark.parametrize(
    ("amount", "source", "target", "sentence"),
    [
        (20, "miles", "kilometers", "20 miles is about 32.19 kilometers."),
        (1, "mile", "feet", "1 mile is 5280 feet."),
        (100, "fahrenheit", "celsius", "100 degrees Fahrenheit is about 37.78 degrees Celsius."),
        (-40, "celsius", "fahrenheit", "minus 40 degrees Celsius is minus 40 degrees Fahrenheit."),
        (1, "cup", "milliliters", "1 cup is about 236.59 milliliters."),
        (
            60,
            "miles per hour",
            "kilometers per hour",
            "60 miles per hour is about 96.56 kilometers per hour.",
        ),
        (2, "weeks", "hours", "2 weeks is 336 hours."),
        (0.5, "kg", "grams", "0.5 kilograms is 500 grams."),
        (1, "inch", "miles", "1 inch is about 0.0000158 miles."),
        (0, "celsius", "fahrenheit", "0 degrees Celsius is 32 degrees Fahrenheit."),
        (5, "mils", "kilometer", "5 miles is about 8.05 kilometers."),
    ],
)
def test_conversions(amount: float, source: str, target: str, sentence: str) -> None:
    assert convert(amount, source, target) == sentence


@pytest.mark.parametrize(
    ("amount", "source", "target", "problem"),
    [
        (1, "kilos", "miles", "Kilograms and miles don't measure the same thing."),
        (1, "foo", "miles", "I don't know the unit foo."),
        (1e16, "miles", "feet", "That number is too large for me to convert."),
        (1, "x" * 999, "miles", "I don't know the unit " + "x" * 40 + "."),
    ],
)
def test_what_cannot_be_converted_is_said_plainly(
    amount: float, source: str, target: str, problem: str
) -> None:
    with pytest.raises(UnitsError) as caught:
        convert(amount, source, target)
    assert str(caught.value) == problem


def test_every_unit_is_one_that_pint_knows() -> None:
    for name, unit in NAMES.items():
        assert convert(1, name, unit.many).startswith("1 ")


def test_every_unit_people_are_expected_to_say_is_known() -> None:
    for family in FAMILIES:
        assert [name for name in family if find_unit(name) is None or find_unit(singular(name)) is None] == []
