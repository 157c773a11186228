"""Values made to fit what a schema says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from math import ceil
from typing import Any

from sottovoce.engines.llm.rules.schema import Field
from sottovoce.engines.llm.rules.spoken_values import iso_day

MAX_STRING_CHARACTERS = 500

FORMATS: Mapping[str, Callable[[date], str]] = {
    "date": lambda today: today.isoformat(),
    "date-time": lambda today: f"{today.isoformat()}T00:00:00Z",
    "time": lambda _: "00:00:00Z",
    "duration": lambda _: "PT0S",
    "email": lambda _: "nobody@example.com",
    "uuid": lambda _: "00000000-0000-0000-0000-000000000000",
    "uri": lambda _: "about:blank",
    "hostname": lambda _: "localhost",
    "ipv4": lambda _: "127.0.0.1",
    "ipv6": lambda _: "::1",
}
"""JSON schema's formats of strings, each with the least value that a client can parse."""


def in_format(form: str, found: str | None, today: date) -> str | None:
    """The day that `found` speaks of, as `form` writes it; None for what is not spoken."""
    day = iso_day(found, today) if found and form in ("date", "date-time") else None
    return f"{day}T00:00:00Z" if day and form == "date-time" else day


def within(number: float, wanted: Field) -> float | int:
    """`number` brought within the schema's bounds, whole where it has to be."""
    low, high = (
        _bound(wanted, "minimum", "exclusiveMinimum", 1),
        _bound(wanted, "maximum", "exclusiveMaximum", -1),
    )
    value = min(max(number, low), high)
    step = wanted.rules.get("multipleOf")
    if isinstance(step, (int, float)) and step > 0 and not (value / step).is_integer():
        value = ceil(value / step) * step if ceil(value / step) * step <= high else value // step * step
    if wanted.kind == "integer":
        return round(value) if low <= round(value) <= high else ceil(value)
    return int(value) if float(value).is_integer() else value


def _bound(wanted: Field, inclusive: str, exclusive: str, direction: int) -> float:
    """A bound of the schema; an exclusive one is stepped over by one, or a little for fractions."""
    limits = [-direction * float("inf")]
    if _is_number(wanted.rules.get(inclusive)):
        limits.append(float(wanted.rules[inclusive]))
    if _is_number(wanted.rules.get(exclusive)):
        limits.append(wanted.rules[exclusive] + direction * (1 if wanted.kind == "integer" else 1e-3))
    return max(limits) if direction > 0 else min(limits)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def bounded(text: str, wanted: Field) -> str:
    """`text` within `maxLength` and padded to `minLength`."""
    most, least = wanted.rules.get("maxLength"), wanted.rules.get("minLength")
    cut = text[: min(MAX_STRING_CHARACTERS, most if isinstance(most, int) else MAX_STRING_CHARACTERS)]
    return cut.ljust(min(least, MAX_STRING_CHARACTERS), ".") if isinstance(least, int) else cut
