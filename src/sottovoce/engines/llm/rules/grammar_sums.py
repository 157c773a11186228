"""Rules for sums and conversions."""

from __future__ import annotations

import re

from sottovoce.engines.llm.rules.intent import Intent, Rule, rule
from sottovoce.skills.arithmetic import is_sum
from sottovoce.skills.units import Unit, find_unit

NUMBER = r"(?:(?P<n>-?\d+(?:,\d{3})*(?:\.\d+)?)(?P<half> and a half)?|(?P<one>an?|one|half an?|half a))"
TEMPERATURES = {"degC": "fahrenheit", "degF": "celsius"}


def _sum(match: re.Match[str]) -> Intent | None:
    expression = match["sum"].strip()
    return Intent("calculate", {"expression": expression}) if is_sum(expression) else None


def _conversion(match: re.Match[str]) -> Intent | None:
    source, target = find_unit(match["source"]), find_unit(match["target"])
    if source is None or target is None:
        return None
    names = {"from_unit": _from_name(source, target), "to_unit": target.many}
    return Intent("convert", {"amount": _amount(match), **names})


def _from_name(source: Unit, target: Unit) -> str:
    """ "20 degrees in fahrenheit" can only be Celsius."""
    if source.code == "degree" and target.code in TEMPERATURES:
        return TEMPERATURES[target.code]
    return source.many


def _amount(match: re.Match[str]) -> float:
    if match["n"] is None:
        return 0.5 if match["one"] and match["one"].startswith("half") else 1
    number = float(match["n"].replace(",", "")) + (0.5 if match["half"] else 0)
    return whole(number)


def whole(number: float) -> float:
    return int(number) if number.is_integer() else number


ASK = (
    r"(?:what is |what are |how much is |how far is |how long is |how heavy is |how hot is "
    r"|how tall is |tell me )?"
)
RULES: tuple[Rule, ...] = (
    rule(
        r"how (?:many|much) (?P<target>.+?)(?: is| are| are there| is there| make| makes| go"
        r"| do you have| fit)?"
        rf"(?: in| into| is| are)? {NUMBER} ?(?P<source>.+?)",
        _conversion,
    ),
    rule(
        rf"(?:convert |change |turn |express |{ASK})(?:from )?{NUMBER} ?(?P<source>.+?)"
        r" (?:to|too|two|2|into|in|as|is in|and) (?:how many )?(?P<target>.+)",
        _conversion,
    ),
    rule(
        r"(?:what is|what are|how much is|how much are|calculate|compute|work out|what does|solve"
        r"|what do|what|"
        r"tell me what|give me)?(?P<sum> .+?)(?: is| make| makes| equal| equals| be| =)?",
        _sum,
    ),
    rule(r"(?P<sum>.+?)(?: is| make| makes| equal| equals| =)?(?: what)?", _sum),
)
