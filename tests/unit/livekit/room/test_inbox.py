from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

from livekit import rtc

from sottovoce.livekit.room.inbox import Allowance, Inbox, InboxLimits


class Room:
    """Who is in it, and who listens to what."""

    def __init__(self) -> None:
        self.remote_participants: dict[str, object] = {}
        self.handlers: dict[str, Callable[..., None]] = {}

    def on(self, event: str, handler: Callable[..., None]) -> None:
        self.handlers[event] = handler

    def off(self, event: str, handler: Callable[..., None]) -> None:
        del self.handlers[event]

    def register_text_stream_handler(self, topic: str, handler: Callable[..., None]) -> None:
        self.handlers[topic] = handler

    def unregister_text_stream_handler(self, topic: str) -> None:
        del self.handlers[topic]


class Text:
    """A stream that is `sent` when the test says so."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sent = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[str]:
        await self.sent.wait()
        yield self.text

    def close(self) -> None: ...


async def test_what_one_wrote_who_enters_anew_is_read_although_their_leaving_is_told_then() -> None:
    room, read = Room(), asyncio.Queue[tuple[str, str]]()

    async def receive(identity: str, text: str) -> None:
        read.put_nowait((identity, text))

    def refuse(identity: str, error: Any) -> None:
        raise AssertionError(error)

    inbox = Inbox(cast("rtc.Room", room), "chat", InboxLimits(100, 4, 4, 1.0), receive, refuse)
    text = Text("hello")
    room.handlers["chat"](text, "ann")
    room.handlers["participant_disconnected"](SimpleNamespace(identity="ann"))
    text.sent.set()
    assert await read.get() == ("ann", "hello")
    await inbox.aclose()


def test_an_allowance_is_used_up_and_grows_again() -> None:
    now = 0.0
    allowance = Allowance(3, 1.0, lambda: now)
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    now = 0.5
    assert not allowance.take()
    now = 1.0
    assert [allowance.take() for _ in range(2)] == [True, False]
    now = 60.0
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
