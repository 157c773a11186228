"""Whatever a client asks, in whatever order: every reply ends exactly once, and the session goes on."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.events import (
    FunctionCalled,
    ReplyFinished,
    ReplyPlaying,
    ReplyStarted,
    ReplyText,
    SessionEvent,
    Transcript,
    TranscriptionFailed,
    TurnCommitted,
)
from sottovoce.conversation.history import FIRST, FunctionCall, FunctionCallOutput, Message, SpokenMessage
from sottovoce.conversation.options import ClientTool, ReplyOptions, SessionOptions, TurnOptions
from sottovoce.errors import SottovoceError
from tests.fake_engines import Script, ToolCall, running
from tests.recordings import RATE_HZ, recording
from tests.spoken import Speaker, conversation

SPEECH = AudioFrame(recording("dialogue-what-time-is-it-slt") + bytes(RATE_HZ), RATE_HZ)
IDS = ["item_a", "item_b", "item_c/d"]
SCRIPTS: list[Script] = ["Yes.", "One moment, please. It takes a while.", [ToolCall("look", {}), "Done."]]
OPTIONS = [
    SessionOptions(),
    SessionOptions(turns=None),
    SessionOptions(modality="text", tools=(ClientTool("look"),)),
    SessionOptions(is_listening_only=True),
    SessionOptions(turns=TurnOptions(can_interrupt=False, should_reply=False), max_output_tokens=2),
]


class Client:
    """Does something at random, with the ids that it was told."""

    def __init__(self, user: Speaker, seed: int) -> None:
        self.session = user.session
        self.events = user.events
        self.random = random.Random(seed)
        self.deeds: list[Callable[[], object]] = [
            self.add,
            self.delete,
            self.truncate,
            self.respond,
            self.respond,
            self.interrupt,
            self.update,
            self.session.commit_input,
            self.session.clear_input,
            lambda: self.session.push_audio(SPEECH),
            lambda: self.session.say("By the way."),
        ]

    def act(self) -> None:
        with suppress(SottovoceError):
            self.random.choice(self.deeds)()

    def item_id(self) -> str:
        told = [event.item_id for event in self.events if isinstance(event, ReplyStarted | TurnCommitted)]
        return self.random.choice([*IDS, *told[-3:]])

    def add(self) -> None:
        item_id, after = self.item_id(), self.random.choice([None, FIRST, self.item_id()])
        calls = [event.call_id for event in self.events if isinstance(event, FunctionCalled)]
        item = self.random.choice(
            [
                Message(item_id, "user", "hello"),
                Message(item_id, "assistant", "indeed"),
                SpokenMessage(item_id, SPEECH),
                FunctionCall(item_id, "call_x", "look", "{}"),
                FunctionCallOutput(item_id, self.random.choice([*calls, "call_x"]), "nothing"),
            ]
        )
        self.session.add_item(item, after)

    def delete(self) -> None:
        self.session.delete_item(self.item_id())

    def truncate(self) -> None:
        self.session.truncate_item(self.item_id(), self.random.choice([0, 200, 10**6]))

    def respond(self) -> None:
        history = self.random.choice([None, None, (Message("x", "user", "this"), SpokenMessage("y", SPEECH))])
        options = ReplyOptions(
            modality=self.random.choice([None, "audio", "text"]),
            is_in_conversation=self.random.choice([True, False]),
            tools=self.random.choice([None, (ClientTool("look"),)]),
            history=history,
        )
        self.session.respond(options)

    def interrupt(self) -> None:
        started = [event.response_id for event in self.events if isinstance(event, ReplyStarted)]
        self.session.interrupt(response_id=self.random.choice([None, *started[-3:]]))

    def update(self) -> None:
        self.session.update(self.random.choice(OPTIONS))


def check_replies(events: list[SessionEvent]) -> None:
    ended: set[str] = set()
    began: set[str] = set()
    for event in events:
        if isinstance(event, ReplyStarted):
            assert event.response_id not in began
            began.add(event.response_id)
        elif isinstance(event, ReplyText | ReplyPlaying | FunctionCalled | ReplyFinished):
            assert event.response_id in began - ended
            ended |= {event.response_id} if isinstance(event, ReplyFinished) else set()
    assert began == ended


def check_turns(events: list[SessionEvent]) -> None:
    committed = Counter(event.item_id for event in events if isinstance(event, TurnCommitted))
    assert set(committed.values()) <= {1}
    final = [event for event in events if isinstance(event, Transcript) and event.is_final]
    failed = [event for event in events if isinstance(event, TranscriptionFailed)]
    assert set(committed) <= {event.item_id for event in [*final, *failed]}


@pytest.mark.parametrize("seed", range(4))
async def test_every_reply_ends_once(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    async with running() as engines:
        engines.voice_rate = 200
        engines.heard.extend(["well", "", "so"] * 50)
        engines.replies.extend(SCRIPTS * 50)
        async with conversation(engines, is_paced=False, options=OPTIONS[seed % 2]) as user:
            client = Client(user, seed)
            for _ in range(80):
                client.act()
                with suppress(TimeoutError):  # as much or as little may happen in between
                    async with asyncio.timeout(client.random.choice([0.0, 0.0, 0.0, 0.05])):
                        await user.expect(ReplyFinished)
            await end(user)
            check_replies(user.events)
            check_turns(user.events)
    ours = [record for record in caplog.records if record.name.startswith(("sottovoce", "livekit"))]
    wrong = [record for record in ours if record.levelno >= logging.ERROR]
    assert not [record.getMessage() for record in wrong]


async def end(user: Speaker) -> None:
    """Everything that was asked is done, and the session still answers."""
    user.session.update(SessionOptions(modality="text", turns=None))
    user.session.interrupt()
    while True:
        try:
            response_id = user.session.respond()
        except SottovoceError:  # one is still being given, or stopped
            await asyncio.sleep(0.01)
        else:
            break
    await user.expect(ReplyFinished, lambda event: event.response_id == response_id)
    while len(user.all(ReplyStarted)) > len(user.all(ReplyFinished)):
        await user.expect(ReplyFinished)
