"""What a session tells its transport: the only language that transports hear.

Order of one spoken turn: `SpeechStarted`, interim `Transcript`s, `SpeechStopped`, `TurnCommitted`, final
`Transcript`, `ReplyStarted`, `ToolCalled`*, `ReplyPlaying`, `TurnMeasured`, `ReplyText`*, `FunctionCalled`*,
`ReplyServed`, `ReplyFinished`. A written reply has no `ReplyPlaying`. A reply that is interrupted ends with
`ReplyFinished(status="cancelled")`; nothing of it follows, and its calls are not told. Where turns end by
hand, `TurnCommitted` comes first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sottovoce.config import EngineKind
from sottovoce.conversation.engines import Uses
from sottovoce.conversation.options import Modality

SessionState: TypeAlias = Literal["idle", "listening", "thinking", "speaking"]
ReplyStatus: TypeAlias = Literal["completed", "cancelled", "incomplete", "failed"]
ReplyReason: TypeAlias = Literal["turn_detected", "client_cancelled", "max_output_tokens"]


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user began to speak `audio_ms` into the session's input audio (pre-roll counted in)."""

    item_id: str
    audio_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    item_id: str
    audio_ms: int


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The user's turn is over and stands in the history as `item_id`."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the user said; interim text is cumulative and only grows, the final may correct it.

    A turn that was only noise has the final text "".
    """

    item_id: str
    text: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class IdleTimedOut:
    """Nobody spoke for `TurnOptions.idle_timeout`: an empty turn follows, and a reply to it."""

    item_id: str
    audio_start_ms: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class TranscriptionFailed:
    item_id: str
    message: str


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The assistant began to work on a reply; its message will stand in the history as `item_id`."""

    response_id: str
    item_id: str
    modality: Modality = "audio"


@dataclass(frozen=True, slots=True)
class ReplyText:
    """More words of the reply: in step with its sound, or as they come where it is written."""

    response_id: str
    item_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class ReplyPlaying:
    """The first frame of the reply left for the client."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of the language model that the reply cost."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class FunctionCalled:
    """The reply calls a tool of the client's; the call stands in the history as `item_id`. Whole, once."""

    response_id: str
    item_id: str
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The reply is over: `heard` was played (`audio_ms` of it), `unheard` was generated but not played.

    "incomplete" is a reply cut at its `max_output_tokens`.
    """

    response_id: str
    item_id: str
    status: ReplyStatus
    reason: ReplyReason | None = None
    heard: str = ""
    unheard: str = ""
    audio_ms: int = 0
    usage: Usage = field(default_factory=Usage)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """One of the server's own tools ran; `arguments` is JSON, `output` what the model was told."""

    call_id: str
    name: str
    arguments: str
    output: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class StateChanged:
    state: SessionState


@dataclass(frozen=True, slots=True)
class Latency:
    """Where one turn's time went, in milliseconds from the user's last speech; None where unknown.

    `vad`, `stt_final` and `end_of_turn` count from the end of speech; `llm_first_token` and
    `tts_first_audio` are durations of their engines; `delivery` is from first audio to the first frame
    out; `voice_to_voice` is the whole.
    """

    voice_to_voice: float | None = None
    vad: float | None = None
    stt_final: float | None = None
    end_of_turn: float | None = None
    llm_first_token: float | None = None
    tts_first_audio: float | None = None
    delivery: float | None = None


@dataclass(frozen=True, slots=True)
class TurnMeasured:
    """The first sound of the reply to a spoken turn left; `engines` are those that it went through so far."""

    item_id: str
    response_id: str
    latency: Latency
    engines: Uses = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReplyServed:
    """The reply is over, and these are all the engines that it went through.

    Not told where `TurnMeasured` has told the same, or where there were none.
    """

    response_id: str
    item_id: str
    engines: Uses


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """An engine failed in this session; `is_spoken` tells whether the user is told aloud."""

    engine: EngineKind
    message: str
    is_spoken: bool


SessionEvent: TypeAlias = (
    SpeechStarted
    | SpeechStopped
    | TurnCommitted
    | Transcript
    | TranscriptionFailed
    | IdleTimedOut
    | ReplyStarted
    | ReplyText
    | ReplyPlaying
    | FunctionCalled
    | ReplyFinished
    | ToolCalled
    | StateChanged
    | TurnMeasured
    | ReplyServed
    | EngineFailed
)
