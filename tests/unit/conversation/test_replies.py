"""What is told of the engines that a reply went through, and when."""

from __future__ import annotations

from typing import Any, cast

import pytest
from livekit.agents import SpeechCreatedEvent

from sottovoce.conversation.engines import Used
from sottovoce.conversation.events import ReplyFinished, ReplyServed, SessionEvent, TurnMeasured
from sottovoce.conversation.plan import Plan
from sottovoce.conversation.replies import Replies
from sottovoce.conversation.reply import Reply
from sottovoce.conversation.turn import Turn

EAR, MIND, VOICE = Used("nemotron"), Used("qwen3-4b"), Used("kokoro")
SPARE_VOICE = Used("espeak-ng", "kokoro", "It hung.")
SPARE_MIND = Used("rules", "qwen3-4b", "It hung.")


class Speech:
    """AgentSession's handle of a reply that it works on until it is over."""

    scheduled, interrupted = True, False
    allow_interruptions = True
    chat_items: tuple[object, ...] = ()

    def __init__(self) -> None:
        self.is_over = False
        self.on_done: Any = None

    def done(self) -> bool:
        return self.is_over

    def exception(self) -> None:
        return None

    def add_done_callback(self, callback: Any) -> None:
        self.on_done = callback

    def end(self) -> None:
        self.is_over = True
        self.on_done(self)


class Telling:
    """What `Replies` tells of one reply, which answers `turn` if there is one."""

    def __init__(self, turn: Turn | None = None) -> None:
        self.events: list[SessionEvent] = []
        self.speech = cast("Any", Speech())
        self.replies = Replies(
            self.events.append,
            now=lambda: 1.0,
            take_turn=lambda: turn,
            plan=lambda: Plan("audio", "alloy", 1.0),
            position=lambda: 0.0,
            filled=lambda response_id: 0.0,
            on_begin=lambda reply: None,
            on_end=lambda reply: None,
        )
        self.replies.speech_created(
            SpeechCreatedEvent.model_construct(
                user_initiated=False, source="generate_reply", speech_handle=self.speech
            )
        )
        (self.reply,) = self.replies.speeches.live()

    def served(self) -> list[ReplyServed]:
        return [event for event in self.events if isinstance(event, ReplyServed)]


@pytest.fixture
def spoken() -> Telling:
    return Telling(Turn("item_u", heard_by=(EAR,)))


def _generate(telling: Telling, mind: Used, *voices: Used) -> Reply:
    generation = telling.replies.generation_started(telling.reply)
    generation.use("llm", mind)
    for voice in voices:
        telling.reply.use_voice(voice)
    return telling.reply


def test_what_was_measured_is_not_told_again(spoken: Telling) -> None:
    _generate(spoken, MIND, VOICE)
    spoken.replies.playout_started()
    spoken.reply.use_voice(VOICE)
    spoken.speech.end()
    (measured,) = [event for event in spoken.events if isinstance(event, TurnMeasured)]
    assert measured.engines == {"stt": (EAR,), "llm": (MIND,), "tts": (VOICE,)}
    assert not spoken.served()


def test_what_came_after_the_first_sound_is_told_before_the_end(spoken: Telling) -> None:
    _generate(spoken, MIND, VOICE)
    spoken.replies.playout_started()
    _generate(spoken, SPARE_MIND, SPARE_VOICE, VOICE)
    spoken.speech.end()
    served, finished = spoken.events[-2:]
    assert isinstance(served, ReplyServed)
    assert isinstance(finished, ReplyFinished)
    assert (served.response_id, served.item_id) == (finished.response_id, finished.item_id)
    assert served.engines == {"stt": (EAR,), "llm": (MIND, SPARE_MIND), "tts": (SPARE_VOICE, VOICE)}


def test_a_reply_that_was_never_heard_tells_it_at_its_end() -> None:
    typed = Telling()
    _generate(typed, SPARE_MIND)
    typed.replies.open_reply()
    typed.speech.end()
    (served,) = typed.served()
    assert served.engines == {"llm": (SPARE_MIND,)}


def test_words_that_no_model_made_have_a_voice() -> None:
    said = Telling()
    said.reply.use_voice(SPARE_VOICE)
    said.replies.playout_started()
    said.speech.end()
    assert said.served()[0].engines == {"tts": (SPARE_VOICE,)}


def test_one_that_went_through_nothing_tells_nothing() -> None:
    silent = Telling()
    silent.replies.open_reply()
    silent.speech.end()
    assert isinstance(silent.events[-1], ReplyFinished)
    assert not silent.served()


def test_a_speculative_one_that_was_thrown_away_tells_nothing(
    spoken: Telling, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    _generate(spoken, SPARE_MIND, SPARE_VOICE)
    spoken.speech.scheduled = False
    spoken.speech.end()
    assert spoken.events == []
    assert caplog.records == []


def test_the_log_has_a_line_for_each_reply(spoken: Telling, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    _generate(spoken, MIND, SPARE_VOICE)
    spoken.replies.playout_started()
    spoken.speech.end()
    assert caplog.messages == [
        "a reply is completed; llm qwen3-4b, stt nemotron, tts espeak-ng instead of kokoro (It hung.)"
    ]
