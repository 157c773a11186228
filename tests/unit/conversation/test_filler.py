"""The short word for a user who waits: when it is said, in which language, and when not; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from livekit.agents import APITimeoutError

from sottovoce.conversation.filler import FILLER_SILENCE, WORDS, Filler
from sottovoce.conversation.generation import Generation
from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.plan import make_plan
from sottovoce.conversation.reply import Reply
from sottovoce.conversation.turn import Turn
from tests import virtual_time

SOUND = b"\x01\x00" * 480


class Voice:
    """A `ServiceTTS` whose clauses take `takes` seconds."""

    def __init__(self) -> None:
        self.takes = 0.1
        self.is_broken = False
        self.said: list[tuple[str, float]] = []

    async def sound(self, text: str, voice: str, speed: float) -> AsyncGenerator[bytes, None]:
        self.said.append((text, asyncio.get_running_loop().time()))
        await asyncio.sleep(self.takes)
        if self.is_broken:
            raise APITimeoutError
        yield SOUND
        yield SOUND


class Loudspeaker:
    def __init__(self) -> None:
        self.filled: list[bytes] = []
        self.drops = 0

    def fill(self, samples: bytes, response_id: str, item_id: str) -> None:
        self.filled.append(samples)

    def drop_filler(self) -> None:
        self.drops += 1


class Scene:
    def __init__(self) -> None:
        self.voice, self.loudspeaker, self.language = Voice(), Loudspeaker(), "en"
        now = asyncio.get_running_loop().time
        voice: Any = self.voice
        playout: Any = self.loudspeaker
        self.filler = Filler(voice, playout, lambda: self.language, now)

    def reply(self, **options: Any) -> Reply:
        handle: Any = SimpleNamespace(interrupted=False, scheduled=True, done=lambda: False)
        return Reply(handle, make_plan(SessionOptions(**options)), "resp")


def play(test: Callable[[Scene], Awaitable[None]]) -> None:
    async def main() -> None:
        await test(Scene())

    virtual_time.run(main())


def test_it_is_said_after_the_silence_once() -> None:
    async def test(scene: Scene) -> None:
        scene.filler.await_words(scene.reply())
        await asyncio.sleep(60)
        assert scene.voice.said == [("One moment.", FILLER_SILENCE)]
        assert scene.loudspeaker.filled == [SOUND * 2]

    play(test)


def test_the_silence_counts_from_the_user_s_last_word() -> None:
    async def test(scene: Scene) -> None:
        reply = scene.reply()
        reply.turn = Turn("item", speech_ended=0.0)
        await asyncio.sleep(1.5)
        scene.filler.await_words(reply)
        await asyncio.sleep(60)
        assert [at for _, at in scene.voice.said] == [FILLER_SILENCE]

    play(test)


@pytest.mark.parametrize(
    ("language", "words"),
    [("de", WORDS["de"]), ("pt-BR", WORDS["pt"]), ("", WORDS["en"]), ("tlh", WORDS["en"])],
)
def test_it_speaks_the_language_of_the_conversation(language: str, words: str) -> None:
    async def test(scene: Scene) -> None:
        scene.language = language
        scene.filler.await_words(scene.reply())
        await asyncio.sleep(60)
        assert [text for text, _ in scene.voice.said] == [words]

    play(test)


def test_a_word_of_the_reply_makes_it_needless() -> None:
    async def test(scene: Scene) -> None:
        reply = scene.reply()
        scene.filler.await_words(reply)
        reply.generations.append(Generation(0.0, first_token=1.0))
        await asyncio.sleep(60)
        assert scene.voice.said == []

    play(test)


def test_also_one_that_comes_while_it_is_being_made() -> None:
    async def test(scene: Scene) -> None:
        scene.voice.takes = 1.0
        reply = scene.reply()
        scene.filler.await_words(reply)
        await asyncio.sleep(FILLER_SILENCE + 0.5)
        reply.generated = "It is noon."
        await asyncio.sleep(60)
        assert scene.loudspeaker.filled == []

    play(test)


@pytest.mark.parametrize("after", [1.0, FILLER_SILENCE + 0.05])
def test_an_interruption_ends_it(after: float) -> None:
    async def test(scene: Scene) -> None:
        scene.filler.await_words(scene.reply())
        await asyncio.sleep(after)
        drops = scene.loudspeaker.drops
        scene.filler.stop()
        await asyncio.sleep(60)
        assert scene.loudspeaker.filled == []
        assert scene.loudspeaker.drops == drops + 1

    play(test)


def test_what_is_written_has_none() -> None:
    async def test(scene: Scene) -> None:
        scene.filler.await_words(scene.reply(modality="text"))
        await asyncio.sleep(60)
        assert scene.voice.said == []

    play(test)


def test_a_voice_that_fails_costs_only_the_word() -> None:
    async def test(scene: Scene) -> None:
        scene.voice.is_broken = True
        scene.filler.await_words(scene.reply())
        await asyncio.sleep(60)
        assert scene.loudspeaker.filled == []

    play(test)
