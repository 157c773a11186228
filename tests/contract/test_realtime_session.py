"""The protocol over a WebSocket with the real conversation behind it, on scripted engines."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.session import Session
from tests.contract.realtime_server import connected, of, read_until, realtime
from tests.fake_engines import FakeEngines, running
from tests.recordings import RATE_HZ, recording

QUESTION = recording("dialogue-what-time-is-it-slt")
LONG_REPLY = "Here is a rather long answer, which goes on. " * 4
FRAME = 0.02
CLIENT_RATE_HZ = 24_000


class Microphone:
    """20 ms of faint noise after the other, in real time, and what is spoken into it."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self._connection = connection
        self._speech: deque[np.ndarray[Any, Any]] = deque()
        self._noise = np.random.default_rng(1)

    def speak(self, samples: bytes) -> None:
        pcm = np.frombuffer(samples, np.int16)
        at = np.arange(len(pcm) * CLIENT_RATE_HZ // RATE_HZ) * RATE_HZ / CLIENT_RATE_HZ
        raised = np.interp(at, np.arange(len(pcm)), pcm).astype(np.int16)
        size = round(FRAME * CLIENT_RATE_HZ)
        self._speech.extend(raised[start : start + size] for start in range(0, len(raised), size))

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += FRAME
            await asyncio.sleep(max(0.0, due - loop.time()))
            frame = self._noise.integers(-20, 20, round(FRAME * CLIENT_RATE_HZ)).astype(np.int16)
            if self._speech:
                head = self._speech.popleft()
                frame[: len(head)] = head
            await self._connection.input_audio_buffer.append(audio=b64encode(frame.tobytes()).decode())


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with running() as fakes:
        yield fakes


@asynccontextmanager
async def conversation(engines: FakeEngines) -> AsyncIterator[tuple[AsyncRealtimeConnection, Microphone]]:
    clients = EngineClients(engines.endpoint("stt"), engines.endpoint("llm"), engines.endpoint("tts"))

    def make(options: SessionOptions) -> Session:
        return Session(clients, options)

    async with realtime(make) as base_url, connected(base_url) as connection:
        microphone = Microphone(connection)
        speaking = asyncio.create_task(microphone.run())
        try:
            yield connection, microphone
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
    await clients.aclose()


def order(events: list[Any]) -> list[str]:
    """The types, each run of the same one told once, the deltas of a reply left out."""
    types = [event.type for event in events if not event.type.startswith("response.output_audio")]
    return [type_ for at, type_ in enumerate(types) if at == 0 or types[at - 1] != type_]


async def test_a_spoken_question_is_answered_in_the_protocols_order(engines: FakeEngines) -> None:
    engines.heard.append("what time is it")
    engines.replies.append("It is noon, my friend.")
    async with conversation(engines) as (connection, microphone):
        microphone.speak(QUESTION)
        events = await read_until(connection, "rate_limits.updated")
    assert order(events) == [
        "input_audio_buffer.speech_started",
        "conversation.item.input_audio_transcription.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    completed = of(events, "conversation.item.input_audio_transcription.completed")[0]
    assert completed.transcript == "what time is it"
    assert completed.usage.seconds > 0.3
    user, assistant = of(events, "conversation.item.added")
    assert assistant.previous_item_id == user.item.id == completed.item_id
    response = of(events, "response.done")[0].response
    assert response.status == "completed"
    assert response.output[0].content[0].transcript == "It is noon, my friend."
    sound = b"".join(b64decode(event.delta) for event in of(events, "response.output_audio.delta"))
    assert np.abs(np.frombuffer(sound, np.int16)).max() > 1000


async def test_speech_interrupts_the_reply_and_history_ends_where_it_was_cut(engines: FakeEngines) -> None:
    engines.heard.extend(["tell me", "stop it"])
    engines.replies.extend([LONG_REPLY, "Fine."])
    async with conversation(engines) as (connection, microphone):
        microphone.speak(QUESTION)
        await read_until(connection, "response.output_audio_transcript.delta")
        microphone.speak(QUESTION)
        events = await read_until(connection, "response.done")
        item_id = events[-1].response.output[0].id
        await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=500)
        more = await read_until(connection, "response.done")
    cut = events[-1].response
    assert (cut.status, cut.status_details.reason) == ("cancelled", "turn_detected")
    heard = cut.output[0].content[0].transcript
    assert LONG_REPLY.startswith(heard)
    assert len(heard) < len(LONG_REPLY)
    assert not [event for event in more if getattr(event, "response_id", "") == cut.id]
    assert of(more, "conversation.item.truncated")[0].item_id == item_id
    assert more[-1].response.output[0].content[0].transcript == "Fine."
    said = [message["content"] for message in engines.requests[-1]["messages"]]
    assert heard in said


async def test_typed_words_are_answered_and_the_answer_can_be_cancelled(engines: FakeEngines) -> None:
    engines.replies.extend([LONG_REPLY, "As you like."])
    content = [{"type": "input_text", "text": "Tell me a story."}]
    async with conversation(engines) as (connection, _):
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": content}  # type: ignore[arg-type]
        )
        await connection.response.create(response={"metadata": {"client_event_id": "e1"}})
        events = await read_until(connection, "response.output_audio.delta")
        assert of(events, "response.created")[0].response.metadata == {"client_event_id": "e1"}
        await connection.response.cancel()
        cancelled = (await read_until(connection, "response.done"))[-1].response
        await connection.response.create(response={"instructions": "Be brief."})
        answered = (await read_until(connection, "response.done"))[-1].response
    assert (cancelled.status, cancelled.status_details.reason) == ("cancelled", "client_cancelled")
    assert answered.output[0].content[0].transcript == "As you like."
    assert "Tell me a story." in str(engines.requests[0]["messages"])
    assert "Be brief." in str(engines.requests[1]["messages"])


async def test_a_turn_is_ended_by_hand(engines: FakeEngines) -> None:
    engines.heard.append("what time is it")
    async with conversation(engines) as (connection, microphone):
        await connection.session.update(
            session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        )
        await read_until(connection, "session.updated")
        microphone.speak(QUESTION)
        await read_until(connection, "input_audio_buffer.speech_stopped")
        await connection.input_audio_buffer.commit()
        events = await read_until(connection, "conversation.item.input_audio_transcription.completed")
        assert events[-1].transcript == "what time is it"
        assert of(events, "response.created") == []
        await connection.response.create()
        assert (await read_until(connection, "response.done"))[-1].response.status == "completed"


async def test_a_failing_model_fails_the_response_aloud(engines: FakeEngines) -> None:
    engines.failing["llm"] = "refuse"
    async with conversation(engines) as (connection, _):
        await connection.response.create()
        response = (await read_until(connection, "response.done"))[-1].response
        assert response.usage.input_tokens == 0
        assert response.output[0].content[0].transcript
        engines.failing.clear()
        await connection.response.create()
        assert (await read_until(connection, "response.done"))[-1].response.status == "completed"
