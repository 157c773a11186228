from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from sottovoce.conversation.events import SpeechStarted
from sottovoce.errors import LimitExceededError, NotFoundError
from sottovoce.realtime.audience import MAX_GUESTS, Audience
from sottovoce.realtime.commands import Close
from sottovoce.realtime.connection import Connection
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.protocol import RealtimeProtocol
from tests.fake_session import FakeSession


class Ear:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.ending: Close | None = None

    def tell(self, answers: Iterable[ServerEvent | Close]) -> None:
        for answer in answers:
            if isinstance(answer, Close):
                self.ending = answer
            else:
                self.events.append(json.loads(answer.to_json()))

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@pytest.fixture
async def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def audience(session: FakeSession) -> Audience:
    return Audience(Connection(session, RealtimeProtocol(session.id, session.options)))


def update(**session: Any) -> str:
    return json.dumps({"type": "session.update", "session": {"type": "realtime", **session}})


def create(text: str, item_id: str) -> str:
    content = [{"type": "input_text", "text": text}]
    item = {"id": item_id, "type": "message", "role": "user", "content": content}
    return json.dumps({"type": "conversation.item.create", "item": item})


def test_what_happens_is_told_to_all_with_the_same_words(audience: Audience) -> None:
    caller, guest = Ear(), Ear()
    audience.open(caller)
    audience.join(guest)
    audience.apply(SpeechStarted("item_1", 40))
    assert caller.types == guest.types == ["session.created", "input_audio_buffer.speech_started"]
    assert caller.events[1] == guest.events[1]


def test_a_guest_finds_the_session_as_it_is_now(audience: Audience) -> None:
    caller, guest = Ear(), Ear()
    audience.open(caller)
    audience.receive(update(instructions="Be brief."), caller)
    audience.join(guest)
    assert guest.types == ["session.created"]
    assert guest.events[0]["session"]["instructions"] == "Be brief."


def test_a_guest_may_come_before_the_caller(audience: Audience) -> None:
    caller, guest = Ear(), Ear()
    audience.join(guest)
    audience.receive(update(instructions="Be brief."), guest)
    audience.open(caller)
    assert guest.types == ["session.created", "session.updated"]
    assert caller.types == ["session.created"]
    assert caller.events[0]["session"]["instructions"] == "Be brief."


def test_what_a_guest_does_is_told_to_all_and_its_faults_to_itself(
    audience: Audience, session: FakeSession
) -> None:
    caller, guest, other = Ear(), Ear(), Ear()
    audience.open(caller)
    audience.join(guest)
    audience.join(other)
    audience.receive(create("hello", "item_1"), guest)
    audience.receive("{", guest)
    audience.receive(json.dumps({"type": "conversation.item.retrieve", "item_id": "item_1"}), guest)
    added = ["session.created", "conversation.item.added", "conversation.item.done"]
    assert caller.types == other.types == added
    assert guest.types == [*added, "error", "conversation.item.retrieved"]
    assert session.messages[0][1] == "hello"


def test_a_guest_that_talks_nonsense_is_sent_away_alone(audience: Audience) -> None:
    caller, guest = Ear(), Ear()
    audience.open(caller)
    audience.join(guest)
    while guest.ending is None:
        audience.receive("{", guest)
    assert guest.ending.code == 1008
    assert caller.ending is None
    audience.receive("{", caller)
    assert caller.types == ["session.created", "error"]
    assert caller.ending is None  # one fault of its own is not held to be its twentieth


def test_who_left_is_told_no_more(audience: Audience) -> None:
    guest = Ear()
    audience.join(guest)
    audience.leave(guest)
    audience.leave(guest)
    audience.apply(SpeechStarted("item_1", 40))
    assert guest.types == ["session.created"]


def test_guests_are_counted(audience: Audience) -> None:
    guests = [Ear() for _ in range(MAX_GUESTS)]
    for guest in guests:
        audience.join(guest)
    with pytest.raises(LimitExceededError):
        audience.join(Ear())
    audience.leave(guests[0])
    audience.join(Ear())


def test_the_end_is_told_to_guests_and_nobody_joins_after_it(audience: Audience) -> None:
    caller, guest = Ear(), Ear()
    audience.open(caller)
    audience.join(guest)
    audience.dismiss(Close(1000, "The call has ended."))
    audience.dismiss(Close(1011, "again"))
    assert (guest.ending, caller.ending) == (Close(1000, "The call has ended."), None)
    with pytest.raises(NotFoundError):
        audience.join(Ear())
