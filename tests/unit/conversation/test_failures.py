from __future__ import annotations

import pytest
from livekit.agents import APIConnectionError, APIStatusError, APITimeoutError

from sottovoce.config import EngineKind
from sottovoce.conversation.failures import describe
from sottovoce.errors import EngineTimeout


@pytest.mark.parametrize(
    ("engine", "error", "sentence"),
    [
        ("llm", APITimeoutError(), "The language model did not answer in time."),
        ("llm", TimeoutError(), "The language model did not answer in time."),
        ("tts", APIConnectionError(), "The voice cannot be reached."),
        (
            "llm",
            APIStatusError("x", status_code=404, request_id="req_1", body={"message": "No model 'x'."}),
            "The language model refused the request with status 404: No model 'x'.",
        ),
        (
            "tts",
            APIStatusError("x", status_code=500, body="<html>"),
            "The voice refused the request with status 500.",
        ),
        ("stt", EngineTimeout("No transcript came.", engine="stt"), "No transcript came."),
        ("stt", RuntimeError("secret"), "The recogniser failed: RuntimeError."),
    ],
)
def test_failures_are_told_in_a_sentence(engine: EngineKind, error: Exception, sentence: str) -> None:
    assert describe(engine, error) == sentence
