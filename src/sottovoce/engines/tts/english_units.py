"""Money, measures and signs in English."""

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
    "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "MB/s": ("megabyte per second", "megabytes per second"),
    "m/s": ("meter per second", "meters per second"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "fps": ("frame per second", "frames per second"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "dB": ("decibel", "decibels"),
    "px": ("pixel", "pixels"),
    "nm": ("nanometer", "nanometers"),
    "µm": ("micrometer", "micrometers"),
    "µs": ("microsecond", "microseconds"),
    "mi": ("mile", "miles"),
    "yd": ("yard", "yards"),
    "sq ft": ("square foot", "square feet"),
    "gal": ("gallon", "gallons"),
    "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"),
    "kcal": ("kilocalorie", "kilocalories"),
    "mAh": ("milliampere hour", "milliampere hours"),
    "MW": ("megawatt", "megawatts"),
    "GW": ("gigawatt", "gigawatts"),
    "in.": ("inch", "inches"),
    "m²": ("square meter", "square meters"),
    "m2": ("square meter", "square meters"),
    "km²": ("square kilometer", "square kilometers"),
    "km2": ("square kilometer", "square kilometers"),
    "cm²": ("square centimeter", "square centimeters"),
    "ft²": ("square foot", "square feet"),
    "m³": ("cubic meter", "cubic meters"),
    "cm³": ("cubic centimeter", "cubic centimeters"),
    "sec": ("second", "seconds"),
    "hr": ("hour", "hours"),
    "lbs.": ("pound", "pounds"),
    "ha": ("hectare", "hectares"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
}
_CODES = {"USD": "US dollars", "EUR": "euros", "GBP": "pounds", "JPY": "yen", "CHF": "Swiss francs"}
_VULGAR = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8"}
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
    (re.compile(r"(?<=\d) ?\+ ?(?=\d)"), " plus "),
    (re.compile(r"(?<=[\w)]) ?= ?(?=[\w(-])"), " equals "),
    (re.compile(r"(?<=\d)\+(?!\S)"), " plus"),
    (re.compile(r"(?<=\w)\^2\b"), " squared"),
    (re.compile(r"(?<=\w)\^(?=[\d-])"), " to the power of "),
    (re.compile(r"(?<=\d)x\b"), " times"),
    (re.compile(r"\b([CF])#"), r"\1 sharp"),
    (re.compile(r"\b([A-Za-z])\+\+"), r"\1 plus plus"),
    (re.compile(r"(?<![\w.,$€£])(\d+(?:\.\d+)?)k\b"), r"\1 thousand"),
    (re.compile(r"(?<=\d) ?/ ?(?=(?:second|minute|hour|day|week|month|year|person|user|unit)\b)"), " per "),
    (re.compile(r"(?<=[a-z]) ?/ ?(?=(?:second|minute|hour|day|week|month|year|mo|yr|hr)\b)"), " per "),
    (re.compile(r"(?<=per )mo\b"), "month"),
    (re.compile(r"(?<=per )yr\b"), "year"),
    (re.compile(r"(?<=per )hr\b"), "hour"),
    (re.compile(r"(?<=[A-Za-z]{2})\.(?=[A-Za-z]{2,4}\b)(?!\w\.)"), " dot "),
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
_FEET = re.compile(r"(?<![\w.])(\d{1,3})'(?: ?(\d{1,2})(?:\"|''))?(?![\w'])")
_CODE = re.compile(r"(?<![\w.,])(\d[\d.,]*\d|\d) ?(" + "|".join(_CODES) + r")\b")


def vulgar_fractions(text: str) -> str:
    """ "2½" as "2 1/2"."""
    for sign, written in _VULGAR.items():
        text = re.sub(rf"(?<=\d)(?={sign})", " ", text).replace(sign, written)
    return text


def _feet(found: re.Match[str]) -> str:
    feet = f"{found[1]} {'foot' if found[1] == '1' else 'feet'}"
    return feet + (f" {found[2]} {'inch' if found[2] == '1' else 'inches'}" if found[2] else "")


def expand(text: str) -> str:
    """Say the money, measures and signs of `text`."""
    text = _FEET.sub(_feet, text)
    text = _CODE.sub(lambda found: f"{found[1]} {_CODES[found[2]]}", text)
    text = _EURO_BEHIND.sub(lambda found: "€" + found[1].replace(",", "."), text)
    text = _MONEY.sub(_money, text)
    text = _CENTS.sub(lambda found: f"{found[1]} cent{'' if found[1] == '1' else 's'}", text)
    text = _MEASURE.sub(_measure, text)
    for pattern, said in _SIGNS:
        text = pattern.sub(said, text)
    return text


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
