"""The voices of the chain: asked of each engine once, and again of one that did not tell; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.conversation.failover import CHAIN_INTERVAL, Failover
from sottovoce.errors import EngineUnavailable
from sottovoce.realtime.audio_config import OPENAI_VOICES
from sottovoce.realtime.voice_listing import AGAIN_AFTER, VOICES_PATIENCE, VoiceListing
from tests import virtual_time


class Engines:
    """A chain of voices, and an `EngineClient` that reaches them; each lists the voice of its name."""

    def __init__(self) -> None:
        self.names = ["a", "b"]
        self.asked: list[str] = []
        self.gone: set[str] = set()
        self.hanging: set[str] = set()
        self.status, self.body = 200, ""
        self.content = self

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return [EngineEndpoint(kind, f"http://{name}.test/v1", "", name) for name in self.names]

    @asynccontextmanager
    async def ask(self, endpoint: EngineEndpoint, method: str, path: str, **_: Any) -> AsyncIterator[Any]:
        self.asked.append(endpoint.model)
        if endpoint.model in self.gone:
            raise EngineUnavailable("gone", engine="tts")
        if endpoint.model in self.hanging:
            await asyncio.Event().wait()
        self.body = f'{{"voices": [{{"id": "voice-{endpoint.model}"}}, {{"id": ""}}]}}'
        yield self

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self.body.encode()


def run(test: Callable[[VoiceListing, Engines], Awaitable[None]]) -> None:
    async def main() -> None:
        engines = Engines()
        failover = Failover(engines)
        client: Any = engines
        try:
            await test(VoiceListing(client, failover, asyncio.get_running_loop().time), engines)
        finally:
            await failover.aclose()

    virtual_time.run(main())


def test_each_engine_is_asked_once() -> None:
    async def test(voices: VoiceListing, engines: Engines) -> None:
        assert voices() == OPENAI_VOICES
        for _ in range(3):
            await voices.learn()
        assert voices() == OPENAI_VOICES | {"voice-a", "voice-b"}
        assert sorted(engines.asked) == ["a", "b"]

    run(test)


def test_one_that_does_not_tell_is_asked_again_later_and_hides_no_other() -> None:
    async def test(voices: VoiceListing, engines: Engines) -> None:
        engines.gone, engines.hanging = {"a"}, {"b"}
        engines.names.append("c")
        begun = asyncio.get_running_loop().time()
        await voices.learn()
        assert asyncio.get_running_loop().time() - begun == VOICES_PATIENCE
        assert voices() == OPENAI_VOICES | {"voice-c"}
        engines.gone, engines.hanging = set(), set()
        await voices.learn()
        assert len(engines.asked) == 3
        await asyncio.sleep(AGAIN_AFTER)
        await voices.learn()
        assert voices() == OPENAI_VOICES | {"voice-a", "voice-b", "voice-c"}

    run(test)


def test_engines_that_come_and_go_bring_and_take_their_voices() -> None:
    async def test(voices: VoiceListing, engines: Engines) -> None:
        stop = voices.watch()
        engines.names = ["new"]
        await asyncio.sleep(2 * CHAIN_INTERVAL)
        assert voices() == OPENAI_VOICES | {"voice-new"}
        stop()
        engines.names = ["other"]
        await asyncio.sleep(1.0)
        assert engines.asked == ["new"]
        assert voices() == OPENAI_VOICES

    run(test)


def test_a_list_that_is_none_is_no_answer() -> None:
    async def test(voices: VoiceListing, engines: Engines) -> None:
        engines.status = 404
        await voices.learn()
        assert voices() == OPENAI_VOICES

    run(test)
