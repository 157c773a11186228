"""livekit-plugins-openai's RealtimeModel, unmodified: its timeouts are promises about our events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from livekit import rtc
from livekit.agents import llm
from livekit.plugins.openai import realtime as livekit_realtime

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation import events as told
from sottovoce.conversation.options import SessionOptions
from tests.contract.realtime_server import realtime
from tests.fake_session import TalkingSession


class Listening(TalkingSession):
    """Notes when it has heard a chunk of sound."""

    def __init__(self, options: SessionOptions) -> None:
        super().__init__(options)
        self.has_heard = asyncio.Event()

    def push_audio(self, frame: AudioFrame) -> None:
        super().push_audio(frame)
        self.has_heard.set()


@pytest.fixture
async def dialled() -> AsyncIterator[Any]:
    made = asyncio.Queue[Listening]()

    def make(options: SessionOptions) -> Listening:
        listening = Listening(options)
        made.put_nowait(listening)
        return listening

    async with realtime(make) as base_url, aiohttp.ClientSession() as http:
        model = livekit_realtime.RealtimeModel(base_url=base_url, api_key="any", http_session=http)
        session = model.session()
        errors: list[Any] = []
        session.on("error", errors.append)
        try:
            yield session, made
        finally:
            await session.aclose()
        assert errors == []


async def said(generation: Any) -> tuple[str, float]:
    """Words and seconds of sound of a reply."""
    words, sound = "", 0.0
    async for message in generation.message_stream:
        async for delta in message.text_stream:
            words += delta
        async for frame in message.audio_stream:
            sound += frame.duration
    return words, sound


async def test_history_is_taken_and_a_reply_is_given(dialled: Any) -> None:
    session, made = dialled
    history = llm.ChatContext.empty()
    history.add_message(role="user", content="hello")
    history.add_message(role="assistant", content="good day")
    await session.update_instructions("Be brief.")
    await session.update_chat_ctx(history)
    words, sound = await said(await session.generate_reply(instructions="Tell the time."))
    assert words == TalkingSession.answer
    assert sound == pytest.approx(TalkingSession.frames * 0.02)
    server = await made.get()
    assert server.options.instructions == "Be brief."
    assert [message[:2] for message in server.messages] == [("user", "hello"), ("assistant", "good day")]
    assert "Tell the time." in (server.asked[0][0].instructions or "")


async def test_a_spoken_turn_is_heard_and_answered(dialled: Any) -> None:
    session, made = dialled
    heard: asyncio.Queue[Any] = asyncio.Queue()
    replies: asyncio.Queue[Any] = asyncio.Queue()
    session.on("input_audio_transcription_completed", heard.put_nowait)
    session.on("generation_created", replies.put_nowait)
    session.push_audio(rtc.AudioFrame(bytes(9600), 24_000, 1, 4800))
    server = await made.get()
    await server.has_heard.wait()
    assert not any(server.heard)
    server.tell(
        told.SpeechStarted("item_u", 0),
        told.Transcript("item_u", "what", is_final=False),
        told.SpeechStopped("item_u", 900),
        told.TurnCommitted("item_u"),
        told.Transcript("item_u", "what time is it", is_final=True),
    )
    server.respond(response_id="resp_vad")
    told_of = [await heard.get() for _ in range(3)]
    assert [(event.transcript, event.is_final) for event in told_of] == [
        ("what", False),
        ("what time is it", False),
        ("what time is it", True),
    ]
    assert (await said(await replies.get()))[0] == TalkingSession.answer
    texts = [item.text_content for item in session.chat_ctx.items]
    assert texts == ["what time is it", TalkingSession.answer]


async def test_an_interruption_stops_the_reply(dialled: Any) -> None:
    session, _ = dialled
    reply = asyncio.create_task(said(await session.generate_reply()))
    session.interrupt()
    words, sound = await reply
    assert len(words) < len(TalkingSession.answer)
    assert sound < TalkingSession.frames * 0.02
    assert (await said(await session.generate_reply()))[0] == TalkingSession.answer
