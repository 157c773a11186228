"""A client for tests: sends dicts, keeps what it is answered, with a session that does as it is told."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from itertools import count
from typing import Any

from sottovoce.conversation.events import SessionEvent
from sottovoce.conversation.options import SessionOptions
from sottovoce.realtime.commands import Close
from sottovoce.realtime.connection import Connection
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.protocol import ProtocolOptions, RealtimeProtocol
from tests.fake_session import FakeSession
from tests.unit.realtime.strict import read

Answers = list[dict[str, Any]]


class Client:
    """Every event it is sent passes the strict reader; `now` is its clock."""

    def __init__(
        self, options: ProtocolOptions | None = None, defaults: SessionOptions | None = None
    ) -> None:
        self.session = FakeSession(defaults)
        self.now = 100.0
        self.closed: Close | None = None
        numbers = count(1)
        self.protocol = RealtimeProtocol(
            self.session.id,
            self.session.options,
            options,
            clock=lambda: self.now,
            new_id=lambda kind: f"{kind}_{next(numbers)}",
        )
        self.connection = Connection(self.session, self.protocol)

    def open(self) -> dict[str, Any]:
        (created,) = self.read(self.protocol.opened())
        return created

    def send(self, type_: str, /, **fields: Any) -> Answers:
        return self.send_raw(json.dumps({"type": type_, **fields}))

    def send_raw(self, message: str | bytes) -> Answers:
        return self.read(self.connection.receive(message))

    def update(self, **session: Any) -> dict[str, Any]:
        (answer,) = self.send("session.update", session={"type": "realtime", **session})
        return answer

    def append(self, pcm: bytes) -> Answers:
        return self.send("input_audio_buffer.append", audio=b64encode(pcm).decode())

    def write(self, text: str, item_id: str | None = None, **fields: Any) -> Answers:
        item: dict[str, Any] = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
        return self.send(
            "conversation.item.create", item=item | ({"id": item_id} if item_id else {}), **fields
        )

    def hear(self, *events: SessionEvent) -> Answers:
        """The session tells `events`."""
        return [answer for event in events for answer in self.read(self.connection.apply(event))]

    def read(self, answers: Iterable[ServerEvent | Close]) -> Answers:
        events = []
        for answer in answers:
            if isinstance(answer, Close):
                self.closed = answer
            else:
                events.append(read(answer))
        return events


def types(answers: Answers) -> list[str]:
    return [answer["type"] for answer in answers]


def only_error(answers: Answers) -> dict[str, Any]:
    (answer,) = answers
    assert answer["type"] == "error"
    return dict(answer["error"])
