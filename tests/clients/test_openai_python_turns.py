"""openai-python: turns that are written, spoken, committed by hand and interrupted."""

from __future__ import annotations

from tests.clients.microphone import SPOKEN_QUESTION, SPOKEN_TIME
from tests.clients.openai_conversation import Conversation, is_in_order

QUESTION = "what is twelve times seven"


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
