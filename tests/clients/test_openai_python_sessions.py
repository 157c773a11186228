"""openai-python: Realtime sessions, how they are opened, configured and mistaken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets.exceptions import InvalidStatus

from tests.clients.microphone import SPOKEN_QUESTION
from tests.clients.openai_conversation import Conversation, conversation
from tests.clients.servers import Live

QUESTION = "what is twelve times seven"


async def test_the_session_says_what_it_is(talk: Conversation) -> None:
    session = talk.events[0].session
    assert (session.type, session.object, session.model) == ("realtime", "realtime.session", "gpt-realtime")
    assert session.id.startswith("sess_")
    assert session.audio.input.turn_detection.interrupt_response is True
    assert session.audio.output.format.rate == 24_000
    updated = await talk.configure(
        instructions="Be brief.", audio={"output": {"voice": "cedar", "speed": 1.2}}
    )
    assert updated.instructions == "Be brief."
    assert (updated.audio.output.voice, updated.audio.output.speed) == ("cedar", 1.2)
    assert updated.audio.input.turn_detection.interrupt_response is True
    assert len({event.event_id for event in talk.events}) == len(talk.events)


async def test_the_header_of_the_beta_is_of_no_account(async_client: AsyncOpenAI) -> None:
    connecting = async_client.realtime.connect(
        model="gpt-4o-realtime-preview", extra_headers={"OpenAI-Beta": "realtime=v1"}
    )
    async with conversation(connecting) as talk:
        response = await talk.ask(QUESTION, output_modalities=["text"])
    assert response.status == "completed"
    assert not any(event.type.startswith(("response.text", "response.audio")) for event in talk.events)
    assert "conversation.item.created" not in talk.types


async def test_a_wrong_key_is_refused_before_the_socket_is_accepted(live: Live) -> None:
    async with AsyncOpenAI(base_url=live.base_url, api_key="sk-wrong") as stranger:
        with pytest.raises(InvalidStatus) as caught:
            await stranger.realtime.connect(model="gpt-realtime").enter()
    assert caught.value.response.status_code == 401
    assert caught.value.response.body is not None
    assert json.loads(caught.value.response.body)["error"]["code"] == "invalid_api_key"


async def test_mistakes_are_told_and_cost_nothing(talk: Conversation) -> None:
    wrong: Any = [
        {"type": "session.update", "event_id": "e1", "session": {"type": "robot"}},
        {"type": "conversation.item.create", "event_id": "e2"},
        {"type": "no.such.event", "event_id": "e3"},
        {"type": "input_audio_buffer.append", "event_id": "e4", "audio": "?"},
    ]
    for event in wrong:
        await talk.connection.send(event)
        error = (await talk.expect("error")).error
        assert error.event_id == event["event_id"]
        assert (error.type, bool(error.message)) == ("invalid_request_error", True)
    assert (await talk.ask(QUESTION)).status == "completed"


async def test_g711_goes_both_ways(talk: Conversation) -> None:
    form = {"type": "audio/pcmu"}
    updated = await talk.configure(audio={"input": {"format": form}, "output": {"format": form}})
    assert (updated.audio.input.format.type, updated.audio.output.format.type) == ("audio/pcmu",) * 2
    response = await talk.ask(QUESTION)
    assert 0.5 < len(talk.sound_of(response.id)) / 8000 < 6


async def test_a_session_may_only_transcribe(async_client: AsyncOpenAI) -> None:
    connecting = async_client.realtime.connect(extra_query={"intent": "transcription"})
    async with conversation(connecting) as talk:
        await talk.connection.session.update(
            session={
                "type": "transcription",
                "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe", "language": "en"}}},
            }
        )
        session = (await talk.expect("session.updated")).session
        assert (session.type, session.object) == ("transcription", "realtime.transcription_session")
        async with talk.microphone() as microphone:
            microphone.say(SPOKEN_QUESTION)
            heard = await talk.expect("conversation.item.input_audio_transcription.completed")
        assert heard.transcript == QUESTION
        assert not any(event.type.startswith("response.") for event in talk.events)


async def test_a_silent_user_is_spoken_to_again(talk: Conversation) -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    updated = await talk.configure(audio={"input": {"turn_detection": detection}})
    assert updated.audio.input.turn_detection.idle_timeout_ms == 5000
    async with talk.microphone():
        await talk.ask("good morning")
        triggered = await talk.expect("input_audio_buffer.timeout_triggered")
        assert triggered.audio_start_ms < triggered.audio_end_ms
        committed = await talk.expect("input_audio_buffer.committed")
        assert committed.item_id == triggered.item_id
        assert (await talk.expect("response.done")).response.status == "completed"
