"""What the terminal says of engines: each step once, in words."""

from __future__ import annotations

import pytest

from sottovoce.cli.lines import Lines, described, line_up
from sottovoce.services.status import EngineState, EngineStatus

LOADING = EngineStatus("stt", "nemotron", "loading", progress=0.41)
FAILED = EngineStatus("stt", "nemotron", "failed", reason="gave up: no tokens.txt")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (LOADING, "nemotron loading 41%"),
        (EngineStatus("stt", "nemotron", "loading"), "nemotron loading"),
        (EngineStatus("stt", "nemotron", "warming"), "nemotron warming"),
        (FAILED, "nemotron failed: gave up: no tokens.txt"),
        (EngineStatus("stt", "nemotron", "ready", load_seconds=2.46), "nemotron ready after 2.5 s"),
        (EngineStatus("llm", "far", "ready", is_external=True), "far ready"),
    ],
)
def test_an_engine_in_a_few_words(status: EngineStatus, text: str) -> None:
    assert described(status) == text


def test_each_step_is_told_once() -> None:
    lines = Lines()

    def told(*statuses: EngineStatus) -> list[str]:
        return list(lines.news({"stt": statuses}))

    embedded = EngineStatus("stt", "pocketsphinx", "loading")
    assert sorted(told(LOADING, embedded)) == ["stt  nemotron loading 41%", "stt  pocketsphinx loading"]
    assert told(LOADING, embedded) == []
    assert told(EngineStatus("stt", "nemotron", "loading", progress=0.59), embedded) == []
    assert told(EngineStatus("stt", "nemotron", "loading", progress=0.60)) == ["stt  nemotron loading 60%"]
    assert told(EngineStatus("stt", "nemotron", "ready")) == ["stt  nemotron ready"]


def test_the_new_one_of_two_that_are_called_the_same_is_told() -> None:
    new, old = EngineStatus("tts", "kokoro", "ready"), EngineStatus("tts", "kokoro", "draining")
    assert list(Lines().news({"tts": [new, old]})) == ["tts  kokoro ready"]


def test_the_line_up_says_who_talks_and_who_will() -> None:
    def shown(state: EngineState, preferred: EngineStatus | None = None) -> str:
        status = EngineStatus("stt", "pocketsphinx", state, preferred=preferred)
        return next(line_up({"stt": status}))

    assert shown("ready") == "hears  pocketsphinx"
    assert shown("loading") == "hears  pocketsphinx (loading)"
    assert shown("ready", LOADING) == "hears  pocketsphinx until nemotron is ready"
    assert shown("ready", FAILED) == "hears  pocketsphinx, for nemotron failed"
