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

from sottovoce.audio import g711
from sottovoce.audio.resample import Resampler
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.session import Session
from tests.contract.realtime_server import connected, of, read_until, realtime
from tests.fake_engines import FakeEngines, ToolCall, running
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
        self._is_silent = asyncio.Event()

    def speak(self, samples: bytes) -> None:
        pcm = raised(samples)
        size = round(FRAME * CLIENT_RATE_HZ)
        self._speech.extend(pcm[start : start + size] for start in range(0, len(pcm), size))
        self._is_silent.clear()

    async def said(self, samples: bytes) -> None:
        """Speak, and return when all of it was sent."""
        self.speak(samples)
        await self._is_silent.wait()

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
            else:
                self._is_silent.set()
            await self._connection.input_audio_buffer.append(audio=b64encode(frame.tobytes()).decode())


def raised(samples: bytes) -> np.ndarray[Any, Any]:
    """A recording at the rate of clients."""
    pcm = np.frombuffer(samples, np.int16)
    at = np.arange(len(pcm) * CLIENT_RATE_HZ // RATE_HZ) * RATE_HZ / CLIENT_RATE_HZ
    return np.interp(at, np.arange(len(pcm)), pcm).astype(np.int16)


async def write(
    connection: AsyncRealtimeConnection, words: str, item_id: str | None = None, previous: str | None = None
) -> None:
    """Add a message of the user's, and wait until it stands."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]}
    where = {} if previous is None else {"previous_item_id": previous}
    named = item if item_id is None else item | {"id": item_id}
    await connection.conversation.item.create(item=named, **where)  # type: ignore[arg-type]
    await read_until(connection, "conversation.item.done")


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with running() as fakes:
        yield fakes


@asynccontextmanager
async def conversation(
    engines: FakeEngines, *, listens: bool = True
) -> AsyncIterator[tuple[AsyncRealtimeConnection, Microphone]]:
    """`listens` False has nobody at the microphone."""
    clients = EngineClients(engines)

    def make(options: SessionOptions) -> Session:
        return Session(clients, options)

    async with realtime(make) as base_url, connected(base_url) as connection:
        microphone = Microphone(connection)
        speaking = [asyncio.create_task(microphone.run())] if listens else []
        try:
            yield connection, microphone
        finally:
            for task in speaking:
                task.cancel()
            await asyncio.gather(*speaking, return_exceptions=True)
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
        "conversation.item.input_audio_transcription.delta",
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


async def test_another_reply_may_be_asked_for_right_behind_a_cancellation(engines: FakeEngines) -> None:
    engines.replies.extend([LONG_REPLY, "As you like."])
    async with conversation(engines, listens=False) as (connection, _):
        await connection.response.create()
        await read_until(connection, "response.output_audio.delta")
        await connection.response.cancel()
        await connection.response.create()
        cancelled = (await read_until(connection, "response.done"))[-1].response
        answered = (await read_until(connection, "response.done"))[-1].response
        await connection.response.create()
        await connection.response.cancel()
        events = await read_until(connection, "response.done")
    assert cancelled.status == "cancelled"
    assert answered.output[0].content[0].transcript == "As you like."
    assert events[-1].response.status_details.reason == "client_cancelled"
    assert not [event for event in events if event.type.endswith(".delta")]


async def test_a_turn_is_ended_by_hand(engines: FakeEngines) -> None:
    engines.heard.append("what time is it")
    async with conversation(engines) as (connection, microphone):
        await connection.session.update(
            session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        )
        await read_until(connection, "session.updated")
        await microphone.said(QUESTION)
        await connection.input_audio_buffer.commit()
        events = await read_until(connection, "conversation.item.input_audio_transcription.completed")
        assert order(events) == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "conversation.item.input_audio_transcription.completed",
        ]
        assert events[-1].transcript == "what time is it"
        await connection.response.create()
        assert (await read_until(connection, "response.done"))[-1].response.status == "completed"


async def test_a_recording_sent_at_once_is_heard_whole(engines: FakeEngines) -> None:
    """Faster than it was spoken, as by clients that upload files."""
    engines.heard.append("all of it")
    async with conversation(engines, listens=False) as (connection, _):
        await connection.session.update(
            session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        )
        sound = raised(QUESTION).tobytes() * 20
        await connection.input_audio_buffer.append(audio=b64encode(sound).decode())
        await connection.input_audio_buffer.commit()
        events = await read_until(connection, "conversation.item.input_audio_transcription.completed")
    assert events[-1].transcript == "all of it"
    assert events[-1].usage.seconds == pytest.approx(len(sound) / 48_000, abs=0.01)
    assert sum(map(len, engines.segments)) >= len(QUESTION) * 20 * 0.95


WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


async def test_a_function_of_the_client_is_called_and_its_answer_is_read(engines: FakeEngines) -> None:
    engines.replies.extend([ToolCall("weather", {"city": "Oslo"}), "It rains in Oslo."])
    async with conversation(engines, listens=False) as (connection, _):
        await connection.session.update(session={"type": "realtime", "tools": [WEATHER]})  # type: ignore[list-item]
        await write(connection, "How is the weather?")
        await connection.response.create()
        events = await read_until(connection, "rate_limits.updated")
        assert [event.type for event in events if event.type.startswith("response.")] == [
            "response.created",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.done",
        ]
        (called,) = of(events, "response.function_call_arguments.done")
        assert (called.name, called.arguments) == ("weather", '{"city": "Oslo"}')
        output = {"type": "function_call_output", "call_id": called.call_id, "output": "rain"}
        await connection.conversation.item.create(item=output)  # type: ignore[arg-type]
        await connection.response.create()
        answered = (await read_until(connection, "response.done"))[-1].response
    assert answered.output[0].content[0].transcript == "It rains in Oslo."
    asked, answer = engines.requests[-1]["messages"][-2:]
    assert asked["tool_calls"][0]["function"]["name"] == "weather"
    assert (answer["role"], answer["tool_call_id"], answer["content"]) == ("tool", called.call_id, "rain")
    assert "weather" in [tool["function"]["name"] for tool in engines.requests[0]["tools"]]


async def test_replies_are_written_where_text_is_asked_for_also_beside_the_conversation(
    engines: FakeEngines,
) -> None:
    engines.replies.extend(["It is noon.", "calm"])
    async with conversation(engines, listens=False) as (connection, _):
        await write(connection, "What time is it?")
        await connection.response.create(response={"output_modalities": ["text"]})
        written = (await read_until(connection, "response.done"))[-1].response
        mood = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "The mood?"}]}
        await connection.response.create(
            response={
                "conversation": "none",
                "output_modalities": ["text"],
                "metadata": {"topic": "mood"},
                "input": [mood],  # type: ignore[list-item]
            }
        )
        events = await read_until(connection, "response.done")
    assert written.output[0].content[0].text == "It is noon."
    beside = events[-1].response
    assert (beside.conversation_id, beside.metadata) == (None, {"topic": "mood"})
    assert beside.output[0].content[0].text == "calm"
    assert of(events, "conversation.item.added") == []
    assert "What time is it?" not in str(engines.requests[1]["messages"])
    assert engines.spoken == []


async def test_items_are_read_in_the_order_that_the_client_gave_them(engines: FakeEngines) -> None:
    engines.heard.append("and this")
    async with conversation(engines, listens=False) as (connection, _):
        for words, item_id, previous in (("b", "m_b", None), ("a", "m_a", "root"), ("c", "m_c", "m_b")):
            await write(connection, words, item_id, previous)
        await write(connection, "x", "m_x", "m_a")
        await connection.conversation.item.delete(item_id="m_x")
        await read_until(connection, "conversation.item.deleted")
        content = [{"type": "input_audio", "audio": b64encode(raised(QUESTION).tobytes()).decode()}]
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": content}  # type: ignore[arg-type]
        )
        await read_until(connection, "conversation.item.input_audio_transcription.completed")
        await connection.response.create()
        await read_until(connection, "response.done")
    said = [message["content"] for message in engines.requests[0]["messages"] if message["role"] == "user"]
    assert said == ["a", "b", "c", "and this"]


async def test_what_was_not_heard_of_a_whole_reply_is_cut_out_of_the_history(engines: FakeEngines) -> None:
    engines.replies.append("One two three four five six seven eight nine ten.")
    async with conversation(engines, listens=False) as (connection, _):
        await write(connection, "Count.")
        await connection.response.create()
        response = (await read_until(connection, "response.done"))[-1].response
        item_id = response.output[0].id
        await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=1000)
        (truncated,) = of(
            await read_until(connection, "conversation.item.truncated"), "conversation.item.truncated"
        )
        await connection.conversation.item.retrieve(item_id=item_id)
        (retrieved,) = of(
            await read_until(connection, "conversation.item.retrieved"), "conversation.item.retrieved"
        )
        await connection.response.create()
        await read_until(connection, "response.done")
    kept = retrieved.item.content[0].transcript
    assert truncated.audio_end_ms == 1000
    assert kept.startswith("One")
    assert "ten" not in kept
    assert [m["content"] for m in engines.requests[-1]["messages"] if m["role"] == "assistant"] == [kept]


async def test_telephones_are_heard_and_answered_in_g711(engines: FakeEngines) -> None:
    engines.heard.append("hello")
    engines.replies.append("Good day.")
    formats = {"type": "audio/pcmu"}
    async with conversation(engines, listens=False) as (connection, _):
        await connection.session.update(
            session={
                "type": "realtime",
                "audio": {
                    "input": {"format": formats, "turn_detection": None},
                    "output": {"format": formats},
                },  # type: ignore[typeddict-item]
            }
        )
        phone = g711.compress(Resampler(RATE_HZ, 8000).push(QUESTION), "ulaw")
        await connection.input_audio_buffer.append(audio=b64encode(phone).decode())
        await connection.input_audio_buffer.commit()
        await read_until(connection, "conversation.item.input_audio_transcription.completed")
        await connection.response.create()
        events = await read_until(connection, "response.done")
    assert len(engines.segments[0]) == pytest.approx(len(QUESTION), rel=0.1)
    sound = b"".join(b64decode(event.delta) for event in of(events, "response.output_audio.delta"))
    played = np.frombuffer(g711.expand(sound, "ulaw"), np.int16)
    assert len(sound) == pytest.approx(len("Good day.") / engines.voice_rate * 8000, rel=0.2)
    assert np.abs(played).max() > 1000


async def test_a_session_that_only_listens_transcribes_and_never_replies(engines: FakeEngines) -> None:
    engines.heard.extend(["what time is it", "and now"])
    async with conversation(engines) as (connection, microphone):
        heard = {"transcription": {"model": "gpt-4o-mini-transcribe", "prompt": "clocks"}}
        await connection.session.update(
            session={"type": "transcription", "audio": {"input": heard}}  # type: ignore[typeddict-item]
        )
        assert (await read_until(connection, "session.updated"))[-1].session.type == "transcription"
        events = []
        for _ in range(2):
            await microphone.said(QUESTION)
            events += await read_until(connection, "conversation.item.input_audio_transcription.completed")
    completed = of(events, "conversation.item.input_audio_transcription.completed")
    assert [event.transcript for event in completed] == ["what time is it", "and now"]
    assert not [event for event in events if event.type.startswith("response.")]
    assert engines.requests == []


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
