"""The gateway's bounds, each with what it protects, and the counting of sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import ServerFullError
from sottovoce.http.body import MAX_JSON_BYTES

FORM_BYTES = 64 << 10
"""What a form has around its file: the other fields and the headers of its parts."""


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """Sizes in bytes, times in seconds."""

    json_bytes: int = MAX_JSON_BYTES
    """Memory of the engines from one request's JSON."""
    upload_bytes: int = (256 << 20) + FORM_BYTES
    """Memory and disk of the recogniser from one upload; see SOTTOVOCE_MAX_UPLOAD_BYTES."""
    body_grace: float = 30.0
    """Connections from senders that drip: so long may one take, whatever it sends (`request_body`)."""
    transcription_patience: float = 7200.0
    """Places from a recogniser that hangs; one that is as slow as speech takes as long as the recording."""
    speech_patience: float = 300.0
    """The same for a voice that tells nothing before it has spoken 4096 characters."""
    reply_patience: float = 600.0
    """The same for a model that reads a long prompt on a processor; OpenAI's clients wait as long."""
    voices_patience: float = 10.0
    """The same for a list."""
    requests: Mapping[EngineKind, int] = field(default_factory=lambda: {"stt": 4, "tts": 24, "llm": 32})
    """Engines from more REST requests at a time than leave them room for conversations."""
    client_share: float = 0.75
    """Clients from each other: no one gets more of these places."""
    place_patience: float = 10.0
    """Connections from queues that do not move: so long does a request wait for its place."""
    wrong_key_hold: float = 0.5
    """Keys from being guessed: the answer to a wrong one comes this late (see `attempts`)."""
    half_open_calls: int = 4
    """Sockets and sessions from callers that never connect."""
    call_deadline: float = 15.0
    """The same, in time: a call that is not connected by then is ended."""

    model_listeners: int = 32
    """Memory and sockets from pages that listen to the models' states: so many at a time."""
    model_news_interval: float = 0.25
    """Pages and networks from more news of a download than eyes can follow: seconds between two."""

    token_burst: int = 60
    """LiveKit from floods of rooms: so many tokens may a caller get at once (`routes.connection_details`)."""
    token_interval: float = 1.0
    """The same in the long run: seconds for each further token."""
    relays: int = 256
    """Sockets and memory from participants of rooms: so many are relayed at a time (`signal_relay`)."""

    @classmethod
    def of(cls, settings: Settings) -> GatewayLimits:
        return cls(
            upload_bytes=settings.max_upload_bytes + FORM_BYTES,
            transcription_patience=max(MIN_TRANSCRIPTION_PATIENCE, settings.max_audio_seconds),
        )


MIN_TRANSCRIPTION_PATIENCE = 300.0
"""Seconds, however short the longest recording is: a recogniser of others may have to load its model."""

SHUTDOWN_DEADLINE = 8.0
"""Seconds for all sessions to close when the server stops; the process has promised to be gone in 10."""

SESSION_RETRY_AFTER = 5.0
"""Seconds after which a refused client may try again: sessions last minutes, not milliseconds."""


class Slots:
    """Counts how many of a bounded number are taken; a full house refuses at once."""

    def __init__(self, limit: int, noun: str) -> None:
        self.limit = limit
        self.taken = 0
        self._noun = noun
        self._is_closed = False
        self._is_free = asyncio.Event()
        self._is_free.set()

    def take(self) -> Slot:
        """Raises `ServerFullError` when all are taken, or none is given any more."""
        if self._is_closed:
            raise ServerFullError("The server is shutting down.", retry_after=SESSION_RETRY_AFTER)
        if self.taken >= self.limit:
            raise ServerFullError(
                f"The server is full: it has {self.limit} {self._noun}. Try again in a moment.",
                retry_after=SESSION_RETRY_AFTER,
            )
        self.taken += 1
        self._is_free.clear()
        return Slot(self)

    def give_back(self) -> None:
        """Called by `Slot.release` alone, which sees to it that a place comes back once."""
        self.taken -= 1
        if self.taken == 0:
            self._is_free.set()

    def close(self) -> None:
        """Give no more places. Idempotent."""
        self._is_closed = True

    async def wait_until_free(self) -> None:
        """Returns when no place is taken."""
        await self._is_free.wait()


class Slot:
    """One taken place; given back once, however often it is released."""

    def __init__(self, slots: Slots) -> None:
        self._slots: Slots | None = slots

    def release(self) -> None:
        if self._slots is not None:
            self._slots.give_back()
            self._slots = None

    def __enter__(self) -> Slot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
