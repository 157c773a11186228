"""Figures in words, for engines that know none: what is left of them once dates and the like are said."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from num2words import num2words

from sottovoce.engines.tts.brazilian_money import brazilian_price
from sottovoce.engines.tts.chinese_figures import chinese_number

MAX_DIGITS = 15
"""Longer numbers are nobody's amounts: they are read digit by digit, as numbers of accounts are."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a language reads figures. `code` is num2words' name for it."""

    code: str
    decimal: str
    group: str
    point: str
    minus: str
    percent: str


_READINGS = {
    "en": Reading("en", ".", ",", "point", "minus", "percent"),
    "es": Reading("es", ",", ".", "coma", "menos", "por ciento"),
    "fr": Reading("fr", ",", " ", "virgule", "moins", "pour cent"),
    "it": Reading("it", ",", ".", "virgola", "meno", "per cento"),
    "pt": Reading("pt_BR", ",", ".", "vírgula", "menos", "por cento"),
    "ja": Reading("ja", ".", ",", "てん", "マイナス", "パーセント"),
    "zh": Reading("zh", ".", ",", "点", "负", ""),
}
"""What is not here espeak-ng reads, and knows how to."""

_CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP"}
_NAMED = {"es", "fr", "it", "pt"}
"""Languages whose money is said here."""

_WIDE = {ord("０") + digit: str(digit) for digit in range(10)} | {ord("．"): ".", ord("％"): "%"}


def spell_figures(text: str, language: str) -> str:
    """`text` without figures, where the language is one that is read here."""
    short = language.partition("-")[0]
    reading = _READINGS.get(short)
    if reading is None:
        return text
    text = text.translate(_WIDE)
    if short == "en":
        return _english(text, reading)
    if short == "zh":
        text = _CHINESE_YEAR.sub(lambda found: "".join(map(chinese_number, map(int, found[0]))), text)
    if short in _NAMED:
        text = _money(text, reading)
    return _numbers(text, reading)


def _numbers(text: str, reading: Reading) -> str:
    group, decimal = re.escape(reading.group), re.escape(reading.decimal)
    pattern = re.compile(
        rf"(?<![\w])(?P<minus>[-−])?(?P<whole>\d{{1,3}}(?:{group}\d{{3}})+(?!\d)|\d+)"
        rf"(?:{decimal}(?P<part>\d+))?(?P<percent> ?%)?"
        if reading.code not in ("zh", "ja")
        else r"(?P<minus>[-−])?(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.(?P<part>\d+))?(?P<percent> ?%)?"
    )
    return pattern.sub(lambda found: _number(found, reading), text)


def _number(found: re.Match[str], reading: Reading) -> str:
    said = _whole(found["whole"].replace(reading.group, ""), reading)
    if found["part"]:
        said += f" {reading.point} " + _digits(found["part"], reading)
    if found["minus"]:
        said = f"{reading.minus} {said}"
    if not found["percent"]:
        return said
    return f"百分之{said}" if reading.code == "zh" else f"{said} {reading.percent}"


def _whole(digits: str, reading: Reading) -> str:
    if len(digits) > MAX_DIGITS or (digits.startswith("0") and len(digits) > 1):
        return _digits(digits, reading)
    return _said(int(digits), reading)


def _digits(digits: str, reading: Reading) -> str:
    return " ".join(_said(int(digit), reading) for digit in digits)


def _said(number: int, reading: Reading, to: str = "cardinal") -> str:
    if reading.code == "zh":
        return chinese_number(number)
    if reading.code == "ja":
        return str(num2words(number, lang="ja", reading=True))
    return str(num2words(number, lang=reading.code, to=to)).replace(",", "")


def _money(text: str, reading: Reading) -> str:
    group, sign = re.escape(reading.group), r"(R\$|[€$£])" if reading.code == "pt_BR" else "([€$£])"
    amount = rf"(\d{{1,3}}(?:{group}\d{{3}}){{1,2}}|\d{{1,9}})(?:{re.escape(reading.decimal)}(\d\d))?"
    behind = re.compile(rf"(?<![\w.,]){amount} ?{sign}")
    before = re.compile(rf"{sign} ?{amount}(?!\d|[.,]\d)")
    text = behind.sub(lambda found: _price(found[1], found[2], found[3], reading), text)
    return before.sub(lambda found: _price(found[2], found[3], found[1], reading), text)


def _price(written: str, part: str | None, sign: str, reading: Reading) -> str:
    """num2words wants cents as an int, and says them only where there are some."""
    whole = written.replace(reading.group, "")
    if reading.code == "pt_BR":
        return brazilian_price(int(whole), int(part or 0), sign)
    cents = int(whole) * 100 + int(part or 0)
    said = num2words(cents, lang=reading.code, to="currency", currency=_CURRENCIES[sign], cents=bool(part))
    said = str(said)
    return said if part else re.split(r",| con | et | e (?=\d|zero)", said)[0].strip()


_CHINESE_YEAR = re.compile(r"(?<!\d)\d{4}(?=年)")
"""Read digit by digit."""

_English = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
_SIGNS: tuple[_English, ...] = (
    (re.compile(r" ?%"), " percent"),
    (re.compile(r" ?& ?"), " and "),
    (re.compile(r"(?<=\w)@(?=\w)| ?@ ?"), " at "),
    (re.compile(r"(?<=[A-Za-z])-(?=\d)|(?<=\d)-(?=[A-Za-z])"), " "),
)
_VERSION = re.compile(r"(?<![\w.])(?:[vV]ersion )?[vV]?\d+(?:\.\d+){2,}(?![\w.]*\d)")
_ORDINAL = re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", re.IGNORECASE)
_SEAM = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


def _english(text: str, reading: Reading) -> str:
    text = _VERSION.sub(_version, re.sub(r"(?<![\w.])\.(?=\d)", " point ", text))
    for pattern, said in _SIGNS:
        text = pattern.sub(said, text)
    text = _ORDINAL.sub(lambda found: _ordinal(found[1], reading), text)
    return _numbers(_SEAM.sub(" ", text), reading)


def _version(found: re.Match[str]) -> str:
    digits = found[0].lstrip("vVersion ")
    return ("version " if digits != found[0] else "") + digits.replace(".", " point ")


def _ordinal(digits: str, reading: Reading) -> str:
    plain = digits.replace(",", "")
    return _said(int(plain), reading, "ordinal") if len(plain) <= MAX_DIGITS else _digits(plain, reading)
