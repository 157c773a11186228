"""openai-python's Realtime connection, read by one task, so that a test can wait for what it expects."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from openai.resources.realtime.realtime import AsyncRealtimeConnection

from tests.clients.microphone import Microphone, microphone, speech

DEADLINE = 20.0
"""For one event; a turn takes a second, a busy machine several."""


class Conversation:
    """The events of a connection in their order, and the commands that every test needs."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[Any] = []
        self._expected = 0
        self._changed = asyncio.Condition()

    async def read(self) -> None:
        async for event in self.connection:
            async with self._changed:
                self.events.append(event)
                self._changed.notify_all()

    async def expect(self, type_: str, when: Callable[[Any], bool] = lambda event: True) -> Any:
        """The next event of the type that `when` accepts, after the one expected last.

        Any `error` before it fails, unless an error is what is expected.
        """
        try:
            async with asyncio.timeout(DEADLINE), self._changed:
                while True:
                    while self._expected < len(self.events):
                        event = self.events[self._expected]
                        self._expected += 1
                        if event.type == type_ and when(event):
                            return event
                        assert event.type != "error", event
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {type_} after {self.types[-30:]}") from None

    @property
    def types(self) -> list[str]:
        """Of all events so far, in order, repeats in a row once."""
        types = [event.type for event in self.events]
        return [kind for at, kind in enumerate(types) if at == 0 or kind != types[at - 1]]

    def all(self, type_: str, **fields: str) -> list[Any]:
        return [
            event
            for event in self.events
            if event.type == type_ and all(getattr(event, name) == value for name, value in fields.items())
        ]

    async def configure(self, **session: Any) -> Any:
        """What `session.updated` says after these keys of the session were set."""
        await self.connection.session.update(session={"type": "realtime", **session})
        return (await self.expect("session.updated")).session

    async def write(self, text: str) -> Any:
        """Add what the user writes; returns the item."""
        content: Any = [{"type": "input_text", "text": text}]
        await self.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": content}
        )
        return (await self.expect("conversation.item.done")).item

    async def ask(self, text: str, **response: Any) -> Any:
        """Write and have it answered; returns the finished response."""
        await self.write(text)
        await self.connection.response.create(response=response)  # type: ignore[arg-type]
        return (await self.expect("response.done")).response

    async def append(self, sound: bytes) -> None:
        await self.connection.input_audio_buffer.append(audio=b64encode(sound).decode())

    async def append_speech(self, name: str) -> None:
        """A whole recording at once, as clients do that record first and send then."""
        await self.append(speech(name))

    @asynccontextmanager
    async def microphone(self) -> AsyncIterator[Microphone]:
        async with microphone(self.append) as opened:
            yield opened

    def sound_of(self, response_id: str) -> bytes:
        deltas = self.all("response.output_audio.delta", response_id=response_id)
        return b"".join(b64decode(delta.delta) for delta in deltas)

    def words_of(self, response_id: str) -> str:
        deltas = self.all("response.output_audio_transcript.delta", response_id=response_id)
        return "".join(delta.delta for delta in deltas)


@asynccontextmanager
async def conversation(connecting: Any) -> AsyncIterator[Conversation]:
    """Talk over what `client.realtime.connect(…)` gave, once the server has said hello."""
    async with connecting as connection:
        talk = Conversation(connection)
        reading = asyncio.create_task(talk.read())
        try:
            await talk.expect("session.created")
            yield talk
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading


def is_in_order(types: list[str], *expected: str) -> bool:
    """Whether the expected types occur in this order, whatever stands between them."""
    rest = iter(types)
    return all(kind in rest for kind in expected)
