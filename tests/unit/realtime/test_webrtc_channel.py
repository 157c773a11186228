from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from sottovoce.realtime.commands import Close
from sottovoce.realtime.events.audio import InputCleared
from sottovoce.realtime.webrtc_channel import MAX_MESSAGE_BYTES, MAX_WAITING_BYTES, EventChannel


@dataclass
class FakeChannel:
    readyState: str = "open"  # noqa: N815  aiortc's names
    bufferedAmount: int = 0  # noqa: N815
    sent: list[dict[str, Any]] = field(default_factory=list)

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))


@pytest.fixture
def wire() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def reasons() -> list[str]:
    return []


@pytest.fixture
def channel(wire: Any, reasons: list[str]) -> EventChannel:
    return EventChannel(wire, reasons.append)


def test_events_leave_in_order(channel: EventChannel, wire: FakeChannel, reasons: list[str]) -> None:
    first, second = InputCleared(), InputCleared()
    channel.tell([first, second])
    assert [event["event_id"] for event in wire.sent] == [first.event_id, second.event_id]
    assert reasons == []


def test_a_closed_channel_is_told_nothing(channel: EventChannel, wire: FakeChannel) -> None:
    wire.readyState = "closed"
    channel.tell([InputCleared()])
    assert wire.sent == []


def test_a_caller_that_does_not_read_is_let_go(
    channel: EventChannel, wire: FakeChannel, reasons: list[str]
) -> None:
    wire.bufferedAmount = MAX_WAITING_BYTES
    channel.tell([InputCleared()])
    assert (len(wire.sent), reasons) == (1, [])
    wire.bufferedAmount += 1
    channel.tell([InputCleared()])
    assert (len(wire.sent), len(reasons)) == (1, 1)


def test_a_close_lets_the_caller_go(channel: EventChannel, reasons: list[str]) -> None:
    channel.tell([Close(1008, "20 malformed messages in a row.")])
    assert reasons == ["20 malformed messages in a row."]


def test_a_message_that_is_too_large_costs_an_error(channel: EventChannel, wire: FakeChannel) -> None:
    assert channel.is_fit("x" * MAX_MESSAGE_BYTES)
    assert wire.sent == []
    assert not channel.is_fit("x" * (MAX_MESSAGE_BYTES + 1))
    assert wire.sent[0]["error"]["code"] == "message_too_large"
