"""Tool results as something to say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sottovoce.engines.llm.rules.schema import split_name
from sottovoce.skills.chance import join_words
from sottovoce.skills.numbers import say_number

MAX_SAID_CHARACTERS = 600
"""About 40 seconds of speech; a longer result is cut at a sentence."""
MAX_RESULT_CHARACTERS = 20_000
"""Of a result that is read as JSON."""
MAX_ITEMS = 6
MAX_DEPTH = 3

ANSWER_KEYS = ("answer", "result", "message", "text", "output", "summary", "content", "response", "reply")
ERROR_KEYS = ("error", "error_message", "exception")
STATUS_KEYS = frozenset({"success", "ok", "status"})
SILENT_KEYS = frozenset(
    {"id", "uuid", "url", "href", "link", "timestamp", "request_id", "type", "object", "code"}
)
UNITS = {
    "celsius": "degrees Celsius",
    "fahrenheit": "degrees Fahrenheit",
    "percent": "percent",
    "kmh": "kilometers per hour",
}


def say_results(results: Sequence[str]) -> str:
    """All results of one step, one after the other."""
    return _cut(" ".join(say_result(result) for result in results))


def say_result(content: str) -> str:
    """A tool's result as one or a few sentences: prose as it is, JSON put into words."""
    text = content.strip()
    if not text:
        return "Done."
    value = _parsed(text)
    said = _say(value) if value is not None else _prose(text)
    return _cut(_sentence(said)) if said else "Done."


def _parsed(text: str) -> Any:
    if text[0] not in '{["-0123456789tfn' or len(text) > MAX_RESULT_CHARACTERS:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _prose(text: str) -> str:
    """Without markup that cannot be said."""
    plain = re.sub(r"```.*?```", " ", text, flags=re.S)
    plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", plain)
    plain = re.sub(r"https?://\S+", "a link", plain)
    plain = re.sub(r"^\s*(?:[#>*+-]+|\d+\.)\s+", "", plain, flags=re.M)
    return " ".join(re.sub(r"[*_`#|]+", "", plain).split())


def _say(value: Any) -> str:
    if isinstance(value, Mapping):
        return _say_object(value)
    if isinstance(value, list):
        return _say_list(value, 0) or "There is nothing."
    return _say_scalar(value)


def _say_object(value: Mapping[str, Any]) -> str:
    fault = next((value[key] for key in ERROR_KEYS if value.get(key)), None)
    if fault is not None:
        return f"That did not work: {_value(fault, 1)}"
    for key in ANSWER_KEYS:
        if isinstance(value.get(key), str) and value[key].strip():
            return _prose(value[key])
    if value and set(value) <= STATUS_KEYS:
        is_good = all(part not in (False, "error", "failed", "failure") for part in value.values())
        return "Done" if is_good else "That did not work"
    pairs = _pairs(value, 0)
    return join_words(pairs)


def _pairs(value: Mapping[str, Any], depth: int) -> list[str]:
    """ "the temperature is 21", for the entries worth saying."""
    said: list[str] = []
    for key, part in value.items():
        words = " ".join(split_name(str(key)))
        if part is None or str(key).lower() in SILENT_KEYS or key in STATUS_KEYS or not words:
            continue
        if spoken := _value(part, depth + 1):
            said.append(f"the {words} is {spoken}")
    return said[:MAX_ITEMS]


def _value(part: Any, depth: int) -> str:
    if depth > MAX_DEPTH:
        return ""
    if isinstance(part, Mapping):
        return ", ".join(
            f"{pair.removeprefix('the ').replace(' is ', ' ', 1)}" for pair in _pairs(part, depth)
        )
    if isinstance(part, list):
        return _say_list(part, depth)
    return _say_scalar(part)


def _say_list(items: Sequence[Any], depth: int) -> str:
    said = [spoken for item in items[:MAX_ITEMS] if (spoken := _value(item, depth + 1))]
    rest = len(items) - MAX_ITEMS
    return join_words([*said, f"{rest} more"] if rest > 0 else said)


def _say_scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return say_number(float(value)) if isinstance(value, float) else str(value)
    text = _prose(str(value))
    return UNITS.get(text.lower(), text)


def _sentence(text: str) -> str:
    said = text[:1].upper() + text[1:]
    return said if said[-1:] in ".!?" else f"{said}."


def _cut(text: str) -> str:
    if len(text) <= MAX_SAID_CHARACTERS:
        return text
    head = text[:MAX_SAID_CHARACTERS]
    end = max(head.rfind(mark) for mark in (". ", "! ", "? "))
    return head[: end + 1] if end > 0 else f"{head[: head.rfind(' ')]} and so on."
