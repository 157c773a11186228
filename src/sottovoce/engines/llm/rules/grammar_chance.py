"""Rules for dice, coins, picks, spelling and counting."""

from __future__ import annotations

import re

from sottovoce.engines.llm.rules.intent import Intent, Rule, rule

STEPS = {
    "twos": 2,
    "threes": 3,
    "fours": 4,
    "fives": 5,
    "sixes": 6,
    "tens": 10,
    "twenties": 20,
    "hundreds": 100,
}


def _dice(match: re.Match[str]) -> Intent:
    groups = match.groupdict()
    arguments = {}
    if groups.get("dice"):
        arguments["dice"] = int(groups["dice"])
    if groups.get("sides"):
        arguments["sides"] = int(groups["sides"])
    return Intent("roll_dice", arguments)


def _coins(match: re.Match[str]) -> Intent:
    number = match.groupdict().get("coins")
    return Intent("flip_coin", {"coins": int(number)} if number else {})


def _pick(match: re.Match[str]) -> Intent:
    if not match["low"]:
        return Intent("pick_number")
    return Intent("pick_number", {"low": int(match["low"]), "high": int(match["high"])})


def _choose(match: re.Match[str]) -> Intent | None:
    options = [option.strip() for option in re.split(r" or | and ", match["options"]) if option.strip()]
    if len(options) < 2 or len(match["options"].split()) > 16:
        return None
    if all(re.fullmatch(r"heads|tails", option) for option in options):
        return Intent("flip_coin")
    return Intent("choose", {"options": options})


def _spell(match: re.Match[str]) -> Intent | None:
    word = match["word"].strip()
    return Intent("spell", {"word": word}) if len(word.split()) <= 4 else None


def _count(match: re.Match[str]) -> Intent | None:
    words = match.string
    first, last, by = (
        re.search(pattern, words) for pattern in (r"from (\d+)", r"\bto (\d+)", r"\bby ([\w]+)")
    )
    is_down = bool(re.search(r"down|backward", words))
    if first is None and last is None:
        return None
    start = int(first.group(1)) if first else (int(last.group(1)) if is_down and last else 1)
    stop = int(last.group(1)) if last and not (is_down and not first) else 1
    step = _step(by.group(1)) if by else 1
    if step and not first and step > 1:
        start = step
    return Intent("count", {"start": start, "stop": stop, "step": step}) if step else None


def _step(word: str) -> int:
    digits = re.match(r"\d+", word)
    return int(digits.group()) if digits else STEPS.get(word, 0)


DIE = r"(?:dice|die|dies|dye|dices|the dice)"
RULES: tuple[Rule, ...] = (
    rule(
        (
            rf"(?:roll|throw|role|rolled|toss)(?: me)?(?: an?| the| some"
            rf"| my)?(?: (?P<dice>\d+))?(?: (?P<sides>\d+)[ -]?sided)? {DIE}"
        ),
        _dice,
    ),
    rule(r"(?:roll|throw|role) (?:an? )?(?P<dice>\d+)? ?d ?(?P<sides>\d+)", _dice),
    rule(r"roll (?:it|them)", "roll_dice"),
    rule(
        (
            r"(?:flip|toss|throw|slip|flick)(?: me)?(?: an?| the| some)?(?: (?P<coins>\d+))? (?:coins?"
            r"|corn|going)"
        ),
        _coins,
    ),
    rule(r"heads or tails", _coins),
    rule(
        r"(?:pick|choose|give me|think of|tell me|say|generate|draw)(?: an?| any)?(?: random)? number"
        r"(?: (?:between|from) (?P<low>\d+) (?:and|to|2|through) (?P<high>\d+))?",
        _pick,
    ),
    rule(r"(?:choose|decide|pick)(?: between| one of| from)? (?P<options>.+ (?:or|and) .+)", _choose),
    rule(
        (
            r"(?:should i (?:have|take|do|pick|choose|eat|drink|buy|wear|go)"
            r"|what is better) (?P<options>.+ or .+)"
        ),
        _choose,
    ),
    rule(r"(?P<options>(?:[a-z]+ ){1,3}or(?: [a-z]+){1,3})", _choose),
    rule(
        (
            r"(?:how (?:do|would|should|can|to) ?(?:you|i|we"
            r"|one)? ?)?spell(?: out)?(?: the)?(?: word)? (?P<word>.+)"
        ),
        _spell,
    ),
    rule(r"(?:how is|how are)(?: the word)? (?P<word>.+?) (?:spelled|spelt|written)", _spell),
    rule(
        r"(?:let us )?count(?: up| down| backwards?)?(?: (?:from|down|up|to|by|\d+|[a-z]+s|backwards?))+",
        _count,
    ),
)
