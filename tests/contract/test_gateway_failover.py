"""REST calls when engines fail, and when there are several: who answers, and what is never asked twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.gateway import outgoing
from tests.contract.gateway_server import BEARER, Gateway, running
from tests.serving import served

CHAT = "/v1/chat/completions"
UPLOAD = "/v1/audio/transcriptions"
SPEECH = "/v1/audio/speech"
Answer = Callable[[Request], Awaitable[Response]]


async def whole(request: Request) -> Response:
    return JSONResponse({"body": (await request.body()).decode("latin-1")})


def with_status(status: int) -> Answer:
    async def answer(request: Request) -> Response:
        await request.body()
        return JSONResponse({"error": {"message": "no"}}, status)

    return answer


async def hang(request: Request) -> Response:
    await asyncio.Event().wait()
    raise AssertionError


def breaking(*chunks: bytes) -> Answer:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        raise ConnectionResetError

    async def answer(request: Request) -> Response:
        return StreamingResponse(body())

    return answer


@dataclass
class Member:
    """One engine of a chain."""

    name: str
    answer: Answer = whole
    deadline: float | None = None
    aliases: list[str] = field(default_factory=list)
    url: str = ""
    asked: int = 0

    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        return EngineEndpoint(kind, f"{self.url}/v1", "key", f"{self.name}-{kind}", deadline=self.deadline)

    def app(self) -> Starlette:
        async def answer(request: Request) -> Response:
            self.asked += 1
            reply = await self.answer(request)
            reply.headers["openai-model"] = self.name
            return reply

        async def models(request: Request) -> Response:
            listed = [
                {"id": f"{self.name}-{kind}", "aliases": self.aliases if kind == "stt" else []}
                for kind in ("stt", "llm", "tts")
            ]
            return JSONResponse({"data": listed})

        async def voices(request: Request) -> Response:
            return JSONResponse({"voices": [{"id": f"voice-of-{self.name}", "aliases": ["alias"]}]})

        routes = [Route("/v1/models", models), Route("/v1/audio/voices", voices)]
        return Starlette(routes=[*routes, Route("/v1/{path:path}", answer, methods=["GET", "POST"])])


@dataclass
class Scene:
    gateway: Gateway
    members: list[Member]

    async def post(self, path: str, **request: Any) -> httpx.Response:
        return await self.gateway.client.post(path, headers=BEARER, **request)

    async def chat(self, **body: Any) -> httpx.Response:
        return await self.post(CHAT, json={"model": "gpt-4o", "messages": [], **body})


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    good, spare = Member("good"), Member("spare")
    async with (
        running(tmp_path) as gateway,
        served(good.app(), graceful_timeout=0.1) as good.url,
        served(spare.app(), graceful_timeout=0.1) as spare.url,
    ):
        scene = Scene(gateway, [good, spare])

        def chain(kind: EngineKind) -> list[EngineEndpoint]:
            return [member.endpoint(kind) for member in scene.members]

        gateway.engine.chain = chain  # type: ignore[method-assign]
        gateway.engine.endpoint = lambda kind: chain(kind)[0]  # type: ignore[method-assign]
        yield scene


@pytest.fixture
def good(scene: Scene) -> Member:
    return scene.members[0]


@pytest.fixture
def spare(scene: Scene) -> Member:
    return scene.members[1]


@pytest.mark.parametrize("answer", [with_status(500), with_status(503), with_status(401), breaking()])
async def test_the_next_engine_is_asked_before_the_first_byte(
    scene: Scene, good: Member, answer: Answer
) -> None:
    good.answer = answer
    reply = await scene.chat()
    assert (reply.status_code, reply.headers["openai-model"]) == (200, "spare")
    assert json.loads(reply.json()["body"])["model"] == "gpt-4o"


async def test_one_that_cannot_be_reached_is_passed_over_after_a_while(
    scene: Scene, good: Member, spare: Member
) -> None:
    good.url = "http://127.0.0.1:9"
    for _ in range(3):
        assert (await scene.chat()).headers["openai-model"] == "spare"
    assert spare.asked == 3


@pytest.mark.parametrize("status", [400, 404, 413, 422, 429])
async def test_what_is_wrong_with_a_request_is_told_by_the_first(
    scene: Scene, good: Member, spare: Member, status: int
) -> None:
    good.answer = with_status(status)
    for _ in range(3):
        assert (await scene.chat()).status_code in (status, 400)
    assert (good.asked, spare.asked) == (3, 0)


async def test_an_answer_that_has_begun_is_cut_and_not_begun_again(
    scene: Scene, good: Member, spare: Member
) -> None:
    good.answer = breaking(b"one ", b"two ")
    with pytest.raises(httpx.RemoteProtocolError):
        await scene.post(SPEECH, json={"input": "x"})
    assert spare.asked == 0


async def test_a_deadline_that_was_set_counts_for_answers_that_stream(
    scene: Scene, good: Member, spare: Member
) -> None:
    good.answer, good.deadline = hang, 0.1
    assert (await scene.chat(stream=True)).headers["openai-model"] == "spare"
    assert (await scene.post(SPEECH, json={"input": "x"})).headers["openai-model"] == "spare"


async def test_one_that_makes_its_whole_answer_first_has_all_the_time(scene: Scene, good: Member) -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(0.3)
        return await whole(request)

    good.answer, good.deadline = slow, 0.1
    assert (await scene.chat()).headers["openai-model"] == "good"


async def test_when_all_fail_the_last_one_s_error_is_told(scene: Scene, good: Member, spare: Member) -> None:
    good.answer, spare.answer = with_status(500), with_status(502)
    reply = await scene.chat()
    assert (reply.status_code, reply.json()["error"]["message"]) == (502, "no")


async def test_an_upload_that_is_kept_is_sent_again_whole(scene: Scene, good: Member) -> None:
    good.answer = with_status(500)
    files = {"file": ("a.wav", b"RIFF" + bytes(200_000))}
    reply = await scene.post(UPLOAD, data={"model": "whisper-1"}, files=files)
    assert reply.headers["openai-model"] == "spare"
    assert "RIFF" in reply.json()["body"]
    assert len(reply.json()["body"]) > 200_000


async def test_one_that_is_too_long_to_be_kept_is_sent_once(
    scene: Scene, good: Member, spare: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "REPLAY_BYTES", 100_000)
    good.answer = with_status(500)
    files = {"file": ("a.wav", bytes(300_000))}
    reply = await scene.post(UPLOAD, data={"model": "whisper-1"}, files=files)
    assert (reply.status_code, spare.asked) == (500, 0)
    # one whose engine is not even there has not been read beyond its beginning
    good.url = "http://127.0.0.1:9"
    reply = await scene.post(UPLOAD, data={"model": "whisper-1"}, files=files)
    assert reply.headers["openai-model"] == "spare"
    assert len(reply.json()["body"]) > 300_000


@pytest.mark.parametrize(
    ("name", "answering"),
    [
        ("spare-stt", "spare"),
        ("good-stt", "good"),
        ("base.en", "spare"),
        ("whisper-1", "good"),
        ("none", "good"),
    ],
)
async def test_a_model_that_is_named_is_the_one_that_hears(
    scene: Scene, spare: Member, name: str, answering: str
) -> None:
    spare.aliases = ["base.en"]
    files = {"file": ("a.wav", bytes(1000))}
    reply = await scene.post(UPLOAD, data={"model": name}, files=files)
    assert reply.headers["openai-model"] == answering
    assert f"\r\n\r\n{name}\r\n" in reply.json()["body"]


async def test_a_model_that_is_named_behind_a_long_file_is_not_found(scene: Scene, spare: Member) -> None:
    form = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(600_000)
    form += b'\r\n--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nspare-stt\r\n--b--\r\n'
    headers = {**BEARER, "content-type": "multipart/form-data; boundary=b"}
    reply = await scene.gateway.client.post(UPLOAD, content=form, headers=headers)
    assert reply.headers["openai-model"] == "good"
    assert reply.json()["body"] == form.decode("latin-1")


async def test_what_is_no_form_is_the_engine_s_to_refuse(scene: Scene) -> None:
    reply = await scene.post(UPLOAD, content=b"nonsense")
    assert (reply.headers["openai-model"], reply.json()["body"]) == ("good", "nonsense")


@pytest.mark.parametrize(("name", "answering"), [("spare-llm", "spare"), ("gpt-5", "good"), (None, "good")])
async def test_so_is_one_that_writes(scene: Scene, name: str | None, answering: str) -> None:
    reply = await scene.chat(model=name)
    assert reply.headers["openai-model"] == answering


async def test_another_model_does_not_stand_in_for_one_that_was_named(
    scene: Scene, good: Member, spare: Member
) -> None:
    spare.answer = with_status(500)
    assert (await scene.chat(model="spare-llm")).status_code == 500
    assert good.asked == 0


async def test_all_models_of_the_chains_are_listed_and_found(scene: Scene) -> None:
    listed = (await scene.gateway.client.get("/v1/models", headers=BEARER)).json()["data"]
    assert {"good-stt", "spare-stt", "good-llm", "spare-llm", "good-tts", "spare-tts"} <= {
        model["id"] for model in listed
    }
    found = await scene.gateway.client.get("/v1/models/spare-stt", headers=BEARER)
    assert found.json()["id"] == "spare-stt"


async def test_sessions_take_the_voices_that_the_engines_have_now(scene: Scene) -> None:
    secrets = "/v1/realtime/client_secrets"

    async def made_with(voice: str) -> int:
        session = {"type": "realtime", "audio": {"output": {"voice": voice}}}
        return (await scene.post(secrets, json={"session": session})).status_code

    statuses = [await made_with(v) for v in ("voice-of-good", "voice-of-spare", "alias", "marin", "nobody")]
    assert statuses == [200, 200, 200, 200, 400]
    scene.members = [Member("new", url=scene.members[0].url)]
    assert await made_with("voice-of-spare") == 400
