from __future__ import annotations

import json

import pytest

from sottovoce.config import ENGINE_KINDS, EngineEndpoint
from sottovoce.errors import InvalidRequestError
from sottovoce.livekit.engine_lines import read_line, write_line

SECRET = "a-key-of-an-engine"
CHAINS = {
    kind: (
        EngineEndpoint(kind, "http://127.0.0.1:1/v1", SECRET, f"best-{kind}", deadline=2.5),
        EngineEndpoint(kind, "https://example.com/v1", "", "other", is_local=False),
    )
    for kind in ENGINE_KINDS
}


def test_a_line_says_all_of_an_engine() -> None:
    line = write_line(CHAINS)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert read_line(line) == CHAINS


def test_a_kind_may_have_nobody() -> None:
    assert read_line(write_line({**CHAINS, "tts": ()}))["tts"] == ()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[]\n",
        b"\xff\n",
        json.dumps({"stt": [], "llm": []}).encode(),
        json.dumps({"stt": [], "llm": [], "tts": [], "video": []}).encode(),
        json.dumps({"stt": [{"url": "http://x/v1", "api_key": SECRET}], "llm": [], "tts": []}).encode(),
        json.dumps({"stt": [{"api_key": [SECRET]}], "llm": [], "tts": []}).encode(),
    ],
)
def test_what_is_no_line_is_refused_without_showing_it(line: bytes) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        read_line(line)
    assert SECRET not in refused.value.message
