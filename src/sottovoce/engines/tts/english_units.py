"""Money, measures, signs and abbreviations in English."""

from __future__ import annotations

import re

_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "¥": ("yen", "yen", "", ""),
}
_SCALES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
_MEASURES = {
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "m": ("meter", "meters"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "g": ("gram", "grams"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ft": ("foot", "feet"),
    "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "L": ("liter", "liters"),
    "ms": ("millisecond", "milliseconds"),
    "min": ("minute", "minutes"),
    "hrs": ("hour", "hours"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "kW": ("kilowatt", "kilowatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
}
_ABBREVIATIONS = {
    "Mr.": "Mister",
    "Mrs.": "Missus",
    "Ms.": "Miz",
    "Dr.": "Doctor",
    "Prof.": "Professor",
    "St.": "Saint",
    "Jr.": "Junior",
    "Sr.": "Senior",
    "vs.": "versus",
    "approx.": "approximately",
    "e.g.": "for example",
    "i.e.": "that is",
}
_SIGNS = (
    (re.compile(r"(?<=\d) ?[×x] ?(?=\d)"), " times "),
    (re.compile(r" ?÷ ?"), " divided by "),
    (re.compile(r" ?≤ ?"), " at most "),
    (re.compile(r" ?≥ ?"), " at least "),
    (re.compile(r" ?≠ ?"), " is not equal to "),
    (re.compile(r" ?± ?"), " plus or minus "),
    (re.compile(r"[~≈] ?(?=[\d$€£])"), "about "),
    (re.compile(r" ?(?:->|→|⇒) ?"), " to "),
    (re.compile(r" < (?=[\d\w])"), " less than "),
    (re.compile(r" > (?=[\d\w])"), " greater than "),
    (re.compile(r"(?<=\w)²"), " squared"),
    (re.compile(r"(?<=\w)³"), " cubed"),
    (re.compile(r"\bNo\. (?=\d)"), "number "),
    (re.compile(r"(?<=\w)_+(?=\w)"), " "),
)
_MONEY = re.compile(
    r"(?P<minus>[-−])?(?P<sign>[$€£₹¥]) ?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<part>\d+))?"
    r"(?: ?(?P<scale>thousand|million|billion|trillion|bn|[kKmMbB])\b)?"
)
_EURO_BEHIND = re.compile(r"(?<![\w.,])(\d{1,12}(?:[.,]\d{1,2})?) ?€")
_CENTS = re.compile(r"(?<![\w.,])(\d{1,4}) ?¢")
_MEASURE = re.compile(
    r"(?<![\w.,])(?P<number>\d+(?:[.,]\d+)*) ?(?P<unit>"
    + "|".join(re.escape(unit) for unit in sorted(_MEASURES, key=len, reverse=True))
    + r")(?![\w/°])"
)
_ABBREVIATION = re.compile(
    r"(?<![\w.])(?:" + "|".join(map(re.escape, _ABBREVIATIONS)) + r")(?=\s)", re.IGNORECASE
)


def expand(text: str) -> str:
    """Say the money, measures, signs and abbreviations of `text`."""
    text = _EURO_BEHIND.sub(lambda found: "€" + found[1].replace(",", "."), text)
    text = _MONEY.sub(_money, text)
    text = _CENTS.sub(lambda found: f"{found[1]} cent{'' if found[1] == '1' else 's'}", text)
    text = _MEASURE.sub(_measure, text)
    for pattern, said in _SIGNS:
        text = pattern.sub(said, text)
    return _ABBREVIATION.sub(_abbreviation, text)


def _money(found: re.Match[str]) -> str:
    one, many, small_one, small_many = _CURRENCIES[found["sign"]]
    whole, part = found["whole"].replace(",", ""), found["part"]
    minus = "minus " if found["minus"] else ""
    if found["scale"]:
        scale = _SCALES.get(found["scale"].lower(), found["scale"])
        return f"{minus}{whole}{f'.{part}' if part else ''} {scale} {many}"
    if part is None or len(part) != 2 or not small_one:
        amount = f"{whole}.{part}" if part else whole
        return f"{minus}{amount} {one if amount == '1' else many}"
    coins = f"{int(part)} {small_one if int(part) == 1 else small_many}"
    notes = f"{whole} {one if whole == '1' else many}"
    if not int(part):
        return minus + notes
    return minus + (f"{notes} and {coins}" if int(whole) else coins)


def _measure(found: re.Match[str]) -> str:
    one, many = _MEASURES[found["unit"]]
    return f"{found['number']} {one if found['number'] == '1' else many}"


def _abbreviation(found: re.Match[str]) -> str:
    known = {name.lower(): said for name, said in _ABBREVIATIONS.items()}
    return known[found[0].lower()]
