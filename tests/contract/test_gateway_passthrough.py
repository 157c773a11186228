"""OpenAI's REST calls on their way through the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from sottovoce.gateway.limits import GatewayLimits
from sottovoce.gateway.places import Places
from sottovoce.gateway.routes import engines
from tests.contract.gateway_server import BEARER, ENGINE_KEY, KEY, Gateway, echo, running

GONE_WITHIN = 0.5
LIMITS = GatewayLimits(json_bytes=2000, upload_bytes=10_000, body_grace=0.3)
CHAT = "/v1/chat/completions"
UPLOAD = "/v1/audio/transcriptions"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, LIMITS) as served:
        yield served


@pytest.mark.parametrize("path", [CHAT, UPLOAD, "/v1/audio/translations", "/v1/audio/speech"])
async def test_body_status_and_answer_pass_unchanged(gateway: Gateway, path: str) -> None:
    async def create(request: Request) -> Response:
        return Response(await request.body() + b"!", 201, media_type="audio/pcm")

    gateway.engine.answer = create
    reply = await gateway.client.post(f"{path}?a=%2F&b", content=b"\x00\xff", headers=BEARER)
    assert (reply.status_code, reply.content, reply.headers["content-type"]) == (
        201,
        b"\x00\xff!",
        "audio/pcm",
    )
    (seen,) = gateway.engine.seen
    assert (seen.url.path, seen.scope["query_string"]) == (path, b"a=%2F&b")


async def test_no_secret_leaks_either_way(gateway: Gateway) -> None:
    async def chatty(request: Request) -> Response:
        headers = {
            "set-cookie": "a=b",
            "server": "engine/1",
            "access-control-allow-origin": "*",
            "x-request-id": "req_of_engine",
            "connection": "close",
        }
        return JSONResponse({}, headers=headers)

    gateway.engine.answer = chatty
    await gateway.client.get("/")
    headers = {"sec-fetch-site": "same-origin", "x-forwarded-for": "10.0.0.1", "te": "trailers", **BEARER}
    reply = await gateway.client.post(CHAT, json={"a": 1}, headers=headers)
    given = dict(gateway.engine.seen[0].headers)
    assert given.pop("authorization") == f"Bearer {ENGINE_KEY}"
    about_itself = {"host", "connection", "accept-encoding", "user-agent"}
    assert set(given) <= about_itself | {"content-type", "content-length", "accept", "x-request-id"}
    assert given["accept-encoding"] == "identity"
    assert KEY not in json.dumps(given)
    assert reply.headers["x-request-id"] == given["x-request-id"]
    assert ENGINE_KEY not in str(reply.headers)
    assert not {"set-cookie", "server", "access-control-allow-origin"} & set(reply.headers)


async def test_an_upload_streams_to_the_engine(gateway: Gateway) -> None:
    has_begun = asyncio.Event()

    async def read(request: Request) -> Response:
        stream = request.stream()
        first = await anext(stream)
        has_begun.set()
        return Response(first + b"".join([chunk async for chunk in stream]))

    async def body() -> AsyncIterator[bytes]:
        yield b"first "
        await has_begun.wait()
        yield b"second"

    gateway.engine.answer = read
    reply = await gateway.client.post(UPLOAD, content=body(), headers=BEARER)
    assert reply.content == b"first second"


async def test_an_answer_streams_to_the_client(gateway: Gateway) -> None:
    has_come = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        yield b"data: one\n\n"
        await has_come.wait()
        yield b"data: [DONE]\n\n"

    async def answer(request: Request) -> Response:
        return StreamingResponse(stream(), media_type="text/event-stream")

    gateway.engine.answer = answer
    async with gateway.client.stream("POST", CHAT, json={}, headers=BEARER) as reply:
        chunks = reply.aiter_raw()
        assert await anext(chunks) == b"data: one\n\n"
        has_come.set()
        assert await anext(chunks) == b"data: [DONE]\n\n"


@pytest.mark.parametrize("has_begun_answering", [True, False])
async def test_work_is_cancelled_when_the_client_goes_away(
    gateway: Gateway, has_begun_answering: bool
) -> None:
    is_working, is_cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> AsyncIterator[bytes]:
        yield b"x"
        is_working.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_cancelled.set()

    async def watch(request: Request) -> Response:
        if has_begun_answering:
            return StreamingResponse(work())
        await request.body()
        is_working.set()
        assert (await request.receive())["type"] == "http.disconnect"
        is_cancelled.set()
        return Response()

    gateway.engine.answer = watch
    client = asyncio.create_task(gateway.client.post(CHAT, json={}, headers=BEARER))
    await is_working.wait()
    client.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await client
    async with asyncio.timeout(GONE_WITHIN):
        await is_cancelled.wait()


async def test_the_engine_sees_a_client_leave_in_the_middle_of_an_upload(gateway: Gateway) -> None:
    has_begun, is_gone = asyncio.Event(), asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        await asyncio.Event().wait()

    async def hear(request: Request) -> Response:
        has_begun.set()
        with pytest.raises(ClientDisconnect):
            await request.body()
        is_gone.set()
        return Response()

    gateway.engine.answer = hear
    client = asyncio.create_task(gateway.client.post(UPLOAD, content=half(), headers=BEARER))
    await has_begun.wait()
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)
    async with asyncio.timeout(GONE_WITHIN):
        await is_gone.wait()


async def test_connections_to_engines_are_used_again(gateway: Gateway) -> None:
    for _ in range(3):
        await gateway.client.post(CHAT, json={}, headers=BEARER)
    assert len({request.client for request in gateway.engine.seen}) == 1


async def test_the_voices_are_the_engine_s(gateway: Gateway) -> None:
    async def voices(request: Request) -> Response:
        return JSONResponse({"voices": [{"id": "alloy"}]})

    gateway.engine.answer = voices
    reply = await gateway.client.get("/v1/audio/voices", headers=BEARER)
    assert reply.json() == {"voices": [{"id": "alloy"}]}
    assert (gateway.engine.seen[0].method, await gateway.engine.seen[0].body()) == ("GET", b"")


async def test_a_silent_engine_is_given_up_after_the_patience_of_its_call(tmp_path: Path) -> None:
    async def hang(request: Request) -> Response:
        await request.body()
        await request.receive()  # until the caller leaves
        return Response()

    async with running(tmp_path, GatewayLimits(reply_patience=0.2)) as gateway:
        gateway.engine.answer = hang
        reply = await gateway.client.post(CHAT, json={}, headers=BEARER)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "engine_timeout")


async def test_one_client_does_not_starve_others(tmp_path: Path) -> None:
    async def hang(request: Request) -> Response:
        started.release()
        await request.body()
        await request.receive()
        return Response()

    started = asyncio.Semaphore(0)
    limits = GatewayLimits(requests={"stt": 1, "tts": 1, "llm": 4}, client_share=0.5, place_patience=0.0)
    async with running(tmp_path, limits) as gateway:
        gateway.engine.answer = hang
        held = [asyncio.create_task(gateway.client.post(CHAT, json={}, headers=BEARER)) for _ in range(2)]
        for _ in held:
            await started.acquire()
        refused = await gateway.client.post(CHAT, json={}, headers=BEARER)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        gateway.engine.answer = echo
        page = {"sec-fetch-site": "same-origin"}
        await gateway.client.get("/")  # takes the page's cookie: another client
        assert (await gateway.client.post(CHAT, json={}, headers=page)).status_code == 200
        speech = await gateway.client.post("/v1/audio/speech", json={}, headers=BEARER)
        assert speech.status_code == 200  # places are counted for each engine
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        async with asyncio.timeout(GONE_WITHIN):
            while (again := await gateway.client.post(CHAT, json={}, headers=BEARER)).status_code == 429:
                pass
        assert again.status_code == 200


async def test_a_request_too_many_waits_for_its_place_unless_its_sender_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(request: Request) -> Response:
        bodies.append(await request.body())
        started.release()
        await may_end.acquire()
        return Response(bodies[-1])

    def ask(name: str) -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(gateway.client.post(CHAT, json={"name": name}, headers=BEARER))

    class Kept(Places):
        def __init__(self, limit: int, share: float, patience: float) -> None:
            super().__init__(limit, share, patience)
            all_places.append(self)

    async def until_waiting(count: int) -> None:
        async with asyncio.timeout(GONE_WITHIN):
            while sum(places.waiting for places in all_places) != count:  # noqa: ASYNC110
                await asyncio.sleep(0)

    all_places: list[Places] = []
    monkeypatch.setattr(engines, "Places", Kept)
    started, may_end, bodies = asyncio.Semaphore(0), asyncio.Semaphore(0), list[bytes]()
    limits = GatewayLimits(requests={"stt": 1, "tts": 1, "llm": 2}, client_share=0.5)
    async with running(tmp_path, limits) as gateway:
        gateway.engine.answer = hang
        first = ask("first")
        await started.acquire()
        left = ask("left")
        await until_waiting(1)
        third = ask("third")
        await until_waiting(2)
        left.cancel()
        await until_waiting(1)
        may_end.release()
        assert (await first).status_code == 200
        await started.acquire()
        may_end.release()
        answer = await third
    assert (answer.status_code, answer.json()) == (200, {"name": "third"})
    assert len(bodies) == 2


async def test_engine_errors_are_passed_on(gateway: Gateway) -> None:
    body = {
        "error": {"message": "no such voice", "type": "invalid_request_error", "param": "voice", "code": "x"}
    }

    async def refuse(request: Request) -> Response:
        return JSONResponse(body, 400)

    gateway.engine.answer = refuse
    reply = await gateway.client.post("/v1/audio/speech", json={}, headers=BEARER)
    assert (reply.status_code, reply.json()) == (400, body)


@pytest.mark.parametrize(
    ("status", "seen", "message"),
    [(422, 400, "Field required"), (404, 404, "Field required"), (500, 500, "Field required")],
)
async def test_errors_in_other_forms_become_openais(
    gateway: Gateway, status: int, seen: int, message: str
) -> None:
    async def refuse(request: Request) -> Response:
        return JSONResponse({"detail": [{"loc": ["body"], "msg": "Field required"}]}, status)

    gateway.engine.answer = refuse
    reply = await gateway.client.post(CHAT, json={}, headers=BEARER)
    assert (reply.status_code, reply.json()["error"]["message"]) == (seen, message)


async def test_a_busy_engine_says_when_to_come_back_or_we_do(gateway: Gateway) -> None:
    async def refuse(request: Request) -> Response:
        headers = {"retry-after": "9"} if request.headers["accept"] == "9" else {"x-ratelimit-limit": "4"}
        return JSONResponse({"error": {"message": "busy"}}, 429, headers=headers)

    gateway.engine.answer = refuse
    told = await gateway.client.post(CHAT, json={}, headers=BEARER | {"accept": "9"})
    untold = await gateway.client.post(CHAT, json={}, headers=BEARER)
    assert (told.headers["retry-after"], untold.headers["retry-after"]) == ("9", "1")
    assert untold.headers["x-ratelimit-limit"] == "4"


async def test_an_engine_that_sends_us_elsewhere_is_not_followed(gateway: Gateway) -> None:
    async def redirect(request: Request) -> Response:
        return RedirectResponse("http://elsewhere.example/v1/chat/completions")

    gateway.engine.answer = redirect
    reply = await gateway.client.post(CHAT, json={}, headers=BEARER)
    assert reply.status_code == 503
    assert "SOTTOVOCE_LLM_URL" in reply.json()["error"]["message"]
    assert "location" not in reply.headers


async def test_an_engine_that_refuses_our_key_does_not_blame_the_clients(gateway: Gateway) -> None:
    async def refuse(request: Request) -> Response:
        return JSONResponse({"error": {"code": "invalid_api_key"}}, 401)

    gateway.engine.answer = refuse
    reply = await gateway.client.post(CHAT, json={}, headers=BEARER)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "engine_unavailable")
    assert "SOTTOVOCE_LLM_API_KEY" in reply.json()["error"]["message"]


async def test_an_unreachable_engine_is_told_as_such(gateway: Gateway) -> None:
    gateway.engine.url = "http://127.0.0.1:9/v1"
    reply = await gateway.client.post(CHAT, json={}, headers=BEARER)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "engine_unavailable")
    assert "llm" in reply.json()["error"]["message"]
    assert reply.headers["retry-after"] == "2"


async def test_an_answer_that_is_cut_is_seen_to_be_cut(gateway: Gateway) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    async def answer(request: Request) -> Response:
        return StreamingResponse(broken())

    gateway.engine.answer = answer
    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.client.post(CHAT, json={}, headers=BEARER)
    assert (await gateway.client.get("/livez")).status_code == 200


async def read(request: Request) -> Response:
    with contextlib.suppress(ClientDisconnect):
        await request.body()
    return Response()


async def endless() -> AsyncIterator[bytes]:
    for _ in range(1000):
        yield b"x" * 1000


@pytest.mark.parametrize(("path", "size"), [(CHAT, 2000), (UPLOAD, 10_000)])
async def test_bodies_over_the_cap_are_refused_with_and_without_a_length(
    gateway: Gateway, path: str, size: int
) -> None:
    announced = await gateway.client.post(path, content=b"x" * (size + 1), headers=BEARER)
    gateway.engine.answer = read
    chunked = await gateway.client.post(path, content=endless(), headers=BEARER)
    for reply in (announced, chunked):
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "request_too_large")
    assert all(request.headers.get("content-length") != str(size + 1) for request in gateway.engine.seen)
    gateway.engine.answer = echo
    fits = await gateway.client.post(path, content=b"x" * size, headers=BEARER)
    assert (fits.status_code, len(fits.content)) == (200, size)


async def test_a_refused_uploader_is_told_why(gateway: Gateway) -> None:
    reply = await gateway.client.post(UPLOAD, content=endless(), headers={"authorization": "Bearer wrong"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")
    assert gateway.engine.seen == []


async def test_a_body_that_drips_is_cut(gateway: Gateway) -> None:
    never, is_cut = asyncio.Event(), asyncio.Event()

    async def drip() -> AsyncIterator[bytes]:
        yield b"x"
        await never.wait()

    async def notice(request: Request) -> Response:
        await read(request)
        is_cut.set()
        return Response()

    gateway.engine.answer = notice
    sending = asyncio.create_task(gateway.client.post(UPLOAD, content=drip(), headers=BEARER))
    await is_cut.wait()
    sending.cancel()  # httpx reads no answer while it sends
    await asyncio.gather(sending, return_exceptions=True)
