"""A Realtime conversation from the client's side, without I/O: messages in, captions and sound out."""

from __future__ import annotations

import binascii
import threading
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

Speaker: TypeAlias = Literal["You", "Sottovoce"]

MAX_PLAYBACK_BYTES = 24_000 * 2 * 30
"""Half a minute: the server paces its sound, so a fuller queue is a server gone wrong."""


class Fault(BaseModel):
    message: str = ""


class ResponseState(BaseModel):
    status: str = ""


class ServerMessage(BaseModel):
    """What this client reads of any server event; servers may say more."""

    model_config = ConfigDict(extra="ignore")

    type: str
    item_id: str = ""
    delta: str = ""
    transcript: str = ""
    unheard: str = ""
    message: str = ""
    error: Fault | None = None
    response: ResponseState | None = None


class Captions(Protocol):
    """Where words are shown."""

    def interim(self, speaker: Speaker, text: str) -> None:
        """`text` replaces what was shown of this sentence."""

    def final(self, speaker: Speaker, text: str, unheard: str = "") -> None:
        """The sentence as it stays; `unheard` is what an interruption kept from being played."""

    def trouble(self, text: str) -> None:
        """Something failed; the conversation goes on."""


class Playback:
    """The assistant's voice between the network and the loudspeaker, which pulls from its own thread."""

    def __init__(self) -> None:
        self._samples = bytearray()
        self._lock = threading.Lock()

    def push(self, samples: bytes) -> None:
        with self._lock:
            room = MAX_PLAYBACK_BYTES - len(self._samples)
            self._samples += samples[: max(0, room)]

    def clear(self) -> None:
        with self._lock:
            self._samples.clear()

    def pull(self, count_bytes: int) -> bytes:
        """The next samples, silence where there are none."""
        with self._lock:
            taken = bytes(self._samples[:count_bytes])
            del self._samples[:count_bytes]
        return taken.ljust(count_bytes, b"\0")

    @property
    def is_empty(self) -> bool:
        return not self._samples


@dataclass
class Dialogue:
    """Reads the server's events; `is_quiet` while nobody speaks and nothing is being answered."""

    captions: Captions
    playback: Playback = field(default_factory=Playback)
    is_user_speaking: bool = False
    is_replying: bool = False
    _interim: str = ""
    _reply: str = ""
    _unheard: str = ""

    @property
    def is_quiet(self) -> bool:
        return not self.is_user_speaking and not self.is_replying and self.playback.is_empty

    def receive(self, text: str | bytes) -> None:
        """Take one message. Raises pydantic's `ValidationError` for one that is no event."""
        message = ServerMessage.model_validate_json(text)
        match message.type.removeprefix("conversation.item.input_audio_transcription."):
            case "delta":
                self._interim += message.delta
                self.captions.interim("You", self._interim)
            case "completed":
                self._heard_user(message.transcript)
            case "input_audio_buffer.speech_started":
                self.is_user_speaking, self._interim = True, ""
            case "input_audio_buffer.speech_stopped":
                self.is_user_speaking = False
            case "failed" | "error":
                self.captions.trouble(message.error.message if message.error else "unknown error")
            case "sottovoce.engine.failed":
                self.captions.trouble(message.message)
            case _:
                self._receive_reply(message)

    def _receive_reply(self, message: ServerMessage) -> None:
        match message.type:
            case "response.created":
                self.is_replying, self._reply, self._unheard = True, "", ""
            case "response.output_audio.delta":
                self.playback.push(binascii.a2b_base64(message.delta))
            case "response.output_audio_transcript.delta":
                self._reply += message.delta
                self.captions.interim("Sottovoce", self._reply)
            case "sottovoce.response.heard":
                self._unheard = message.unheard
            case "response.done":
                self._end_reply(message.response.status if message.response else "")

    def _heard_user(self, transcript: str) -> None:
        """An empty one was noise, which nobody needs to read."""
        self._interim = ""
        if transcript:
            self.captions.final("You", transcript)

    def _end_reply(self, status: str) -> None:
        self.is_replying = False
        if status == "cancelled":
            self.playback.clear()
        if self._reply or self._unheard:
            self.captions.final("Sottovoce", self._reply.strip(), self._unheard.strip())
