"""openai-python's Realtime half: `client.realtime.connect`, ephemeral secrets and WebRTC calls."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from aiortc import RTCSessionDescription
from openai import AsyncOpenAI
from websockets.exceptions import InvalidStatus

from tests.clients.caller import Caller
from tests.clients.conftest import Live
from tests.clients.microphone import SPOKEN_QUESTION, SPOKEN_TIME, speech
from tests.clients.openai_conversation import DEADLINE, Conversation, conversation

QUESTION = "what is twelve times seven"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@pytest.fixture
async def client(live: Live) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=live.base_url, api_key=live.key, max_retries=0) as client:
        yield client


@pytest.fixture
async def talk(client: AsyncOpenAI) -> AsyncIterator[Conversation]:
    async with conversation(client.realtime.connect(model="gpt-realtime")) as talk:
        yield talk


def is_in_order(types: list[str], *expected: str) -> bool:
    """Whether the expected types occur in this order, whatever stands between them."""
    rest = iter(types)
    return all(kind in rest for kind in expected)


# -- connecting


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


async def test_the_header_of_the_beta_is_of_no_account(client: AsyncOpenAI) -> None:
    connecting = client.realtime.connect(
        model="gpt-4o-realtime-preview", extra_headers={"OpenAI-Beta": "realtime=v1"}
    )
    async with conversation(connecting) as talk:
        response = await talk.ask(QUESTION, output_modalities=["text"])
    assert response.status == "completed"
    assert not any(event.type.startswith(("response.text", "response.audio")) for event in talk.events)
    assert "conversation.item.created" not in talk.types


async def test_a_wrong_key_is_refused_before_the_socket_is_accepted(live: Live) -> None:
    async with AsyncOpenAI(base_url=live.base_url, api_key="sk-wrong") as client:
        with pytest.raises(InvalidStatus) as caught:
            await client.realtime.connect(model="gpt-realtime").enter()
    assert caught.value.response.status_code == 401
    assert caught.value.response.body is not None
    assert json.loads(caught.value.response.body)["error"]["code"] == "invalid_api_key"


# -- turns


async def test_a_written_turn_is_answered_aloud(talk: Conversation) -> None:
    response = await talk.ask(QUESTION, metadata={"turn": "1"})
    assert response.status == "completed"
    assert response.metadata == {"turn": "1"}
    assert response.conversation_id
    assert talk.all("response.created")[0].response.metadata == {"turn": "1"}
    (item,) = response.output
    assert item.content[0].transcript == talk.words_of(response.id)
    assert "84" in item.content[0].transcript or "eighty" in item.content[0].transcript
    assert 0.5 < len(talk.sound_of(response.id)) / 48_000 < 6
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.usage.input_token_details is not None
    await talk.expect("rate_limits.updated")
    assert is_in_order(
        talk.types,
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    )
    written, answered = talk.all("conversation.item.added")
    assert (written.previous_item_id, answered.previous_item_id) == (None, written.item.id)


async def test_a_written_turn_is_answered_in_writing(talk: Conversation) -> None:
    await talk.configure(output_modalities=["text"])
    response = await talk.ask(QUESTION)
    words = "".join(event.delta for event in talk.all("response.output_text.delta"))
    assert "84" in words
    assert talk.all("response.output_text.done")[0].text == words
    assert response.output[0].content[0].type == "output_text"
    assert response.output[0].content[0].text == words
    assert not talk.all("response.output_audio.delta")


async def test_a_spoken_turn_is_heard_and_answered(talk: Conversation) -> None:
    async with talk.microphone() as microphone:
        microphone.say(SPOKEN_QUESTION)
        response = (await talk.expect("response.done")).response
    assert response.status == "completed"
    assert "84" in talk.words_of(response.id) or "eighty" in talk.words_of(response.id)
    (heard,) = talk.all("conversation.item.input_audio_transcription.completed")
    assert heard.transcript == QUESTION
    assert heard.usage is not None
    deltas = talk.all("conversation.item.input_audio_transcription.delta")
    assert "".join(delta.delta for delta in deltas) in ("", QUESTION)
    (started,) = talk.all("input_audio_buffer.speech_started")
    (stopped,) = talk.all("input_audio_buffer.speech_stopped")
    (committed,) = talk.all("input_audio_buffer.committed")
    assert started.item_id == stopped.item_id == committed.item_id == heard.item_id
    assert 0 <= started.audio_start_ms < stopped.audio_end_ms
    user = talk.all("conversation.item.added")[0].item
    assert (user.id, user.role, user.content[0].transcript) == (heard.item_id, "user", None)
    assert is_in_order(
        talk.types,
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_audio.delta",
        "response.done",
    )


async def test_turns_can_be_committed_by_hand(talk: Conversation) -> None:
    updated = await talk.configure(audio={"input": {"turn_detection": None}})
    assert updated.audio.input.turn_detection is None
    await talk.append_speech(SPOKEN_QUESTION)
    await talk.connection.input_audio_buffer.commit()
    heard = await talk.expect("conversation.item.input_audio_transcription.completed")
    assert heard.transcript == QUESTION
    assert is_in_order(
        talk.types, "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"
    )
    assert not talk.all("response.created")
    await talk.connection.response.create()
    response = (await talk.expect("response.done")).response
    assert "84" in talk.words_of(response.id) or "eighty" in talk.words_of(response.id)


async def test_a_cleared_buffer_is_empty(talk: Conversation) -> None:
    await talk.configure(audio={"input": {"turn_detection": None}})
    await talk.append_speech(SPOKEN_TIME)
    await talk.connection.input_audio_buffer.clear()
    await talk.expect("input_audio_buffer.cleared")
    await talk.connection.input_audio_buffer.commit(event_id="vain")
    error = (await talk.expect("error")).error
    assert (error.code, error.event_id) == ("input_audio_buffer_commit_empty", "vain")
    await talk.append_speech(SPOKEN_QUESTION)
    await talk.connection.input_audio_buffer.commit()
    heard = await talk.expect("conversation.item.input_audio_transcription.completed")
    assert heard.transcript == QUESTION


# -- tools


@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_a_tool_is_called_and_its_answer_told(talk: Conversation, modality: str) -> None:
    updated = await talk.configure(tools=[WEATHER], output_modalities=[modality])
    assert [tool.name for tool in updated.tools] == ["get_weather"]
    response = await talk.ask("what is the weather in Paris")
    assert response.status == "completed"
    (call,) = [item for item in response.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments), call.status) == (
        "get_weather",
        {"city": "Paris"},
        "completed",
    )
    (done,) = talk.all("response.function_call_arguments.done")
    assert (done.call_id, done.name, done.arguments) == (call.call_id, call.name, call.arguments)
    deltas = talk.all("response.function_call_arguments.delta")
    assert "".join(delta.delta for delta in deltas) == call.arguments
    added = talk.all("conversation.item.added")[-1].item
    assert (added.type, added.call_id, added.arguments) == ("function_call", call.call_id, "")
    assert is_in_order(
        talk.types,
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    )
    await talk.connection.conversation.item.create(
        item={
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": json.dumps({"temperature": 21, "sky": "sunny"}),
        }
    )
    await talk.expect("conversation.item.done")
    assert len(talk.all("response.created")) == 1
    await talk.connection.response.create()
    told = (await talk.expect("response.done")).response
    (part,) = told.output[0].content
    assert "sunny" in (part.text or part.transcript)


async def test_a_tool_can_be_asked_for_aloud(talk: Conversation) -> None:
    coin: Any = {
        "type": "function",
        "name": "flip_coin",
        "description": "Flip a coin",
        "parameters": {"type": "object", "properties": {}},
    }
    await talk.configure(tools=[coin], tool_choice="required")
    async with talk.microphone() as microphone:
        microphone.say("dialogue-flip-a-coin-slt")
        response = (await talk.expect("response.done")).response
    (call,) = [item for item in response.output if item.type == "function_call"]
    assert call.name == "flip_coin"


# -- interruption


async def test_speech_interrupts_a_reply_which_is_then_truncated(talk: Conversation) -> None:
    await talk.write("count to forty")
    await talk.connection.response.create()
    await talk.expect("response.output_audio.delta")
    async with talk.microphone() as microphone:
        microphone.say(SPOKEN_TIME)
        await talk.expect("input_audio_buffer.speech_started")
        cut = (await talk.expect("response.done")).response
        assert cut.status == "cancelled"
        assert (cut.status_details.type, cut.status_details.reason) == ("cancelled", "turn_detected")
        item = cut.output[0]
        assert item.status == "incomplete"
        await talk.connection.conversation.item.truncate(item_id=item.id, content_index=0, audio_end_ms=300)
        truncated = await talk.expect("conversation.item.truncated")
        assert (truncated.item_id, truncated.content_index) == (item.id, 0)
        answer = (await talk.expect("response.done")).response
    assert answer.status == "completed"
    ended = next(at for at, event in enumerate(talk.events) if event.type == "response.done")
    late = [event for event in talk.events[ended + 1 :] if getattr(event, "response_id", None) == cut.id]
    assert late == []
    heard = talk.all("conversation.item.input_audio_transcription.completed")
    assert heard[-1].transcript == "what time is it"


async def test_a_reply_is_cancelled_and_a_vain_cancel_is_an_error(talk: Conversation) -> None:
    await talk.write("count to forty")
    await talk.connection.response.create()
    await talk.expect("response.output_audio.delta")
    await talk.connection.response.create(event_id="second")
    error = (await talk.expect("error")).error
    assert (error.code, error.event_id) == ("conversation_already_has_active_response", "second")
    await talk.connection.response.cancel()
    response = (await talk.expect("response.done")).response
    assert (response.status, response.status_details.reason) == ("cancelled", "client_cancelled")
    await talk.connection.response.cancel(event_id="vain")
    error = (await talk.expect("error")).error
    assert (error.code, error.event_id) == ("response_cancel_not_active", "vain")
    assert error.message.startswith("Cancellation failed")
    assert (await talk.ask(QUESTION)).status == "completed"


async def test_truncating_works_after_the_end_and_past_it(talk: Conversation) -> None:
    response = await talk.ask(QUESTION)
    item_id = response.output[0].id
    await talk.connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=60_000)
    assert (await talk.expect("conversation.item.truncated")).item_id == item_id
    await talk.connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=200)
    assert (await talk.expect("conversation.item.truncated")).audio_end_ms == 200


# -- items and responses beside the conversation


async def test_items_are_created_in_the_middle_retrieved_and_deleted(talk: Conversation) -> None:
    items = talk.connection.conversation.item
    for name, after in (("item_b", None), ("item_c", None), ("item_a", "root"), ("item_b2", "item_b")):
        await items.create(
            item={
                "id": name,
                "type": "message",
                "role": "system",
                "content": [{"type": "input_text", "text": name}],
            },
            **({"previous_item_id": after} if after else {}),
        )
        assert (await talk.expect("conversation.item.added")).item.id == name
    before = {event.item.id: event.previous_item_id for event in talk.all("conversation.item.added")}
    assert before == {"item_b": None, "item_c": "item_b", "item_a": None, "item_b2": "item_b"}
    await items.retrieve(item_id="item_c")
    assert (await talk.expect("conversation.item.retrieved")).item.content[0].text == "item_c"
    await items.delete(item_id="item_c")
    assert (await talk.expect("conversation.item.deleted")).item_id == "item_c"
    await items.retrieve(item_id="item_c", event_id="gone")
    error = (await talk.expect("error")).error
    assert (error.code, error.event_id) == ("item_retrieve_invalid_item_id", "gone")
    again: Any = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "c"}]}
    await items.create(item={"id": "item_c", **again})
    assert (await talk.expect("conversation.item.added")).item.id == "item_c"
    await items.create(item={"id": "item_c", **again}, event_id="twice")
    error = (await talk.expect("error")).error
    assert (error.code, error.event_id) == ("item_create_duplicate_item_id", "twice")


async def test_a_response_beside_the_conversation_leaves_no_trace(talk: Conversation) -> None:
    asked: Any = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}]
    await talk.connection.response.create(
        response={
            "conversation": "none",
            "input": asked,
            "output_modalities": ["text"],
            "metadata": {"topic": "sums"},
        }
    )
    response = (await talk.expect("response.done")).response
    assert response.conversation_id is None
    assert response.metadata == {"topic": "sums"}
    assert "84" in response.output[0].content[0].text
    assert not talk.all("conversation.item.added")


async def test_a_recording_can_be_added_as_an_item(talk: Conversation) -> None:
    part: Any = {"type": "input_audio", "audio": b64encode(speech(SPOKEN_QUESTION)).decode()}
    await talk.connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [part]}
    )
    await talk.expect("conversation.item.added")
    await talk.connection.response.create(response={"output_modalities": ["text"]})
    response = (await talk.expect("response.done")).response
    assert "84" in response.output[0].content[0].text


async def test_one_response_may_have_settings_of_its_own(talk: Conversation) -> None:
    named: Any = {"type": "function", "name": "get_weather"}
    response = await talk.ask("good morning", tools=[WEATHER], tool_choice=named)
    assert [item.name for item in response.output if item.type == "function_call"] == ["get_weather"]
    assert (await talk.ask("what is the weather in Paris", output_modalities=["text"])).output[
        0
    ].type == "message"


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


async def test_a_reply_is_cut_at_its_tokens(talk: Conversation) -> None:
    response = await talk.ask("count to forty", output_modalities=["text"], max_output_tokens=5)
    assert response.status == "incomplete"
    assert response.status_details.reason == "max_output_tokens"


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


async def test_a_session_may_only_transcribe(client: AsyncOpenAI) -> None:
    connecting = client.realtime.connect(extra_query={"intent": "transcription"})
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


# -- secrets and calls


async def test_a_secret_opens_the_session_it_was_made_for(client: AsyncOpenAI, live: Live) -> None:
    minted = await client.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 60},
        session={"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "sage"}}},
    )
    assert minted.value.startswith("ek_")
    assert minted.session.type == "realtime"
    async with AsyncOpenAI(base_url=live.base_url, api_key=minted.value, max_retries=0) as guest:
        for _ in range(2):
            async with conversation(guest.realtime.connect(model="gpt-realtime")) as talk:
                session = talk.events[0].session
                assert (session.instructions, session.audio.output.voice) == ("Be brief.", "sage")
        with pytest.raises(openai.APIStatusError) as caught:
            await guest.realtime.client_secrets.create()
        assert caught.value.status_code in (401, 403)
        with pytest.raises(openai.APIStatusError) as caught:
            await guest.models.list()
        assert caught.value.status_code in (401, 403)
    with pytest.raises(openai.BadRequestError):
        await client.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 1})


async def test_a_call_is_made_watched_and_hung_up(client: AsyncOpenAI) -> None:
    caller = Caller()
    try:
        answer = await client.realtime.calls.create(
            sdp=await caller.offer(),
            session={"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."},
        )
        assert answer.response.status_code == 201
        assert answer.response.headers["content-type"] == "application/sdp"
        call_id = answer.response.headers["location"].rsplit("/", 1)[-1]
        assert call_id.startswith("rtc_")
        await caller.peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        created = await caller.expect("session.created")
        assert created["session"]["instructions"] == "Be brief."
        async with client.realtime.connect(call_id=call_id) as sideband:
            await sideband.session.update(session={"type": "realtime", "instructions": "Be loud."})
            updated = await caller.expect("session.updated")
            assert updated["session"]["instructions"] == "Be loud."
        await client.realtime.calls.hangup(call_id)
        async with asyncio.timeout(DEADLINE):
            await caller.is_closed.wait()
        with pytest.raises(openai.NotFoundError):
            await client.realtime.calls.hangup(call_id)
    finally:
        await caller.peer.close()


async def test_an_offer_that_is_none_is_a_bad_request(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.realtime.calls.create(sdp="hello", session={"type": "realtime"})
    assert caught.value.type == "invalid_request_error"
