"""Rules for timers and reminders."""

from __future__ import annotations

import re

from sottovoce.engines.llm.rules.intent import Intent, Rule, rule
from sottovoce.skills.dates import WEEKDAY
from sottovoce.skills.durations import find_duration

UNIT = r"(?:seconds?|secs?|minutes?|mins?|hours?|days?|weeks?)"
AMOUNT = r"(?:\d+(?:\.\d+)?|half an?|a quarter of an|an?(?: couple of| few)?)"
SPAN = rf"{AMOUNT}(?: and (?:a half|a quarter))? {UNIT}(?: and (?:a half|a quarter))?"
SPANS = rf"{SPAN}(?:(?: and)? {SPAN})*"
HOUR = r"(?:\d{1,2}(?:[: ]\d{2})?(?: ?o'? ?clock)?|noon|midday|midnight)"
CLOCK = rf"(?:(?:half|(?:a )?quarter|\d{{1,2}}(?: minutes)?) (?:past|to|after|before) )?{HOUR}"
PART_OF_DAY = (
    r"(?: ?[ap]m| in the (?:morning|afternoon|evening)| tonight| at night| this (?:morning"
    r"|afternoon|evening))?"
)
DAY = (
    rf"(?:(?:on |this |next |coming )*(?:{WEEKDAY})|the day after tomorrow|tomorrow|today"
    rf"|tonight|this evening)"
)
DAYTIME = (
    rf"(?:{DAY} )?(?:at|by|around|for|from) {CLOCK}{PART_OF_DAY}(?: {DAY})?|{DAY}(?: {CLOCK}{PART_OF_DAY})"
)
WHEN = rf"(?:(?:in|after|for) {SPANS}(?: from now| time)?|{SPANS} from now|{DAYTIME})"
BARE_WHEN = rf"{WHEN}|{SPANS}|{CLOCK}{PART_OF_DAY}"

NO_LABEL = frozenset(
    "a an the my another new one this that for to of and with set start timer alarm countdown reminder me up "
    "second minute hour seconds minutes hours all any running please some in at it is on".split(" ")
)
TIMER = r"(?:timers?|alarms?|countdowns?)"


def _timer(match: re.Match[str]) -> Intent | None:
    words = match.string
    moment = re.search(rf"\b(?:at|for) {CLOCK}{PART_OF_DAY}(?: {DAY})?$", words)
    found = find_duration(words)
    if found is None and moment and re.search(r"alarm|wake", words):
        return Intent("set_reminder", {"about": "wake up", "when": moment.group()})
    if found is None:
        return Intent("set_timer", {}, missing="duration")
    span = re.search(SPANS.replace(" ", "[ -]"), words)
    arguments = {"duration": span.group() if span else words}
    label = _label(found[1])
    return Intent("set_timer", arguments | ({"label": label} if label else {}))


def _label(words: str) -> str:
    """What a timer is for: the word before "timer", or what follows "for the"."""
    named = re.search(r"\b([a-z']+) (?:timer|alarm|countdown)\b", words)
    if named and named.group(1) not in NO_LABEL:
        return named.group(1)
    purpose = re.search(r".*\b(?:for|called|named|of)(?: the| my| a)? ([a-z][a-z' ]*)$", words)
    label = purpose.group(1) if purpose else ""
    return "" if label in NO_LABEL else label


def _reminder(match: re.Match[str]) -> Intent | None:
    rest = match["rest"].strip()
    head = re.fullmatch(rf"(?P<when>{WHEN})(?: to| that| about| of) (?P<about>.+)", rest)
    tail = re.fullmatch(rf"(?P<about>.+?) (?P<when>{WHEN})", re.sub(r"^(?:to|that|about|of) ", "", rest))
    found = head or tail
    if found:
        return Intent("set_reminder", {"about": found["about"], "when": found["when"]})
    if re.fullmatch(WHEN, rest):
        return Intent("set_reminder", {"when": rest}, missing="about")
    about = re.sub(r"^(?:to|that|about|of) ", "", rest)
    return Intent("set_reminder", {"about": about} if about else {}, missing="when" if about else "about")


def _cancel(match: re.Match[str]) -> Intent | None:
    label = _cancel_label(match)
    is_all = bool(re.search(r"\b(?:all|every|both)\b|timers|reminders|alarms", match.string))
    arguments = {"label": label} if label else {}
    return Intent("cancel_timer", arguments | ({"all_of_them": True} if is_all else {}))


def _cancel_label(match: re.Match[str]) -> str:
    words = [
        word for word in (match["label"] or "").split() if word not in ("the", "my", "all", "of", "every")
    ]
    if words:
        return " ".join(words).removesuffix(" long")
    return "reminder" if match["kind"].startswith("reminder") else ""


def _list(match: re.Match[str]) -> Intent:
    words = match.string
    if "reminder" in words:
        return Intent("list_timers", {"label": "reminder"})
    label = re.search(rf"\b([a-z]+) {TIMER}", words)
    if label and label.group(1) not in NO_LABEL | {"what", "which", "have", "list", "show", "there", "many"}:
        return Intent("list_timers", {"label": label.group(1)})
    return Intent("list_timers")


STOP = r"(?:cancel|stop|delete|remove|clear|turn off|end|kill|dismiss|switch off|quit)"
RULES: tuple[Rule, ...] = (
    rule(
        rf"{STOP}(?P<label>(?: [a-z0-9' -]+?)?) (?P<kind>timers?|reminders?|alarms?|countdowns?)",
        _cancel,
    ),
    rule(rf"{STOP} (?P<kind>reminder)s?(?: to| about)? (?P<label>.+)", _cancel),
    rule(
        (
            r"how (?:much (?:more )?time|long|much longer|many minutes|much) (?:is |do i have "
            r"|are )?(?:left|remaining).*"
        ),
        _list,
    ),
    rule(r"how (?:much longer|long to go|long left)(?: .*)?", _list),
    rule(
        r"(?:(?:what|which|how many|list|show|show me|read|are there|do i have|tell me|check)\b.*?)"
        rf"(?:{TIMER}|reminders?)(?: are| do| is| have| running| left| i| set| there| active| on| me)*",
        _list,
    ),
    rule(
        (
            rf"when (?:does|is|will) (?:the|my)(?: [a-z]+)? {TIMER} (?:go off|done|due|ring|over"
            rf"|finished|be done)"
        ),
        _list,
    ),
    rule(
        r"(?:set |create |make |add |give me )?(?:a |another |me a )?remind(?:er)?(?: me)?(?P<rest>(?: .+)?)",
        _reminder,
    ),
    rule(r"do not let me forget(?P<rest>(?: .+)?)", _reminder),
    rule(r"wake me(?: up)?(?: .+)?", _timer),
    rule(
        (
            rf"(?:.*\b)?(?:set|start|give me|make|create|need|want|put on|put|run|begin|add|said"
            rf"|sat) (?:.*\b)?{TIMER}\b.*"
        ),
        _timer,
    ),
    rule(rf"(?:a |an |the )?(?:\d+ (?:minute|second|hour)s? )?{TIMER}(?: (?:for|of|on)? ?.*)?", _timer),
    rule(rf"[a-z]+ {TIMER} (?:for|of) .+", _timer),
)
