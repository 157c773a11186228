"""Requests that lean on the one before: "and in tokyo", "times two", "cancel it", "ten minutes"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sottovoce.engines.llm.rules import grammar_timers
from sottovoce.engines.llm.rules.grammar_sums import whole
from sottovoce.engines.llm.rules.grammar_time import ANY_DAY
from sottovoce.engines.llm.rules.intent import Intent
from sottovoce.skills.arithmetic import is_sum
from sottovoce.skills.dates import find_day
from sottovoce.skills.durations import parse_duration
from sottovoce.skills.places import find_place
from sottovoce.skills.units import find_unit

LINK = re.compile(
    r"^(?:(?:and|what about|how about|or|also|now|then|ok|okay|but|what is|what if|make it|no"
    r"|the same)\s+)+(?:for |with )?"
)
AGAIN = re.compile(
    r"(?:(?:do|roll|flip|try|toss|throw|tell me)? ?(?:it|that|me|1"
    r"|another)? ?(?:once )?(?:again|another(?: 1)?|1 more|more)(?: time)?|another"
    r"|next(?: 1)?)"
)
REPEATABLE = frozenset({"roll_dice", "flip_coin", "pick_number", "joke", "choose"})
CANCEL = re.compile(
    r"(?:cancel|stop|delete|remove|turn off|drop) (?:it|that|this|that 1|them|all|everything)(?: timer)?"
)

Variation: TypeAlias = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]


def answer(words: str, before: Intent) -> Intent | None:
    """`words` as the answer to what was missing from `before`, or as "again", or as "cancel it"."""
    if before.missing:
        return _filled(words, before)
    if before.name in REPEATABLE and AGAIN.fullmatch(words):
        return before
    if before.name in ("set_timer", "set_reminder", "list_timers") and CANCEL.fullmatch(words):
        return Intent(
            "cancel_timer",
            {"all_of_them": True} if re.search(r"all|every|them", words) else _label_of(before),
        )
    if before.name == "remember" and re.fullmatch(r"(?:forget|delete) (?:it|that|about it)", words):
        return Intent("forget", {"about": before.arguments["fact"]})
    return None


def _label_of(before: Intent) -> Mapping[str, Any]:
    label = "reminder" if before.name == "set_reminder" else before.arguments.get("label")
    return {"label": label} if label else {}


def _filled(words: str, before: Intent) -> Intent | None:
    if before.missing == "duration" and parse_duration(words) is not None:
        found = re.search(grammar_timers.SPANS, words)
        return Intent("set_timer", {**before.arguments, "duration": found.group() if found else words})
    when = re.fullmatch(
        rf"(?:set it |remind me |do it |make it )?(?P<when>{grammar_timers.BARE_WHEN})(?: please)?", words
    )
    if before.missing == "when" and when:
        return Intent("set_reminder", {**before.arguments, "when": _full_when(when["when"])})
    if before.missing == "about" and before.arguments.get("when") and len(words.split()) <= 12:
        about = re.sub(r"^(?:to|that|about|remind me to) ", "", words)
        return Intent("set_reminder", {**before.arguments, "about": about})
    return None


def _full_when(when: str) -> str:
    """ "10 minutes" as the answer to "when" is "in 10 minutes", "7" is "at 7"."""
    if re.fullmatch(grammar_timers.SPANS, when):
        return f"in {when}"
    return when if re.match(rf"(?:in|after|for|at|by|around|{grammar_timers.DAY})\b", when) else f"at {when}"


def variation(words: str, before: Intent) -> Intent | None:
    """`words` as a change to `before`: another place, day, number or unit."""
    rest = LINK.sub("", words).strip()
    vary = VARIATIONS.get(before.name)
    if not rest or vary is None:
        return None
    changed = vary(rest, before.arguments)
    if changed is None:
        return None
    name = "set_timer" if vary is _timer else before.name
    return Intent(name, changed)


def _place(rest: str, _: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = re.fullmatch(r"(?:in |at |there in )?(?P<place>(?:[a-z'-]+ ?){1,4})", rest)
    return {"place": found["place"]} if found and find_place(found["place"]) else None


def _day(rest: str, before: Mapping[str, Any]) -> Mapping[str, Any] | None:
    key = "until" if "until" in before else "when"
    rest = re.sub(r"^(?:until|till|to|on) ", "", rest)
    return (
        {**before, key: rest, **({"detail": "date"} if key == "when" else {})}
        if find_day(rest, ANY_DAY)
        else None
    )


def _sum(rest: str, before: Mapping[str, Any]) -> Mapping[str, Any] | None:
    rest = re.sub(r"^(?:that|it|the result) ", "", rest)
    longer = f"({before['expression']}) {rest}"
    return {"expression": longer} if not is_sum(rest) and is_sum(longer) else None


def _conversion(rest: str, before: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if target := find_unit(re.sub(r"^(?:in|into|to) ", "", rest)):
        return {**before, "to_unit": target.many}
    found = re.fullmatch(r"(?P<n>-?\d+(?:\.\d+)?)(?: (?P<unit>.+))?", rest)
    if found is None:
        return None
    unit = find_unit(found["unit"] or before["from_unit"])
    return {**before, "amount": whole(float(found["n"])), "from_unit": unit.many} if unit else None


def _timer(rest: str, before: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = re.fullmatch(
        rf"(?:another |1 |a |an )*(?:1 |timer )*(?:for |of )?(?P<span>{grammar_timers.SPANS})", rest
    )
    return {"duration": found["span"]} if found else None


def _spelling(rest: str, _: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return {"word": rest} if len(rest.split()) == 1 else None


def _memory(rest: str, _: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return {"about": rest} if re.match(r"(?:my|the|our)\b", rest) and len(rest.split()) <= 5 else None


VARIATIONS: Mapping[str, Variation] = {
    "time": _place,
    "date": _day,
    "countdown": _day,
    "calculate": _sum,
    "convert": _conversion,
    "set_timer": _timer,
    "cancel_timer": _timer,
    "list_timers": _timer,
    "spell": _spelling,
    "recall": _memory,
}
