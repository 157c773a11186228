"""The message of a response, spoken or written: its events from the first word or sound to its end."""

from __future__ import annotations

from base64 import b64encode
from typing import TypedDict

from sottovoce.realtime.audio_config import G711Format, PcmFormat
from sottovoce.realtime.events import responses as wire
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.items import Content, OutputAudio, OutputText
from sottovoce.realtime.output_audio import OutputAudio as Encoder


class Place(TypedDict):
    response_id: str
    item_id: str
    output_index: int


class SpokenMessage:
    """Words in step with their sound. Over WebRTC the sound is on the track, and not told here."""

    def __init__(self, place: Place, form: PcmFormat | G711Format) -> None:
        self._place = place
        self._encoder = Encoder(form)

    def opening(self) -> ServerEvent:
        return wire.ContentPartAdded(**self._place, part=wire.AudioPart(transcript=""))

    def words(self, delta: str) -> ServerEvent:
        return wire.AudioTranscriptDelta(**self._place, delta=delta)

    def sound(self, samples: bytes) -> list[ServerEvent]:
        return self._delta(self._encoder.encode(samples))

    def rest(self) -> list[ServerEvent]:
        """What of the sound is still on its way through the encoder."""
        return self._delta(self._encoder.flush())

    def closing(self, words: str) -> list[ServerEvent]:
        return [
            wire.AudioDone(**self._place),
            wire.AudioTranscriptDone(**self._place, transcript=words),
            wire.ContentPartDone(**self._place, part=wire.AudioPart(transcript=words)),
        ]

    def content(self, words: str) -> Content:
        return OutputAudio(transcript=words)

    def _delta(self, audio: bytes) -> list[ServerEvent]:
        return [wire.AudioDelta(**self._place, delta=b64encode(audio).decode())] if audio else []


class WrittenMessage:
    def __init__(self, place: Place) -> None:
        self._place = place

    def opening(self) -> ServerEvent:
        return wire.ContentPartAdded(**self._place, part=wire.TextPart(text=""))

    def words(self, delta: str) -> ServerEvent:
        return wire.TextDelta(**self._place, delta=delta)

    def sound(self, samples: bytes) -> list[ServerEvent]:
        return []

    def rest(self) -> list[ServerEvent]:
        return []

    def closing(self, words: str) -> list[ServerEvent]:
        return [
            wire.TextDone(**self._place, text=words),
            wire.ContentPartDone(**self._place, part=wire.TextPart(text=words)),
        ]

    def content(self, words: str) -> Content:
        return OutputText(text=words)
