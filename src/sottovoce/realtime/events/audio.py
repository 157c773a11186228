"""Server events about the two audio buffers: what the user says, what the client plays."""

from __future__ import annotations

from typing import Literal

from sottovoce.realtime.events.base import ServerEvent, Wire


class SpeechStarted(ServerEvent):
    """`audio_start_ms` counts from the session's first sample, pre-roll counted in."""

    type: Literal["input_audio_buffer.speech_started"] = "input_audio_buffer.speech_started"
    item_id: str
    audio_start_ms: int


class SpeechStopped(ServerEvent):
    type: Literal["input_audio_buffer.speech_stopped"] = "input_audio_buffer.speech_stopped"
    item_id: str
    audio_end_ms: int


class InputCommitted(ServerEvent):
    type: Literal["input_audio_buffer.committed"] = "input_audio_buffer.committed"
    item_id: str
    previous_item_id: str | None


class InputCleared(ServerEvent):
    type: Literal["input_audio_buffer.cleared"] = "input_audio_buffer.cleared"


class TimeoutTriggered(ServerEvent):
    """Nobody spoke from `audio_start_ms` on; the silence becomes a turn, and is answered."""

    type: Literal["input_audio_buffer.timeout_triggered"] = "input_audio_buffer.timeout_triggered"
    item_id: str
    audio_start_ms: int
    audio_end_ms: int


class TranscriptDelta(ServerEvent):
    """More of what the user said; never taken back, for clients concatenate."""

    type: Literal["conversation.item.input_audio_transcription.delta"] = (
        "conversation.item.input_audio_transcription.delta"
    )
    item_id: str
    content_index: int = 0
    delta: str


class TranscriptDuration(Wire):
    type: Literal["duration"] = "duration"
    seconds: float


class TranscriptCompleted(ServerEvent):
    type: Literal["conversation.item.input_audio_transcription.completed"] = (
        "conversation.item.input_audio_transcription.completed"
    )
    item_id: str
    content_index: int = 0
    transcript: str
    usage: TranscriptDuration


class TranscriptError(Wire):
    type: str = "server_error"
    code: str = "transcription_failed"
    message: str


class TranscriptFailed(ServerEvent):
    type: Literal["conversation.item.input_audio_transcription.failed"] = (
        "conversation.item.input_audio_transcription.failed"
    )
    item_id: str
    content_index: int = 0
    error: TranscriptError


class OutputStarted(ServerEvent):
    """WebRTC only: sound of the response leaves the server (it is heard some 60 ms later)."""

    type: Literal["output_audio_buffer.started"] = "output_audio_buffer.started"
    response_id: str


class OutputStopped(ServerEvent):
    """WebRTC only: the response was played to its end."""

    type: Literal["output_audio_buffer.stopped"] = "output_audio_buffer.stopped"
    response_id: str


class OutputCleared(ServerEvent):
    """WebRTC only: the rest of the response was dropped."""

    type: Literal["output_audio_buffer.cleared"] = "output_audio_buffer.cleared"
    response_id: str
