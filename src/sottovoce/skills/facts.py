"""Facts a user tells: kept as said, found again by their words, and said back in the second person."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rapidfuzz import fuzz

MAX_FACTS = 100
"""Bounds what one conversation keeps."""
MAX_FACT_CHARACTERS = 300
MAX_SAID_FACTS = 5
"""More cannot be followed by ear."""
MIN_SIMILARITY = 80.0
"""Percent two words must share to count as the same, misheard."""

SECOND_PERSON: Mapping[str, str] = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are",
    "i'm": "you're", "i've": "you've", "i'll": "you'll", "we": "you", "us": "you", "our": "your",
}  # fmt: skip
STOPWORDS = frozenset(
    "a an the is are was were am be i you my your our me it its that this of in on at to for what where who "
    "when which how do did does put told tell about know remember called have has had been with and s user "
    "keep left favourite favorite there can will would please".split(" ")
)
SUBJECT = re.compile(r"^(.+?)(?:'s name)? (?:is|are|was|were) ")


class FactsError(ValueError):
    """Too many facts, or one too long; the text can be said aloud."""


class Facts:
    """The facts of one conversation, oldest first. A new fact about the same subject replaces the old."""

    def __init__(self, facts: Sequence[str] = ()) -> None:
        self._facts: list[str] = []
        for fact in facts:
            self.remember(fact)

    def __len__(self) -> int:
        return len(self._facts)

    def remember(self, fact: str) -> str:
        """Keep `fact`; the sentence that says so. Raises `FactsError`."""
        kept = " ".join(fact.split()).strip(" .")
        if not kept:
            raise FactsError("There was nothing to remember.")
        if len(kept) > MAX_FACT_CHARACTERS:
            raise FactsError("That is too long for me to remember.")
        subject = _subject(kept)
        self._facts = [old for old in self._facts if subject is None or _subject(old) != subject]
        if len(self._facts) >= MAX_FACTS:
            raise FactsError(f"I remember {MAX_FACTS} things already. Tell me to forget something first.")
        self._facts.append(kept)
        return f"I'll remember that {to_user(kept)}."

    def recall(self, about: str = "") -> str:
        """The facts about something in the second person; without `about`, the latest few."""
        if not self._facts:
            return "You haven't told me anything to remember yet."
        found = self._facts[-MAX_SAID_FACTS:] if not _words(about) else self.about(about)
        if not found:
            return f"You haven't told me about {to_user(about)}."
        said = ". ".join(_sentence(to_user(fact)) for fact in found[:MAX_SAID_FACTS])
        return f"{said}."

    def about(self, about: str) -> list[str]:
        """The facts that share the most words with `about`, best first."""
        wanted = _words(about) or about.lower().split()
        scored = [(_shared(wanted, fact), fact) for fact in reversed(self._facts)]
        best = max((score for score, _ in scored), default=0.0)
        return [fact for score, fact in scored if score == best and best > 0]

    def forget(self, about: str = "") -> str:
        """Drop the facts about something; without `about`, all of them."""
        dropped = self._facts if not about.strip() else self.about(about)
        if not dropped:
            return "There is nothing for me to forget."
        self._facts = [fact for fact in self._facts if fact not in dropped]
        return "I have forgotten everything you told me." if not about.strip() else "I have forgotten that."


def to_user(text: str) -> str:
    """The user's own words turned towards them: "my keys" becomes "your keys"."""
    plain = re.sub(
        r"\bthe user's\b", "your", re.sub(r"\bthe user is\b", "you are", text, flags=re.I), flags=re.I
    )
    return " ".join(SECOND_PERSON.get(word.lower(), word) for word in plain.split())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _subject(fact: str) -> str | None:
    found = SUBJECT.match(to_user(fact.lower()))
    return found.group(1) if found else None


def _owner(fact: str) -> str | None:
    """Whose thing a fact is about, other than the user's: "sister" of "my sister's name"."""
    found = re.match(r"(?:my|your|the) ([a-z]+)'s ", fact.lower())
    return found.group(1) if found else None


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w]+", text.lower()) if word not in STOPWORDS]


def _shared(wanted: Sequence[str], fact: str) -> float:
    """How many of the wanted words stand in `fact`; its subject counts double."""
    subject = (_subject(fact) or "").split()
    owner = _owner(fact)
    if owner and not _has(owner, wanted):
        return 0.0  # "my name" is not "my sister's name"
    words = re.findall(r"[\w]+", fact.lower())
    return sum(_has(word, words) + _has(word, subject) for word in wanted)


def _has(word: str, words: Sequence[str]) -> float:
    return float(any(fuzz.ratio(word, other) >= MIN_SIMILARITY for other in words))
