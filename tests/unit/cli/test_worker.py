"""What `sottovoce worker` needs before it starts."""

from __future__ import annotations

import logging

import pytest

from sottovoce.cli.app import run
from sottovoce.cli.worker import engine_chains
from sottovoce.config import load
from sottovoce.errors import ConfigError

LIVEKIT = {
    "LIVEKIT_URL": "ws://127.0.0.1:1",
    "LIVEKIT_API_KEY": "APIabcdef",
    "LIVEKIT_API_SECRET": "x7" * 20,
}
ENGINES = {
    "SOTTOVOCE_STT_URL": "http://127.0.0.1:9001/v1",
    "SOTTOVOCE_LLM_URL": "https://llm.example.com/v1/",
    "SOTTOVOCE_TTS_URL": "http://127.0.0.1:9003/v1",
}


def test_a_worker_without_a_server_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in LIVEKIT:
        monkeypatch.delenv(name, raising=False)
    assert run(["worker"]) == 2
    assert "LIVEKIT_URL" in capsys.readouterr().err


def test_a_worker_without_engines_names_all_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**LIVEKIT, "SOTTOVOCE_LLM_URL": "http://127.0.0.1:1/v1"}.items():
        monkeypatch.setenv(name, value)
    assert run(["worker"]) == 2
    said = capsys.readouterr().err
    assert "SOTTOVOCE_STT_URL, SOTTOVOCE_TTS_URL" in said
    assert "SOTTOVOCE_LLM_URL" not in said
    assert "sottovoce stt" in said


def test_engines_are_those_of_the_settings() -> None:
    more = {"SOTTOVOCE_LLM_MODEL": "big", "SOTTOVOCE_LLM_API_KEY": "k", "SOTTOVOCE_LLM_DEADLINE": "7"}
    chains = engine_chains(load(environment={**ENGINES, **more}))
    assert {kind: len(chain) for kind, chain in chains.items()} == {"stt": 1, "llm": 1, "tts": 1}
    (llm,) = chains["llm"]
    assert (llm.url, llm.model, llm.api_key) == ("https://llm.example.com/v1", "big", "k")
    assert llm.deadline == 7
    assert not llm.is_local
    (stt,) = chains["stt"]
    assert (stt.model, stt.deadline, stt.is_local) == ("whisper-1", None, True)


def test_one_missing_is_one_too_many() -> None:
    with pytest.raises(ConfigError, match="SOTTOVOCE_TTS_URL"):
        engine_chains(load(environment={k: v for k, v in ENGINES.items() if "TTS" not in k}))


def test_fallbacks_are_not_silently_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        engine_chains(load(environment={**ENGINES, "SOTTOVOCE_STT_FALLBACKS": "embedded"}))
    assert "SOTTOVOCE_STT_FALLBACKS" in caplog.text
