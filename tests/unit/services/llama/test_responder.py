"""What a model is asked before anybody else may ask it; the server behind it is a table of answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sottovoce.config import LlmSettings
from sottovoce.errors import EngineUnavailable
from sottovoce.models.machine import Machine
from sottovoce.services.health import Health
from sottovoce.services.llama import responder
from sottovoce.services.llama.backend import Backend
from sottovoce.services.llama.responder import LlamaResponder

ANSWERS: dict[str, Any] = {
    "/apply-template": {"prompt": "user: Who are you?"},
    "/v1/chat/completions": {},
    "/props": {"default_generation_settings": {"n_ctx": 4096}},
}


class TableClient:
    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    async def post(self, path: str, body: object) -> Any:
        return self.answers[path]

    async def get(self, path: str) -> Any:
        return self.answers[path]

    async def aclose(self) -> None: ...


class WarmingKeeper:
    """Has nothing to start."""

    def __init__(self, client: object, health: Health, warm: Any) -> None:
        self._warm = warm

    def give_up(self, fault: str) -> None: ...

    async def start(self, backend: Backend) -> None:
        await self._warm()

    async def aclose(self) -> None: ...


async def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> LlamaResponder:
    async def find_backend(*_: object) -> Backend:
        return Backend("built-in", (), {})

    monkeypatch.setattr(responder, "find_backend", find_backend)
    monkeypatch.setattr(responder, "LlamaKeeper", WarmingKeeper)
    monkeypatch.setattr(responder, "LlamaClient", lambda key: TableClient(answers))
    file = tmp_path / "model.gguf"
    file.touch()
    machine = Machine(cores=2, memory_bytes=8 << 30)
    made = LlamaResponder("model", file, LlmSettings(), machine, Health())
    await made.load()
    await made.aclose()
    return made


async def test_what_the_server_makes_of_the_context_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await loaded(tmp_path, monkeypatch, ANSWERS)).facts()["context"] == 4096


@pytest.mark.parametrize(
    ("path", "answer"),
    [("/apply-template", {}), ("/props", {}), ("/props", {"default_generation_settings": {"n_ctx": None}})],
)
async def test_a_server_that_does_not_tell_what_is_needed_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, answer: object
) -> None:
    with pytest.raises(EngineUnavailable, match="does not tell what is needed"):
        await loaded(tmp_path, monkeypatch, {**ANSWERS, path: answer})
