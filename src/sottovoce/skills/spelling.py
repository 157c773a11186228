"""Words letter by letter, and counting aloud."""

from __future__ import annotations

from sottovoce.skills.numbers import in_words

MAX_LETTERS = 40
MAX_COUNTED = 100
"""Numbers counted aloud at once; a hundred take about a minute."""


def spell(word: str) -> str:
    """ "Tea: T, E, A." Raises ValueError for what has no letters or too many."""
    letters = [letter.upper() for letter in word if letter.isalnum()]
    if not letters:
        raise ValueError("There are no letters in that.")
    if len(letters) > MAX_LETTERS:
        raise ValueError(f"That is too long to spell aloud. I stop at {MAX_LETTERS} letters.")
    return f"{word[:1].upper()}{word[1:]}: {', '.join(letters)}."


def count(start: int, stop: int, step: int = 1) -> str:
    """ "One, two, three." in either direction, `step` apart. Raises ValueError past `MAX_COUNTED` numbers."""
    if step < 1:
        raise ValueError("I can only count in steps of one or more.")
    sign = 1 if stop >= start else -1
    size = abs(stop - start) // step + 1
    if size > MAX_COUNTED:
        raise ValueError(f"That would take too long. I count at most {MAX_COUNTED} numbers.")
    said = ", ".join(in_words(number) for number in range(start, stop + sign, step * sign))
    return f"{said[:1].upper()}{said[1:]}."
