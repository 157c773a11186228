"""Cities, countries and states as people name them, to time zones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from rapidfuzz import fuzz, process

MIN_SIMILARITY = 80.0
"""Percent two names must share for one to pass as a misheard other; lower lets "lemon" become London."""

MAX_NAME_CHARACTERS = 60

ALIASES: Mapping[str, str] = {
    **dict.fromkeys(
        ("new york city", "boston", "washington", "washington dc", "miami", "atlanta"), "America/New_York"
    ),
    **dict.fromkeys(
        ("philadelphia", "florida", "georgia", "the east coast", "eastern time"), "America/New_York"
    ),
    **dict.fromkeys(
        ("houston", "dallas", "austin", "texas", "new orleans", "minneapolis"), "America/Chicago"
    ),
    **dict.fromkeys(("illinois", "central time", "san antonio", "nashville", "memphis"), "America/Chicago"),
    **dict.fromkeys(("utah", "salt lake city", "colorado", "mountain time"), "America/Denver"),
    **dict.fromkeys(
        ("san francisco", "seattle", "las vegas", "portland", "san diego"), "America/Los_Angeles"
    ),
    **dict.fromkeys(
        ("california", "oregon", "la", "silicon valley", "pacific time", "the west coast"),
        "America/Los_Angeles",
    ),
    **dict.fromkeys(("hawaii",), "Pacific/Honolulu"),
    **dict.fromkeys(("alaska",), "America/Anchorage"),
    **dict.fromkeys(("arizona",), "America/Phoenix"),
    **dict.fromkeys(("montreal", "ottawa", "quebec"), "America/Toronto"),
    **dict.fromkeys(("calgary",), "America/Edmonton"),
    **dict.fromkeys(("rio", "rio de janeiro", "brasilia"), "America/Sao_Paulo"),
    **dict.fromkeys(
        ("england", "britain", "great britain", "the uk", "uk", "manchester", "edinburgh"), "Europe/London"
    ),
    **dict.fromkeys(
        ("scotland", "wales", "liverpool", "glasgow", "birmingham", "oxford", "cambridge"), "Europe/London"
    ),
    **dict.fromkeys(("ireland",), "Europe/Dublin"),
    **dict.fromkeys(("france", "lyon", "marseille", "nice"), "Europe/Paris"),
    **dict.fromkeys(("germany", "munich", "hamburg", "frankfurt", "cologne", "stuttgart"), "Europe/Berlin"),
    **dict.fromkeys(("spain", "barcelona", "valencia", "seville"), "Europe/Madrid"),
    **dict.fromkeys(("italy", "milan", "naples", "florence", "venice", "turin"), "Europe/Rome"),
    **dict.fromkeys(("switzerland", "geneva", "bern", "basel"), "Europe/Zurich"),
    **dict.fromkeys(
        ("the netherlands", "netherlands", "holland", "rotterdam", "the hague"), "Europe/Amsterdam"
    ),
    **dict.fromkeys(("sweden", "gothenburg"), "Europe/Stockholm"),
    **dict.fromkeys(("russia", "saint petersburg"), "Europe/Moscow"),
    **dict.fromkeys(("ukraine", "kiev"), "Europe/Kyiv"),
    **dict.fromkeys(
        ("india", "mumbai", "bombay", "delhi", "new delhi", "bangalore", "chennai"), "Asia/Kolkata"
    ),
    **dict.fromkeys(("china", "beijing", "shenzhen", "guangzhou"), "Asia/Shanghai"),
    **dict.fromkeys(("osaka", "kyoto"), "Asia/Tokyo"),
    **dict.fromkeys(("korea", "south korea"), "Asia/Seoul"),
    **dict.fromkeys(("vietnam", "hanoi", "saigon"), "Asia/Ho_Chi_Minh"),
    **dict.fromkeys(("tel aviv",), "Asia/Jerusalem"),
    **dict.fromkeys(("abu dhabi",), "Asia/Dubai"),
    **dict.fromkeys(("new zealand", "wellington"), "Pacific/Auckland"),
    **dict.fromkeys(("canberra",), "Australia/Sydney"),
    **dict.fromkeys(("cape town", "south africa"), "Africa/Johannesburg"),
    **dict.fromkeys(("utc", "gmt", "greenwich", "universal time"), "UTC"),
    "austria": "Europe/Vienna",
    "belgium": "Europe/Brussels",
    "denmark": "Europe/Copenhagen",
    "finland": "Europe/Helsinki",
    "greece": "Europe/Athens",
    "norway": "Europe/Oslo",
    "thailand": "Asia/Bangkok",
    "pakistan": "Asia/Karachi",
    "argentina": "America/Argentina/Buenos_Aires",
    "peru": "America/Lima",
    "kenya": "Africa/Nairobi",
    "nigeria": "Africa/Lagos",
}
"""Names that no zone of the tz database carries itself."""

REGIONS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
COUNTRIES = (
    "Japan",
    "Portugal",
    "Poland",
    "Turkey",
    "Egypt",
    "Iran",
    "Israel",
    "Singapore",
    "Iceland",
    "Jamaica",
)
UPPER_CASE = frozenset({"utc", "gmt", "uk", "dc", "la"})


@dataclass(frozen=True, slots=True)
class Place:
    """`name` as it is said, with the zone that holds there."""

    name: str
    zone: ZoneInfo


@cache
def _zones() -> dict[str, str]:
    """Spoken name to zone: the tz database's cities, some of its countries, and `ALIASES` over both."""
    names: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        region, _, city = zone.partition("/")
        if (region in REGIONS and city) or zone in COUNTRIES:
            names[zone.rsplit("/", 1)[-1].replace("_", " ").lower()] = zone
    return {**names, **ALIASES}


def find_place(name: str) -> Place | None:
    """The place meant by `name`, which may be misheard; None where nothing is near enough."""
    wanted = name.strip().lower()[:MAX_NAME_CHARACTERS]
    if len(wanted) < 2:
        return None
    zones = _zones()
    if wanted not in zones:
        near = process.extractOne(wanted, zones.keys(), scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY)
        if near is None:
            return _iana(name)
        wanted = near[0]
    return Place(_titled(wanted), ZoneInfo(zones[wanted]))


def _iana(name: str) -> Place | None:
    """A zone by its own key, as "Europe/Paris"."""
    key = next((zone for zone in available_timezones() if zone.lower() == name.strip().lower()), None)
    return Place(_titled(key.rsplit("/", 1)[-1].replace("_", " ").lower()), ZoneInfo(key)) if key else None


def _titled(name: str) -> str:
    words = (word.upper() if word in UPPER_CASE else word.capitalize() for word in name.split())
    return " ".join(words).replace("The ", "the ").replace(" De ", " de ")
