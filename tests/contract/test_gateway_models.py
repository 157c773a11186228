"""Models of our own engines and of others, under their names and under those that clients hard-code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.config import EngineEndpoint
from tests.contract.gateway_server import BEARER, Gateway, running
from tests.serving import served

CHAT = "/v1/chat/completions"


class Elsewhere:
    """An OpenAI-compatible server of others, with one model, that says which it was asked for."""

    def __init__(self) -> None:
        self.listed: Any = {"object": "list", "data": [{"id": "qwen3:4b", "owned_by": "library"}]}
        self.asked: list[str | None] = []
        self.listings = 0
        self.is_hanging = False

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/models", self.models),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/audio/transcriptions", self.transcribe, methods=["POST"]),
            ]
        )

    async def models(self, request: Request) -> Response:
        self.listings += 1
        if self.is_hanging:
            await asyncio.Event().wait()
        if self.listed is None:
            return Response("none", 500)
        return JSONResponse(self.listed)

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body.get("model"))
        return JSONResponse({"body": body, "length": request.headers["content-length"]})

    async def transcribe(self, request: Request) -> Response:
        async with request.form() as form:
            self.asked.append(str(form["model"]))
            file = form["file"]
            assert not isinstance(file, str)
            return JSONResponse({"text": file.filename, "bytes": len(await file.read())})


@asynccontextmanager
async def with_elsewhere(folder: Path, **settings: Any) -> AsyncIterator[tuple[Gateway, Elsewhere]]:
    """The gateway with a recogniser and a model of others; its voice is its own."""
    elsewhere = Elsewhere()
    async with served(elsewhere.app()) as url:
        engine = {"url": f"{url}/v1", "model": "qwen3:4b", **settings}
        async with running(folder, llm=engine, stt=engine) as gateway:
            own = gateway.engine.endpoint

            def endpoint(kind: Any) -> EngineEndpoint:
                return own(kind) if kind == "tts" else EngineEndpoint(kind, f"{url}/v1", "", "qwen3:4b")

            gateway.engine.endpoint = endpoint  # type: ignore[method-assign]
            yield gateway, elsewhere


@pytest.mark.parametrize("name", ["gpt-4o", "gpt-4.1-mini-2025-04-14", "o3", "default", None, ""])
async def test_a_hard_coded_name_is_put_right_for_an_engine_of_others(
    tmp_path: Path, name: str | None
) -> None:
    body = {"messages": [{"content": "é😀"}], "seed": 10**30, "x": [1.5, None, True]}
    given = body if name is None else body | {"model": name}
    async with with_elsewhere(tmp_path) as (gateway, elsewhere):
        content = json.dumps(given).encode()
        reply = (await gateway.client.post(CHAT, content=content, headers=BEARER)).json()
    assert elsewhere.asked == ["qwen3:4b"]
    assert reply["body"] == body | {"model": "qwen3:4b"}


@pytest.mark.parametrize("name", ["qwen3:4b", "llama3", "gpt-" + "x" * 100, "whisper-1", 7, ["gpt-4o"]])
async def test_other_names_are_the_engine_s_to_judge(tmp_path: Path, name: object) -> None:
    async with with_elsewhere(tmp_path) as (gateway, elsewhere):
        await gateway.client.post(CHAT, json={"model": name}, headers=BEARER)
    assert elsewhere.asked == [name]


async def test_a_name_that_the_engine_has_itself_is_its_own(tmp_path: Path) -> None:
    async with with_elsewhere(tmp_path) as (gateway, elsewhere):
        elsewhere.listed["data"].append({"id": "gpt-4o"})
        for _ in range(3):
            await gateway.client.post(CHAT, json={"model": "gpt-4o"}, headers=BEARER)
    assert elsewhere.asked == ["gpt-4o"] * 3
    assert elsewhere.listings == 1


async def test_names_are_put_right_for_an_engine_that_lists_nothing(tmp_path: Path) -> None:
    async with with_elsewhere(tmp_path) as (gateway, elsewhere):
        elsewhere.listed = None
        for _ in range(3):
            await gateway.client.post(CHAT, json={"model": "gpt-4o"}, headers=BEARER)
    assert elsewhere.asked == ["qwen3:4b"] * 3
    assert elsewhere.listings == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"gpt-4o"', b"[" * 100_000, b"\xff"])
async def test_what_is_no_object_passes_as_it_is(tmp_path: Path, content: bytes) -> None:
    async with with_elsewhere(tmp_path) as (gateway, elsewhere):
        reply = await gateway.client.post("/v1/chat/completions", content=content, headers=BEARER)
    assert reply.status_code == 500  # this engine parses by itself and fails by itself
    assert elsewhere.asked == []


async def test_the_model_of_an_upload_is_put_right_while_it_streams(tmp_path: Path) -> None:
    files = {"file": ("a.wav", b"x" * 300_000)}
    async with with_elsewhere(tmp_path) as (gateway, elsewhere):
        for name in ("whisper-1", "gpt-4o-mini-transcribe", "large-v3"):
            reply = await gateway.client.post(
                "/v1/audio/transcriptions", data={"model": name}, files=files, headers=BEARER
            )
            assert reply.json() == {"text": "a.wav", "bytes": 300_000}
    assert elsewhere.asked == ["qwen3:4b", "qwen3:4b", "large-v3"]


async def test_our_own_engines_get_bodies_untouched(tmp_path: Path) -> None:
    async with with_elsewhere(tmp_path) as (gateway, _):
        reply = await gateway.client.post("/v1/audio/speech", content=b'{"model" :"tts-1"}', headers=BEARER)
    assert reply.content == b'{"model" :"tts-1"}'


async def test_models_of_others_are_listed_and_their_aliases_found(tmp_path: Path) -> None:
    async with with_elsewhere(tmp_path) as (gateway, _):
        listed = (await gateway.client.get("/v1/models", headers=BEARER)).json()["data"]
        alias = (await gateway.client.get("/v1/models/gpt-4o", headers=BEARER)).json()
        voice = await gateway.client.get("/v1/models/tts-9", headers=BEARER)
    assert [model["id"] for model in listed] == ["qwen3:4b", "tiny/model", "gpt-realtime"]
    # what the engine does not say about itself is not made up
    assert listed[0] == {"id": "qwen3:4b", "object": "model", "created": 0, "owned_by": "library"}
    assert (alias["id"], alias["root"]) == ("gpt-4o", "qwen3:4b")
    assert "parameters" not in alias
    assert voice.status_code == 404  # the voice here is our own and knows its names


async def test_an_engine_that_hangs_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sottovoce.gateway.model_listing.MODELS_PATIENCE", 0.1)
    async with with_elsewhere(tmp_path) as (gateway, elsewhere):
        elsewhere.is_hanging = True
        listed = (await gateway.client.get("/v1/models", headers=BEARER)).json()["data"]
    assert [model["id"] for model in listed] == ["tiny/model", "gpt-realtime"]


@pytest.mark.parametrize(
    "name", ["gpt-realtime", "gpt-realtime-2.1", "gpt-realtime-mini", "gpt-4o-realtime-preview"]
)
async def test_conversations_are_models_too(tmp_path: Path, name: str) -> None:
    async with with_elsewhere(tmp_path) as (gateway, _):
        model = (await gateway.client.get(f"/v1/models/{name}", headers=BEARER)).json()
    assert (model["id"], model["root"]) == (name, "gpt-realtime")
    assert "tracing" in model["parameters"]["ignored"]
    assert model["engines"] == {"stt": "stt-model", "llm": "llm-model", "tts": "tts-model"}


@pytest.mark.parametrize("name", ["x" * 300, "..%2f..%2flivez", "a%00b", "gpt-realtime-whisper-no"])
async def test_a_name_that_is_none_is_404(tmp_path: Path, name: str) -> None:
    async with running(tmp_path) as gateway:
        gateway.engine.answer = lambda request: _not_found()
        reply = await gateway.client.get(f"/v1/models/{name}", headers=BEARER)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")


async def _not_found() -> Response:
    return JSONResponse({"error": {"message": "no", "code": "model_not_found"}}, 404)
