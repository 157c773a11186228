"""Turns that are not spoken: written ones, and keys of a telephone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from sottovoce.errors import InvalidRequestError
from sottovoce.ids import random_id
from sottovoce.realtime.audience import Audience
from sottovoce.realtime.commands import Close
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.session import ErrorEvent

NOT_ACTIVE: Final = "response_cancel_not_active"
"""Nothing was there to interrupt, which is no fault."""


class Writer:
    """Who writes interrupts what the assistant says, and is answered. A participant in the conversation's
    protocol, so that every client sees what was written."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._faults: list[ErrorEvent] = []

    def write(self, text: str) -> None:
        """Raises `InvalidRequestError` where the conversation does not take it."""
        text = text.strip()
        if not text:
            return
        self._faults = []
        self._say("response.cancel")
        content = [{"type": "input_text", "text": text}]
        item = {"id": random_id("item"), "type": "message", "role": "user", "content": content}
        self._say("conversation.item.create", item=item)
        if not self._faults:
            self._say("response.create")
        if self._faults:
            fault = self._faults[0].error
            raise InvalidRequestError(fault.message, code=fault.code)

    def tell(self, answers: Iterable[ServerEvent | Close]) -> None:
        """What was wrong with a message of its own."""
        for answer in answers:
            if isinstance(answer, ErrorEvent) and answer.error.code != NOT_ACTIVE:
                self._faults.append(answer)

    def _say(self, kind: str, **fields: object) -> None:
        self._audience.receive(json.dumps({"type": kind, **fields}), self)
