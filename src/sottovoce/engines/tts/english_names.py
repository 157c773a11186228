"""Abbreviations, initials, numerals of kings and chapters in English."""

from __future__ import annotations

import calendar
import re

from num2words import num2words

_TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Prof": "Professor",
    "Gen": "General",
    "Col": "Colonel",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Maj": "Major",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Mt": "Mount",
    "Ft": "Fort",
}
"""Before a name."""

_ABBREVIATIONS = {
    "approx.": "approximately",
    "a.k.a.": "also known as",
    "aka": "also known as",
    "apt.": "apartment",
    "asap": "as soon as possible",
    "assn.": "association",
    "ave.": "Avenue",
    "blvd.": "Boulevard",
    "co.": "Company",
    "corp.": "Corporation",
    "dept.": "department",
    "e.g.": "for example",
    "est.": "established",
    "et al.": "and others",
    "etc.": "et cetera",
    "ext.": "extension",
    "hwy.": "Highway",
    "i.e.": "that is",
    "inc.": "Incorporated",
    "jr.": "Junior",
    "ltd.": "Limited",
    "misc.": "miscellaneous",
    "mt.": "Mount",
    "rd.": "Road",
    "sr.": "Senior",
    "tel.": "telephone",
    "vs.": "versus",
    "vs": "versus",
}
"""Anywhere, where a space or the end follows."""

_BEFORE_NUMBER = {
    "art": "article",
    "ch": "chapter",
    "eq": "equation",
    "fig": "figure",
    "no": "number",
    "nos": "numbers",
    "nr": "number",
    "p": "page",
    "pp": "pages",
    "sec": "section",
    "vol": "volume",
}

_MONTHS = {name[:3]: name for name in calendar.month_name[1:] if len(name) > 4} | {"Sept": "September"}
_DAYS = {"Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday"}
_DAYS |= {"Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday"}

_MONARCHS = (
    "Alexander Anne Benedict Catherine Charles Clement Constantine Edward Elizabeth Ferdinand Francis Franz "
    "Frederick George Gregory Gustav Harald Henry Innocent Isabella Ivan James John Julius Leo Leopold Louis "
    "Malcolm Margaret Maria Mary Napoleon Nicholas Otto Paul Pedro Peter Philip Pius Ramses Ramesses Richard "
    "Robert Rudolf Sixtus Umberto Urban Victor Victoria Wilhelm William"
).split()
_COUNTED = (
    "Act Appendix Article Book Chapter Class Episode Figure Grade Level Mark Part Phase Scene Section Stage "
    "Table Tier Title Type Unit Volume War Bowl"
).split()
_ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}

_MONARCH = re.compile(rf"\b({'|'.join(_MONARCHS)}) ({_ROMAN})(?=(?:'s)?(?:[^\w'-]|$))")
_TITLED = re.compile(r"\b(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Prince|Duke)\s+\w+\s*$")
_PART = re.compile(rf"\b({'|'.join(_COUNTED)}) ({_ROMAN})(?=(?:[^\w'-]|$))")
_INITIALS = re.compile(r"\b(?:[A-Za-z]\.){2,}(?:[A-Za-z]\b)?")
_INITIAL = re.compile(r"\b(?:[A-Z]\.\s?)+(?=[A-Z][a-z])")
_AMPERSAND = re.compile(r"\b([A-Z]{1,3})&([A-Z]{1,3})\b")
_DEGREES = re.compile(r"\b(Ph)\.?(D)\b\.?|\b([BMD])\.?(Sc|Phil|Eng|Ed)\b\.?")
_TITLE = re.compile(rf"\b(Mr|Mrs|Ms)\.|\b({'|'.join(_TITLES)})\.(?=\s[A-Z])")
_NUMBERED = re.compile(rf"\b({'|'.join(_BEFORE_NUMBER)})\.\s?(?=\d)", re.IGNORECASE)
_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})\.?(?= \d)|(?<=\d )({'|'.join(_MONTHS)})\.?(?=[ ,.]|$)")
_DAY = re.compile(rf"\b({'|'.join(_DAYS)})(?:\.(?=,? )|(?=,? (?:{'|'.join(calendar.month_name[1:])})))")
_DOCTOR = re.compile(r"\bDr\.?(?= [A-Z])")
_SAINT = re.compile(r"\bSt\.?(?= [A-Z])")
_ROAD = re.compile(
    r"\b([A-Z][\w'-]*|\d+(?:st|nd|rd|th)) (St|Dr)\b\.?(?= (?:NW|NE|SW|SE|N|S|E|W)\b|,|\s*$|\s+[a-z]|[!?;:])"
)
_PLAIN = re.compile(
    rf"(?<![\w.])(?:{'|'.join(map(re.escape, sorted(_ABBREVIATIONS, key=len, reverse=True)))})(?=[\s,;:)]|$)",
    re.IGNORECASE,
)
_ROADS = {"St": "Street", "Dr": "Drive"}


