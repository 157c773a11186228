"""Rules for facts that are told, asked for and forgotten."""

from __future__ import annotations

import re

from sottovoce.engines.llm.rules.intent import Intent, Rule, rule

QUESTION = re.compile(r"^(?:what|where|who|when|how|why|which|whether|if)\b")
KEPT_THINGS = (
    r"(?:code|password|pin|plan|address|combination|number|meeting|appointment|wifi password|secret|party)"
)


def _remember(match: re.Match[str]) -> Intent | None:
    fact = match["fact"]
    if QUESTION.match(fact) or fact in ("that", "this", "it", "me"):
        return None
    return Intent("remember", {"fact": fact})


def _name(match: re.Match[str]) -> Intent:
    return Intent("remember", {"fact": f"my name is {match['name'].title()}"})


def _recall(match: re.Match[str]) -> Intent:
    groups = match.groupdict()
    return Intent("recall", {"about": groups["about"]} if groups.get("about") else {})


def _my_name(match: re.Match[str]) -> Intent:
    return Intent("recall", {"about": "my name"})


def _forget(match: re.Match[str]) -> Intent:
    about = re.sub(r"^(?:about |that )?(?:where |what |who )?", "", match["about"] or "")
    about = re.sub(r" (?:is|are)$", "", about)
    is_all = about in ("", "everything", "it all", "all", "all of it") or about.startswith("everything")
    return Intent("forget", {} if is_all else {"about": about})


def _recall_all(match: re.Match[str]) -> Intent | None:
    words = match.string
    if not re.search(r"remember|told|tell you|about me", words):
        return None
    about = re.search(r"\babout (?!me\b)(.+)$", words)
    return Intent("recall", {"about": about.group(1)} if about else {})


RULES: tuple[Rule, ...] = (
    rule(
        r"(?:do you (?:know|remember) |what is |what was |tell me |say )?my name|who am i|what am i called",
        _my_name,
    ),
    rule(r"do you (?:know|remember) (?:what )?my name(?: is)?", _my_name),
    rule(
        (
            r"(?:what|anything)? ?(?:do|did|have|can) (?:you|i) (?:remember|told|tell|know"
            r"|tell you)(?: .*)?(?:about me|to remember|remember)?"
        ),
        _recall_all,
    ),
    rule(
        r"where (?:is|are|was|were|did i (?:put|leave|place|keep|hide)) (?P<about>(?:my|the|our) .+)", _recall
    ),
    rule(r"where (?:did|have) (?P<about>i park(?:ed)?.*)", _recall),
    rule(r"(?:what|who|when|which|how old) (?:is|are|was) (?P<about>(?:my|our) .+)", _recall),
    rule(rf"(?:what|when|where) (?:is|was) (?P<about>the (?!week)(?:[a-z]+ )?{KEPT_THINGS})", _recall),
    rule(r"(?:do you (?:know|remember)) (?P<about>(?:my|where my|what my|who my|when my) .+)", _recall),
    rule(r"forget (?P<about>(?:that|about that))", "forget_last"),
    rule(r"forget (?P<about>(?:everything|all|about|my|our|that|the|what|where|who)\b.*)", _forget),
    rule(
        r"(?:my name is|i am called|call me|you can call me|my name's) (?P<name>[a-z][a-z' -]{0,40})", _name
    ),
    rule(
        r"(?:remember|note|keep in mind|make a note|memorize|do not forget|take a note|remember this)"
        r"(?: down)?(?: that)? (?P<fact>.+)",
        _remember,
    ),
    rule(r"(?P<fact>(?:my|our) .+? (?:is|are|was) .+)", _remember),
    rule(r"(?P<fact>i (?:parked|live|work|left|put|was born|keep) .+)", _remember),
)
