"""openai-python's own Realtime client, unmodified, against the WebSocket shell under Hypercorn."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator

import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from sottovoce.audio.playout import FRAME_MS
from sottovoce.conversation import events as told
from sottovoce.conversation.options import SessionOptions
from tests.contract.realtime_server import connected, of, read_until, realtime
from tests.fake_session import TalkingSession

SECOND = bytes(48_000)
SESSIONS: list[TalkingSession] = []


@pytest.fixture
async def connection() -> AsyncIterator[AsyncRealtimeConnection]:
    SESSIONS.clear()

    def make(options: SessionOptions) -> TalkingSession:
        SESSIONS.append(TalkingSession(options))
        return SESSIONS[-1]

    async with realtime(make) as base_url, connected(base_url) as connection:
        yield connection


async def test_a_typed_question_is_answered_aloud(connection: AsyncRealtimeConnection) -> None:
    await connection.session.update(
        session={"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "marin"}}}
    )
    (updated,) = await read_until(connection, "session.updated")
    assert updated.session.instructions == "Be brief."
    await connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "What time is it?"}],
        }
    )
    added, _ = await read_until(connection, "conversation.item.done")
    await connection.response.create(response={"metadata": {"client_event_id": "e1"}})
    events = await read_until(connection, "response.done")

    assert events[0].response.metadata == {"client_event_id": "e1"}
    assert of(events, "conversation.item.added")[0].previous_item_id == added.item.id
    words = "".join(event.delta for event in of(events, "response.output_audio_transcript.delta"))
    sound = b"".join(b64decode(event.delta) for event in of(events, "response.output_audio.delta"))
    assert words == TalkingSession.answer
    assert len(sound) == TalkingSession.frames * FRAME_MS * 48
    response = events[-1].response
    assert response.status == "completed"
    assert response.output[0].content[0].transcript == words
    assert response.usage.input_token_details.text_tokens == 11


async def test_a_spoken_turn_is_committed_by_hand(connection: AsyncRealtimeConnection) -> None:
    await connection.session.update(
        session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    )
    await read_until(connection, "session.updated")
    await connection.input_audio_buffer.append(audio=b64encode(SECOND).decode())
    await connection.input_audio_buffer.commit()
    events = await read_until(connection, "conversation.item.input_audio_transcription.completed")
    assert [event.type for event in events[:3]] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert events[-1].transcript == "what time is it"
    assert events[-1].usage.seconds == 1.0


async def test_a_turn_found_by_the_server_is_interrupted_by_the_next(
    connection: AsyncRealtimeConnection,
) -> None:
    (session,) = SESSIONS
    session.tell(told.SpeechStarted("item_u", 300), told.SpeechStopped("item_u", 1500))
    session.tell(told.TurnCommitted("item_u"), told.Transcript("item_u", "count", is_final=True))
    session.respond(response_id="resp_vad")
    await read_until(connection, "response.output_audio.delta")
    session.tell(told.SpeechStarted("item_v", 4000))
    session.interrupt("turn_detected")
    events = await read_until(connection, "response.done")
    assert of(events, "input_audio_buffer.speech_started")[0].audio_start_ms == 4000
    assert events[-1].response.status == "cancelled"
    assert events[-1].response.status_details.reason == "turn_detected"
    item_id = events[-1].response.output[0].id
    await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=60)
    truncated = (await read_until(connection, "conversation.item.truncated"))[-1]
    assert truncated.item_id == item_id
    await connection.conversation.item.retrieve(item_id=item_id)
    (retrieved,) = await read_until(connection, "conversation.item.retrieved")
    assert retrieved.item.status == "incomplete"


async def test_a_response_is_cancelled_by_the_client(connection: AsyncRealtimeConnection) -> None:
    await connection.response.create()
    await read_until(connection, "response.output_audio.delta")
    await connection.response.cancel()
    events = await read_until(connection, "response.done")
    assert events[-1].response.status_details.reason == "client_cancelled"
    await connection.response.create()
    assert (await read_until(connection, "response.done"))[-1].response.status == "completed"


async def test_mistakes_are_told_and_the_session_goes_on(connection: AsyncRealtimeConnection) -> None:
    await connection.input_audio_buffer.commit(event_id="ev_1")
    await connection.response.cancel(event_id="ev_2")
    await connection.send({"type": "session.update", "event_id": "ev_3", "session": {"type": "robot"}})  # type: ignore[typeddict-item]
    errors = [(await connection.recv()).error for _ in range(3)]  # type: ignore[union-attr]
    assert [(error.code, error.event_id) for error in errors] == [
        ("input_audio_buffer_commit_empty", "ev_1"),
        ("response_cancel_not_active", "ev_2"),
        ("invalid_value", "ev_3"),
    ]
    await connection.input_audio_buffer.clear()
    assert (await connection.recv()).type == "input_audio_buffer.cleared"