def expand(text: str) -> str:
    """Say the abbreviations, initials and Roman numerals of `text`."""
    text = _ROAD.sub(_road, text)
    text = _DOCTOR.sub("Doctor", text)
    text = _SAINT.sub("Saint", text)
    text = _TITLE.sub(lambda found: _TITLES[found[1] or found[2]], text)
    text = _DEGREES.sub(_degree, text)
    text = _PLAIN.sub(_abbreviation, text)
    text = _INITIALS.sub(_initials, text)
    text = _INITIAL.sub(lambda found: " ".join(found[0].replace(".", "").split()) + " ", text)
    text = _AMPERSAND.sub(lambda found: f"{' '.join(found[1])} and {' '.join(found[2])}", text)
    text = _NUMBERED.sub(lambda found: _BEFORE_NUMBER[found[1].lower()] + " ", text)
    return _PART.sub(_part, _MONARCH.sub(_monarch, text))


def months_and_days(text: str) -> str:
    """ "Jan. 5" and "Mon., March 3" with their names in full."""
    text = _MONTH.sub(lambda found: _MONTHS[found[1] or found[2]], text)
    return _DAY.sub(lambda found: _DAYS[found[1]], text)


def _road(found: re.Match[str]) -> str:
    return f"{found[1]} {_ROADS[found[2]]}"


def _degree(found: re.Match[str]) -> str:
    return "P H D" if found[1] else f"{found[3]} {found[4]}"


def _abbreviation(found: re.Match[str]) -> str:
    """At the end of a text the point ends the sentence as well."""
    is_end = found[0].endswith(".") and not found.string[found.end() :].strip()
    return _ABBREVIATIONS[found[0].lower()] + ("." if is_end else "")


def _initials(found: re.Match[str]) -> str:
    """ "U.S." as letters; "a.m." as one word in capitals, which voices know."""
    letters = found[0].replace(".", "")
    said = letters.upper() if letters.lower() in ("am", "pm") else " ".join(letters.upper())
    is_end = found[0].endswith(".") and not found.string[found.end() :].strip()
    return said + ("." if is_end else "")


def _monarch(found: re.Match[str]) -> str:
    """ "I" alone is more often somebody speaking: it counts behind a title, and before "of" or a mark."""
    if found[2] == "I" and not (_TITLED.search(found.string[: found.end(1)]) or _is_closed(found)):
        return found[0]
    return f"{found[1]} the {num2words(_value(found[2]), lang='en', to='ordinal')}"


def _is_closed(found: re.Match[str]) -> bool:
    """Whether something follows that no sentence beginning with "I" goes on with."""
    after = found.string[found.end() :]
    return after.startswith((" of ", "'s", ",", ";", ":", ".")) or not after.strip(" !?")


def _part(found: re.Match[str]) -> str:
    """ "I" alone as with kings; "C" and "L" alone are letters."""
    if found[2] in "CL" or (found[2] == "I" and not _is_closed(found)):
        return found[0]
    return f"{found[1]} {num2words(_value(found[2]), lang='en')}"


def _value(roman: str) -> int:
    values = [_VALUES[letter] for letter in roman]
    return sum(
        -one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True)
    )
