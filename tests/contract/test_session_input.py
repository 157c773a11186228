"""Audio as clients send it: in real time, in bursts, by hand, cut off; and sessions that only transcribe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation import microphone
from sottovoce.conversation.adapters import cutting
from sottovoce.conversation.events import (
    EngineFailed,
    IdleTimedOut,
    ReplyFinished,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    StateChanged,
    Transcript,
    TranscriptionFailed,
    TurnCommitted,
)
from sottovoce.conversation.history import Message
from sottovoce.conversation.idleness import IDLE_NOTE
from sottovoce.conversation.options import SessionOptions, TurnOptions
from sottovoce.errors import InvalidRequestError
from tests.fake_engines import FakeEngines, running
from tests.recordings import RATE_HZ, recording
from tests.spoken import Speaker, conversation

QUESTION = recording("dialogue-what-time-is-it-slt")
BY_HAND = SessionOptions(turns=None)
LISTENING = SessionOptions(is_listening_only=True)


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with running() as fakes:
        fakes.voice_rate = 100
        yield fakes


def silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE_HZ))


def push(user: Speaker, samples: bytes) -> None:
    """All of it at once, as a client may."""
    user.session.push_audio(AudioFrame(samples, RATE_HZ))


def finals(user: Speaker) -> list[str]:
    return [event.text for event in user.all(Transcript) if event.is_final]


async def test_a_recording_sent_at_once_is_one_turn(engines: FakeEngines) -> None:
    """With a pause in it that is none: the clock on the wall says nothing about the pauses of a burst."""
    engines.heard.extend(["what time", "is it now"])
    engines.replies.append("Noon.")
    options = SessionOptions(turns=TurnOptions(silence=0.8))
    async with conversation(engines, is_paced=False, options=options) as user:
        push(user, QUESTION + silence(0.4) + QUESTION + silence(1.0))
        final = await user.expect(Transcript, lambda event: event.is_final)
        await user.expect(ReplyFinished)
        started, stopped = user.all(SpeechStarted), user.all(SpeechStopped)
    assert final.text == "what time is it now"
    assert finals(user) == [final.text]
    assert len(user.all(TurnCommitted)) == len(user.all(ReplyStarted)) == 1
    length_ms = 1000 * len(QUESTION) // (2 * RATE_HZ)
    assert started[0].audio_ms < 500  # on the clock of the audio, not of the wall
    assert stopped[-1].audio_ms == pytest.approx(2 * length_ms + 400, abs=300)


@pytest.mark.parametrize("silence_needed", [0.05, 0.5])
async def test_three_turns_sent_at_once_are_three(engines: FakeEngines, silence_needed: float) -> None:
    engines.heard.extend(["one", "two", "three"])
    options = SessionOptions(is_listening_only=True, turns=TurnOptions(silence=silence_needed))
    async with conversation(engines, is_paced=False, options=options) as user:
        push(user, (QUESTION + silence(1.5)) * 3)
        for _ in range(3):
            await user.expect(Transcript, lambda event: event.is_final)
    assert finals(user) == ["one", "two", "three"]
    length_ms = 1000 * len(QUESTION) // (2 * RATE_HZ) + 1500
    stops = [event.audio_ms for event in user.all(SpeechStopped)]
    assert [stop - number * length_ms for number, stop in enumerate(stops)] == pytest.approx(
        [900] * 3, abs=250
    )


async def test_five_minutes_committed_at_once_are_all_heard(engines: FakeEngines) -> None:
    turns = 60
    engines.heard.extend(str(number) for number in range(turns))
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            longest = max(longest, loop.time() - before)

    async with conversation(engines, is_paced=False, options=BY_HAND) as user:
        watching = asyncio.create_task(watch())
        utterance = QUESTION + silence(5.0 - len(QUESTION) / 2 / RATE_HZ)
        push(user, utterance * turns)
        item_id = user.session.commit_input()
        final = await user.expect(Transcript, lambda event: event.is_final)
        watching.cancel()
    assert final.item_id == item_id
    assert final.text == " ".join(str(number) for number in range(turns))
    assert len(user.all(TurnCommitted)) == 1
    assert longest < 0.5  # nobody else's audio stalls meanwhile


async def test_who_never_pauses_is_heard_in_pieces(
    engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "MAX_SEGMENT_BYTES", RATE_HZ)  # half a second
    engines.heard.extend(["one", "two", "three", "four"])
    async with conversation(engines, is_paced=False, options=BY_HAND) as user:
        push(user, QUESTION)
        user.session.commit_input()
        await user.expect(Transcript, lambda event: event.is_final)
    assert len(engines.segments) > 1
    assert finals(user) == [" ".join(["one", "two", "three", "four"][: len(engines.segments)])]
    assert len(QUESTION) * 3 // 4 < sum(map(len, engines.segments)) < len(QUESTION) + 2 * RATE_HZ


async def test_what_is_sent_after_a_commit_belongs_to_the_next(engines: FakeEngines) -> None:
    engines.heard.extend(["one", "two"])
    engines.replies.append("Well.")
    async with conversation(engines, is_paced=False, options=BY_HAND) as user:
        push(user, QUESTION)  # cut off right at its end
        first = user.session.commit_input()
        push(user, QUESTION)
        second = user.session.commit_input()
        user.session.add_item(Message("item_typed", "user", "three"))
        user.session.respond()
        await user.expect(ReplyFinished)
        with pytest.raises(InvalidRequestError):
            user.session.commit_input()
    assert first != second
    assert [event.item_id for event in user.all(TurnCommitted)] == [first, second]
    assert [(event.item_id, event.text) for event in user.all(Transcript) if event.is_final] == [
        (first, "one"),
        (second, "two"),
    ]
    assert [one["content"] for one in engines.requests[0]["messages"][1:]] == ["one", "two", "three"]


async def test_clearing_keeps_what_was_committed(engines: FakeEngines) -> None:
    engines.heard.extend(["kept", "said anew"])
    async with conversation(engines, is_paced=False, options=BY_HAND) as user:
        push(user, QUESTION)
        user.session.commit_input()
        push(user, QUESTION + QUESTION)
        user.session.clear_input()
        with pytest.raises(InvalidRequestError):
            user.session.commit_input()
        await user.expect(Transcript, lambda event: event.is_final)
        push(user, QUESTION)
        user.session.clear_input()
        push(user, QUESTION)
        user.session.commit_input()
        await user.expect(Transcript, lambda event: event.text == "said anew")
    assert finals(user) == ["kept", "said anew"]


async def test_nothing_said_is_an_empty_turn_of_its_own(engines: FakeEngines) -> None:
    async with conversation(engines, is_paced=False, options=BY_HAND) as user:
        push(user, silence(1.0))
        item_id = user.session.commit_input()
        user.session.add_item(Message("b", "user", "second"))
        user.session.add_item(Message("a", "user", "first"), after=item_id)
        user.session.respond()
        await user.expect(ReplyFinished)
    assert finals(user) == [""]
    assert [one["content"] for one in engines.requests[0]["messages"][1:]] == ["first", "second"]


async def test_a_failed_transcription_is_told_instead_of_a_transcript(engines: FakeEngines) -> None:
    engines.failing["stt"] = "refuse"
    async with conversation(engines, is_paced=False, options=BY_HAND) as user:
        push(user, QUESTION)
        item_id = user.session.commit_input()
        failed = await user.expect(TranscriptionFailed)
        await user.expect(ReplyFinished)  # told aloud
    assert failed.item_id == item_id
    assert finals(user) == []
    assert len(user.all(EngineFailed)) == 1


async def test_speech_over_a_reply_is_heard_where_turns_end_by_hand(engines: FakeEngines) -> None:
    engines.voice_rate = 15
    engines.heard.append("heard it")
    engines.replies.append("Here is a rather long answer, which goes on for a while.")
    async with conversation(engines, options=BY_HAND) as user:
        user.session.respond()
        await user.expect(ReplyStarted)
        push(user, QUESTION)
        user.session.commit_input()
        final = await user.expect(Transcript, lambda event: event.is_final)
        finished = await user.expect(ReplyFinished)
    assert final.text == "heard it"
    assert finished.status == "completed"


async def test_a_reply_that_may_not_be_interrupted_delays_nobody(engines: FakeEngines) -> None:
    engines.voice_rate = 15
    engines.heard.append("now")
    engines.replies.extend(["Here is a rather long answer, which goes on for a while.", "Yes."])
    options = SessionOptions(turns=TurnOptions(can_interrupt=False))
    async with conversation(engines, options=options) as user:
        user.session.respond()
        await user.expect(ReplyStarted)
        user.speak(QUESTION)
        finished = await user.expect(ReplyFinished)
        assert user.session._ears.microphone.waiting < 0.3
        user.speak(QUESTION)
        await user.expect(ReplyFinished)
    assert (finished.status, finished.unheard) == ("completed", "")
    assert finals(user)[-1] == "now"


async def test_noise_keeps_its_place(engines: FakeEngines) -> None:
    engines.heard.append("")
    async with conversation(engines) as user:
        user.speak(QUESTION)
        noise = await user.expect(Transcript, lambda event: event.is_final)
        user.session.add_item(Message("b", "user", "second"))
        user.session.add_item(Message("a", "user", "first"), after=noise.item_id)
        user.session.respond()
        await user.expect(ReplyFinished)
    assert [one["content"] for one in engines.requests[0]["messages"][1:]] == ["first", "second"]


async def test_a_client_may_commit_where_turns_are_found(engines: FakeEngines) -> None:
    engines.heard.append("now")
    async with conversation(engines, is_paced=False) as user:
        push(user, QUESTION)
        item_id = user.session.commit_input()
        final = await user.expect(Transcript, lambda event: event.is_final)
        engines.heard.append("and then")
        push(user, QUESTION + silence(1.0))
        await user.expect(ReplyFinished)
    assert (final.item_id, final.text) == (item_id, "now")
    assert finals(user) == ["now", "and then"]
    assert [one["content"] for one in engines.requests[-1]["messages"][1:]] == ["now", "and then"]


async def test_who_stops_sending_in_mid_word_is_answered(
    engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microphone, "STALLED", 0.2)
    engines.heard.append("what time is it")
    async with conversation(engines, is_paced=False) as user:
        push(user, QUESTION)
        await user.expect(ReplyFinished)
    assert finals(user) == ["what time is it"]


async def test_a_listening_session_never_replies(engines: FakeEngines) -> None:
    engines.failing.update(llm="refuse", tts="refuse")
    engines.heard.extend(["set a timer for", "and more"])
    async with conversation(engines, options=LISTENING) as user:
        user.speak(QUESTION)
        final = await user.expect(Transcript, lambda event: event.is_final)
        stopped = [user.events.index(event) for event in user.all(SpeechStopped)]
        assert user.events.index(final) - stopped[-1] <= 2  # the committed turn, and nothing else
        user.speak(QUESTION)
        await user.expect(Transcript, lambda event: event.is_final)
        with pytest.raises(InvalidRequestError):
            user.session.respond()
        engines.failing["stt"] = "refuse"
        user.speak(QUESTION)
        failed = await user.expect(EngineFailed)
        user.session.say("Nobody hears this.")
        history = [message.text_content for message in user.session.history.messages()[1:]]
    assert finals(user) == ["set a timer for", "and more"]
    assert [event.text for event in user.all(Transcript) if not event.is_final] == ["set", "and"]
    assert history[:2] == ["set a timer for", "and more"]
    assert (failed.engine, failed.is_spoken) == ("stt", False)
    assert (engines.requests, engines.spoken, user.all(ReplyStarted)) == ([], [], [])


async def test_a_session_may_turn_to_listening_and_back(engines: FakeEngines) -> None:
    engines.heard.extend(["one", "two"])
    async with conversation(engines) as user:
        user.session.update(LISTENING)
        user.speak(QUESTION)
        await user.expect(Transcript, lambda event: event.is_final)
        user.session.update(SessionOptions())
        user.speak(QUESTION)
        await user.expect(ReplyFinished)
    assert [one["content"] for one in engines.requests[0]["messages"][1:]] == ["one", "two"]


async def test_the_recogniser_is_given_language_and_prompt(engines: FakeEngines) -> None:
    engines.heard.append("hallo")
    options = SessionOptions(language="de", prompt="Namen: Ada, Grete.")
    async with conversation(engines, options=options) as user:
        user.session.update(SessionOptions(language="", prompt="Names."))
        user.speak(QUESTION)
        await user.expect(ReplyFinished)
    given: list[dict[str, Any]] = [dict(one) for one in engines.hints]
    told = {name: hint for name, hint in given[-1].items() if hint is not None}
    assert told == {"model": "fake-stt", "prompt": "Names."}


async def test_the_recogniser_is_left_to_find_the_language(engines: FakeEngines) -> None:
    engines.heard.append("hallo")
    async with conversation(engines) as user:
        user.speak(QUESTION)
        await user.expect(ReplyFinished)
    assert [dict(one) for one in engines.hints] == [{"model": "fake-stt"}]


async def test_the_assistant_speaks_up_after_a_long_silence(engines: FakeEngines) -> None:
    engines.heard.append("hello")
    engines.replies.extend(["Hello yourself.", "Are you still there?"])
    async with conversation(engines) as user:
        user.speak(QUESTION)
        hello = await user.expect(ReplyFinished)
        user.session.update(SessionOptions(turns=TurnOptions(idle_timeout=0.5)))
        idle = await user.expect(IdleTimedOut)
        await user.expect(ReplyFinished)
        history = [message.text_content for message in user.session.history.messages()[1:]]
    told = user.events[user.events.index(idle) :]
    kinds = [type(event) for event in told if not isinstance(event, StateChanged)]
    assert kinds[:4] == [IdleTimedOut, TurnCommitted, Transcript, ReplyStarted]
    assert [event.text for event in told if isinstance(event, Transcript)] == [""]
    assert idle.audio_end_ms - idle.audio_start_ms == 500
    assert {event.item_id for event in told if isinstance(event, TurnCommitted | Transcript)} == {
        idle.item_id
    }
    messages = [(one["role"], one["content"]) for one in engines.requests[1]["messages"]]
    assert messages[1:] == [("user", "hello"), ("assistant", hello.heard), ("system", IDLE_NOTE)]
    assert history == ["hello", "Hello yourself.", "", "Are you still there?"]
    assert len(user.all(IdleTimedOut)) == 1
