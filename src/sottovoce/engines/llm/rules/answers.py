"""What the assistant says itself, where no tool is asked."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sottovoce.engines.llm.rules.history import Past
from sottovoce.engines.llm.rules.intent import Intent
from sottovoce.engines.llm.rules.jokes import pick_joke
from sottovoce.engines.llm.rules.replies import HINT, REPLIES
from sottovoce.skills import arithmetic, chance, clock, spelling, units
from sottovoce.skills.dates import Day, find_day
from sottovoce.skills.facts import FactsError
from sottovoce.skills.places import find_place

MAX_ECHO_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Scene:
    """Where and when a reply is made."""

    now: datetime
    rng: random.Random
    past: Past


Answer: TypeAlias = Callable[[Intent, Scene], str]


def answer(intent: Intent, scene: Scene) -> str:
    """One or a few sentences for `intent`. Loads pint for a conversion: keep that off an event loop."""
    if intent.missing:
        return ASKED[intent.missing]
    try:
        return ANSWERS[intent.name](intent, scene) if intent.name in ANSWERS else _phrase(intent, scene)
    except (ValueError, FactsError) as error:
        return str(error)


def _phrase(intent: Intent, scene: Scene) -> str:
    """A ready reply, not the one said last."""
    choices = REPLIES[intent.name]
    fresh = [reply for reply in choices if " ".join(reply.split()) not in scene.past.said[-1:]]
    return " ".join(scene.rng.choice(fresh or choices).split())


def _time(intent: Intent, scene: Scene) -> str:
    name = intent.arguments.get("place")
    place = find_place(name) if name else None
    if name and place is None:
        return f"I don't know the time zone of {name}."
    return clock.time_sentence(scene.now, place)


def _day(words: str, scene: Scene) -> Day:
    day = find_day(words, scene.now.date())
    if day is None:
        raise ValueError(f"I don't know which day {words} is.")
    return day


def _date(intent: Intent, scene: Scene) -> str:
    return clock.detail_sentence(scene.now, _day(intent.arguments["when"], scene), intent.arguments["detail"])


def _countdown(intent: Intent, scene: Scene) -> str:
    return clock.countdown_sentence(
        scene.now, _day(intent.arguments["until"], scene), intent.arguments["unit"]
    )


def _convert(intent: Intent, _: Scene) -> str:
    given = intent.arguments
    return units.convert(given["amount"], given["from_unit"], given["to_unit"])


def _greet(intent: Intent, _: Scene) -> str:
    if intent.arguments.get("is_check"):
        return "Yes, I can hear you. What can I do for you?"
    greeting = intent.arguments.get("greeting") or "hello"
    return f"{greeting.capitalize()}! How can I help?"


def _repeat(_: Intent, scene: Scene) -> str:
    return scene.past.said[-1] if scene.past.said else "I haven't said anything yet."


def _unknown(intent: Intent, scene: Scene) -> str:
    """The full hint only once in a conversation: nobody wants to hear it twice."""
    if any(HINT in said for said in scene.past.said):
        return _phrase(intent, scene)
    return f"That is beyond me. {HINT}"


def _model(_: Intent, __: Scene) -> str:
    return f"I work by rules, without a language model. {HINT}"


def _pick(intent: Intent, scene: Scene) -> str:
    return f"I pick {chance.pick_number(scene.rng, **intent.arguments)}."


def _choose(intent: Intent, scene: Scene) -> str:
    return f"I'd go with {scene.rng.choice(intent.arguments['options'])}."


def _echo(intent: Intent, _: Scene) -> str:
    words = intent.arguments["words"][:MAX_ECHO_CHARACTERS]
    return f"{words[:1].upper()}{words[1:]}."


ANSWERS: Mapping[str, Answer] = {
    "time": _time,
    "date": _date,
    "countdown": _countdown,
    "calculate": lambda intent, _: arithmetic.calculate(intent.arguments["expression"]),
    "convert": _convert,
    "roll_dice": lambda intent, scene: chance.roll_sentence(scene.rng, **intent.arguments),
    "flip_coin": lambda intent, scene: chance.flip_sentence(scene.rng, **intent.arguments),
    "pick_number": _pick,
    "choose": _choose,
    "spell": lambda intent, _: spelling.spell(intent.arguments["word"]),
    "count": lambda intent, _: spelling.count(**intent.arguments),
    "joke": lambda _, scene: pick_joke(scene.rng, scene.past.said),
    "greet": _greet,
    "repeat": _repeat,
    "echo": _echo,
    "unknown": _unknown,
    "model": _model,
    # the facts of the past hold what was just told, and no longer what was just to be forgotten
    "remember": lambda intent, scene: scene.past.facts.remember(intent.arguments["fact"]),
    "recall": lambda intent, scene: scene.past.facts.recall(intent.arguments.get("about", "")),
}
ASKED: Mapping[str, str] = {
    "duration": "For how long?",
    "when": "When should I remind you?",
    "about": "What should I remind you of?",
}
