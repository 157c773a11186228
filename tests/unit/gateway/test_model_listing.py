"""Engines of others are asked for their models now and then; our own every time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.errors import EngineUnavailable
from sottovoce.gateway.engines import EngineStatus
from sottovoce.gateway.model_listing import FRESH, ModelListing

ELSEWHERE = "http://192.0.2.1/v1"


class Replies:
    """An `EngineClient` whose engines answer with `body`, or not at all."""

    def __init__(self) -> None:
        self.body: bytes | None = b'{"data": [{"id": "m"}]}'
        self.paths: list[str] = []
        self.status = 200
        self.gate: asyncio.Event | None = None
        self.asked_at_once = asyncio.Semaphore(0)
        self.content = self

    @asynccontextmanager
    async def ask(self, endpoint: EngineEndpoint, method: str, path: str, **_: Any) -> AsyncIterator[Any]:
        self.paths.append(path)
        self.asked_at_once.release()
        if self.gate is not None:
            await self.gate.wait()
        if self.body is None:
            raise EngineUnavailable("gone", engine=endpoint.kind)
        yield self

    async def iter_any(self) -> AsyncIterator[bytes]:
        assert self.body is not None
        yield self.body


class Engines:
    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        url = ELSEWHERE if kind == "llm" else "http://127.0.0.1:9/v1"
        return EngineEndpoint(kind, url, "", "m")

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return (self.endpoint(kind),)

    def status(self, kind: EngineKind) -> EngineStatus:
        return EngineStatus("m", "ready")

    def members(self, kind: EngineKind) -> Sequence[EngineStatus]:
        return (self.status(kind),)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replies() -> Replies:
    return Replies()


@pytest.fixture
def listing(replies: Replies, clock: Clock) -> ModelListing:
    return ModelListing(replies, Engines(), {ELSEWHERE}, clock)  # type: ignore[arg-type]


async def ids(listing: ModelListing, kind: EngineKind) -> list[str] | None:
    models = await listing.of(kind)
    return None if models is None else [model.id for model in models]


async def test_what_others_said_is_remembered_for_a_while(
    listing: ModelListing, replies: Replies, clock: Clock
) -> None:
    assert await ids(listing, "llm") == ["m"]
    replies.body = b'{"data": []}'
    clock.now = FRESH - 0.1
    assert await ids(listing, "llm") == ["m"]
    clock.now = FRESH
    assert await ids(listing, "llm") == []
    assert len(replies.paths) == 2


async def test_and_so_is_their_silence(listing: ModelListing, replies: Replies, clock: Clock) -> None:
    replies.body = None
    assert await ids(listing, "llm") is None
    replies.body = b'{"data": [{"id": "m"}]}'
    assert await ids(listing, "llm") is None
    clock.now = FRESH
    assert await ids(listing, "llm") == ["m"]


async def test_our_own_engines_are_asked_every_time(listing: ModelListing, replies: Replies) -> None:
    for _ in range(3):
        assert await ids(listing, "tts") == ["m"]
    assert len(replies.paths) == 3


async def test_who_asks_our_own_engines_waits_for_nobody_else(
    listing: ModelListing, replies: Replies
) -> None:
    replies.gate = asyncio.Event()  # one that hangs must not cost each that waits for it its whole patience
    asking = [asyncio.create_task(ids(listing, "tts")) for _ in range(2)]
    async with asyncio.timeout(4):
        await replies.asked_at_once.acquire()
        await replies.asked_at_once.acquire()
    replies.gate.set()
    assert await asyncio.gather(*asking) == [["m"], ["m"]]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"data": [{}]}', b'{"data": 1}', b"x" * (5 << 20)])
async def test_a_list_that_is_none_is_no_answer(listing: ModelListing, replies: Replies, body: bytes) -> None:
    replies.body = body
    assert await ids(listing, "stt") is None


async def test_a_name_stays_one_part_of_the_address(listing: ModelListing, replies: Replies) -> None:
    replies.body = b'{"id": "a/b"}'
    found = await listing.named("stt", "../livez?x=1#y")
    assert found is not None
    assert replies.paths == ["/models/..%2Flivez%3Fx%3D1%23y"]


async def test_an_engine_that_does_not_know_a_name_is_no_trouble(
    listing: ModelListing, replies: Replies, caplog: pytest.LogCaptureFixture
) -> None:
    replies.status = 404
    assert await listing.named("stt", "none") is None
    assert caplog.records == []
