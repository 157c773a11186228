"""A text as words and the marks between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MARKS = ".!?…,;:—"
"""Those a voice takes its pauses and its tune from."""

_AS = str.maketrans("。！？，、；：–()[]（）।؟،", ".!?,,;:—,,,,,,.?,")
_TOKEN = re.compile(r"(?P<marks>(?:[.!?…,;:—]+\s*)+)|(?P<word>[^\s.!?…,;:—\"“”«»„]+)")
_DASH = re.compile(r"\s-{1,3}\s|--+")
_STRONGEST = "?!.…:;—,"


@dataclass(frozen=True, slots=True)
class Written:
    """A word as it is written, and the mark behind it, "" for none."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word in phonemes, and the mark behind it. `is_joint`: a new part of the sentence begins with it, such
    as one after "and"; a good place to cut before."""

    phonemes: str
    mark: str = ""
    is_joint: bool = False

    def __str__(self) -> str:
        return self.phonemes + self.mark


def split_words(text: str) -> Iterator[Written]:
    """Of several marks in a row the strongest stands; those before any word are left out."""
    waiting = ""
    for found in _TOKEN.finditer(_DASH.sub(" — ", text.translate(_AS))):
        if found["word"]:
            if waiting:
                yield Written(waiting)
            waiting = found["word"]
        elif waiting:
            yield Written(waiting, _strongest(found["marks"]))
            waiting = ""
    if waiting:
        yield Written(waiting)


def split_parts(text: str) -> Iterator[Written]:
    """The pieces of `text` between its marks, for languages whose words are not taken one by one."""
    words: list[str] = []
    for word in split_words(text):
        words.append(word.text)
        if word.mark:
            yield Written(" ".join(words), word.mark)
            words = []
    if words:
        yield Written(" ".join(words))


def _strongest(marks: str) -> str:
    return next(mark for mark in _STRONGEST if mark in marks)
