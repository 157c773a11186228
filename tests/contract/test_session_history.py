"""The history under the ids that clients know: added to, taken from, cut, and read by the model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation import record, recordings
from sottovoce.conversation.events import (
    EngineFailed,
    ReplyFinished,
    ReplyStarted,
    ReplyText,
    Transcript,
    TranscriptionFailed,
    TurnCommitted,
)
from sottovoce.conversation.history import FIRST, Message, SpokenMessage
from sottovoce.conversation.options import ReplyOptions, SessionOptions
from sottovoce.errors import InvalidRequestError
from tests.fake_engines import FakeEngines, running
from tests.recordings import recording
from tests.spoken import Speaker, conversation

QUESTION = recording("dialogue-what-time-is-it-slt")
LONG_REPLY = "Here is a rather long answer, which goes on. " * 4


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with running() as fakes:
        fakes.voice_rate = 100
        yield fakes


def told(request: dict[str, Any]) -> list[str]:
    return [message["content"] for message in request["messages"][1:]]


async def answered(user: Speaker) -> ReplyFinished:
    user.session.respond()
    return await user.expect(ReplyFinished)


async def test_items_go_where_they_belong(engines: FakeEngines) -> None:
    async with conversation(engines) as user:
        session = user.session
        session.add_item(Message("b", "user", "second"))
        session.add_item(Message("d", "user", "fourth"))
        session.add_item(Message("c", "assistant", "third"), after="b")
        session.add_item(Message("a", "system", "first"), after=FIRST)
        session.add_item(Message("e", "user", "fifth"), after="nobody")
        await answered(user)
        session.delete_item("c")
        session.delete_item("nobody")
        session.add_item(Message("c", "assistant", "third again"), after="b")
        await answered(user)
    assert told(engines.requests[0]) == ["first", "second", "third", "fourth", "fifth"]
    assert told(engines.requests[1])[:5] == ["first", "second", "third again", "fourth", "fifth"]


async def test_spoken_turns_and_replies_have_their_ids_in_the_history(engines: FakeEngines) -> None:
    engines.heard.extend(["one", "two"])
    engines.replies.extend(["First.", "Second.", "Third."])
    async with conversation(engines) as user:
        user.speak(QUESTION)
        turn = await user.expect(TurnCommitted)
        reply = await user.expect(ReplyFinished)
        user.session.add_item(Message("item_after_turn", "user", "and"), after=turn.item_id)
        user.session.add_item(Message("item_after_reply", "user", "so"), after=reply.item_id)
        await answered(user)
        user.session.delete_item(turn.item_id)
        user.session.delete_item(reply.item_id)
        await answered(user)
        user.speak(QUESTION)
        again = await user.expect(TurnCommitted)
        await user.expect(ReplyFinished)
        ids = [message.id for message in user.session.history.messages()]
    assert told(engines.requests[1]) == ["one", "and", "First.", "so"]
    assert told(engines.requests[2]) == ["and", "so", "Second."]
    assert again.item_id in ids
    assert {event.item_id for event in user.all(ReplyFinished)} - {reply.item_id} <= set(ids)


async def test_a_reply_is_deleted_while_it_is_spoken(engines: FakeEngines) -> None:
    engines.voice_rate = 25
    engines.replies.extend(["This will be forgotten.", "Yes?"])
    async with conversation(engines) as user:
        user.session.add_item(Message("a", "user", "hello"))
        user.session.respond()
        started = await user.expect(ReplyStarted)
        await user.expect(ReplyText)
        user.session.delete_item(started.item_id)
        user.session.add_item(Message(started.item_id, "user", "under the same name"))
        finished = await user.expect(ReplyFinished)
        await answered(user)
    assert (finished.status, finished.heard) == ("completed", "This will be forgotten.")
    assert told(engines.requests[1]) == ["hello", "under the same name"]


async def test_a_recording_is_read_as_its_words(engines: FakeEngines) -> None:
    engines.heard.append("what time is it")
    samples = np.frombuffer(QUESTION, np.int16)
    at_24_khz = np.interp(np.arange(0, len(samples), 2 / 3), np.arange(len(samples)), samples)
    audio = AudioFrame(at_24_khz.astype(np.int16).tobytes(), 24_000)
    async with conversation(engines, options=SessionOptions(prompt="Clocks.", language="en")) as user:
        user.session.add_item(SpokenMessage("item_spoken", audio))
        user.session.add_item(Message("item_before", "user", "tell me"), after=FIRST)
        user.session.respond()
        final = await user.expect(Transcript)
        await user.expect(ReplyFinished)
    assert (final.item_id, final.text, final.is_final) == ("item_spoken", "what time is it", True)
    assert told(engines.requests[0]) == ["tell me", "what time is it"]
    assert engines.hints[-1] == {
        "model": "fake-stt",
        "response_format": "json",
        "language": "en",
        "prompt": "Clocks.",
    }
    assert len(engines.segments[-1]) == pytest.approx(len(QUESTION), rel=0.01)


async def test_a_recording_that_cannot_be_read_says_so(engines: FakeEngines) -> None:
    async with conversation(engines) as user:
        engines.failing["stt"] = "refuse"
        user.session.add_item(Message("a", "user", "hello"))
        user.session.add_item(SpokenMessage("item_spoken", AudioFrame(QUESTION, 16_000)))
        user.session.respond()
        failed = await user.expect(TranscriptionFailed)
        await user.expect(ReplyFinished)
        too_long = AudioFrame(bytes(2 * 8000 * int(recordings.MAX_RECORDING + 1)), 8000)
        with pytest.raises(InvalidRequestError):
            user.session.add_item(SpokenMessage("item_long", too_long))
        with pytest.raises(InvalidRequestError):
            user.session.respond(ReplyOptions(history=(SpokenMessage("item_long", too_long),)))
    assert failed.item_id == "item_spoken"
    assert [event.engine for event in user.all(EngineFailed)] == ["stt"]
    assert told(engines.requests[0]) == ["hello"]


async def test_a_finished_reply_is_cut_to_what_was_heard(engines: FakeEngines) -> None:
    engines.voice_rate = 25
    engines.replies.append("One two three four five six seven eight nine ten.")
    async with conversation(engines) as user:
        user.session.add_item(Message("a", "user", "count"))
        finished = await answered(user)
        whole = user.session.truncate_item(finished.item_id, finished.audio_ms + 5000)
        half = user.session.truncate_item(finished.item_id, finished.audio_ms // 2)
        same = user.session.truncate_item(finished.item_id, finished.audio_ms // 2)
        later = user.session.truncate_item(finished.item_id, finished.audio_ms)
        await answered(user)
        none = user.session.truncate_item(finished.item_id, 0)
        await answered(user)
        with pytest.raises(InvalidRequestError) as refusal:
            user.session.truncate_item("item_of_nobody", 100)
    assert whole == finished.heard
    assert half == same == later
    assert whole.startswith(half)
    assert len(whole) / 4 < len(half) < len(whole) * 3 / 4
    assert none.count(" ") <= 1  # no more than the word that was begun
    assert told(engines.requests[1]) == ["count", half]
    assert told(engines.requests[2])[1:2] == ([none] if none else ["I have nothing to say."])
    assert refusal.value.code == "item_truncate_invalid_item_id"


async def test_an_interrupted_reply_is_cut_deeper(engines: FakeEngines) -> None:
    engines.voice_rate = 15
    engines.replies.append(LONG_REPLY)
    async with conversation(engines) as user:
        user.session.add_item(Message("a", "user", "tell me"))
        user.session.respond()
        started = await user.expect(ReplyStarted)
        await user.expect(ReplyText, lambda event: "long" in event.delta)
        with pytest.raises(InvalidRequestError):  # still being given
            user.session.truncate_item(started.item_id, 100)
        user.session.interrupt()
        finished = await user.expect(ReplyFinished)
        words = user.session.truncate_item(finished.item_id, finished.audio_ms // 2)
        await answered(user)
    assert 0 < len(words) < len(finished.heard)
    assert told(engines.requests[1]) == ["tell me", words]


async def test_a_written_reply_is_not_cut_by_its_sound(engines: FakeEngines) -> None:
    async with conversation(engines, options=SessionOptions(modality="text")) as user:
        finished = await answered(user)
        with pytest.raises(InvalidRequestError):
            user.session.truncate_item(finished.item_id, 100)


async def test_the_oldest_items_are_forgotten_in_the_end(
    engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MAX_ITEMS", 3)
    monkeypatch.setattr(record, "MAX_CHARACTERS", 100)
    async with conversation(engines) as user:
        for number in range(5):
            user.session.add_item(Message(f"item_{number}", "user", f"message {number}"))
        await answered(user)
        user.session.add_item(Message("item_long", "user", "x" * 90))
        await answered(user)
    assert engines.requests[0]["messages"][0]["role"] == "system"
    assert told(engines.requests[0]) == ["message 2", "message 3", "message 4"]
    assert told(engines.requests[1]) == ["x" * 90]
