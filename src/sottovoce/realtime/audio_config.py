"""How a session's sound is configured: its formats, how turns are found, what is transcribed, the voice."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints, field_validator

from sottovoce.conversation.options import TurnOptions
from sottovoce.realtime.config_part import ConfigPart, Name
from sottovoce.realtime.events.base import OrAbsent

MAX_PREFIX_PADDING_MS = 5_000
MAX_SILENCE_MS = 10_000
"""Longer pauses or pre-rolls than these make a session that only seems to be dead."""
MIN_IDLE_TIMEOUT_MS, MAX_IDLE_TIMEOUT_MS = 1_000, 600_000
"""An assistant that speaks up more often cannot be talked to."""
MAX_PROMPT_CHARACTERS = 4_096
MAX_KEYWORDS = 100
MAX_LANGUAGES = 16
"""Hints to the recogniser, kept and sent back."""

DEFAULT_MODEL = "sottovoce"
OPENAI_VOICES = frozenset(
    "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()
)
EAGERNESS_MAX_WAIT = {"low": 4.0, "medium": 1.2, "high": 0.6}
"""Seconds an unfinished sentence is waited for; `auto` keeps the server's own setting."""

Language: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class PcmFormat(ConfigPart):
    """16-bit little-endian, mono."""

    type: Literal["audio/pcm"]
    rate: Literal[24000] = 24000


class G711Format(ConfigPart):
    """A byte a sample, 8 kHz, mono: what telephones speak (ITU-T G.711, µ-law and A-law)."""

    type: Literal["audio/pcmu", "audio/pcma"]


AudioFormat: TypeAlias = Annotated[PcmFormat | G711Format, Field(discriminator="type")]
PCM = PcmFormat(type="audio/pcm")


class ServerVad(ConfigPart):
    """Turns end at `silence_duration_ms` of silence, whatever was said."""

    type: Literal["server_vad"]
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0, le=MAX_PREFIX_PADDING_MS)] = 300
    silence_duration_ms: Annotated[int, Field(ge=0, le=MAX_SILENCE_MS)] = 500
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: Annotated[int, Field(ge=MIN_IDLE_TIMEOUT_MS, le=MAX_IDLE_TIMEOUT_MS)] | None = None

    nullable = frozenset({"idle_timeout_ms"})

    def turns(self, default: TurnOptions) -> TurnOptions:
        silence = self.silence_duration_ms / 1000
        return TurnOptions(
            threshold=self.threshold,
            silence=silence,
            max_wait=silence,
            prefix_padding_ms=self.prefix_padding_ms,
            should_reply=self.create_response,
            can_interrupt=self.interrupt_response,
            idle_timeout=None if self.idle_timeout_ms is None else self.idle_timeout_ms / 1000,
        )


class SemanticVad(ConfigPart):
    """Turns end where the words and the voice say so; `eagerness` bounds the wait."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True

    def turns(self, default: TurnOptions) -> TurnOptions:
        return replace(
            default,
            max_wait=EAGERNESS_MAX_WAIT.get(self.eagerness, default.max_wait),
            should_reply=self.create_response,
            can_interrupt=self.interrupt_response,
        )


TurnDetection: TypeAlias = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class NoiseReduction(ConfigPart):
    """A hint, kept and shown: the recogniser evens out near and far microphones by itself."""

    type: Literal["near_field", "far_field"]
    strength: OrAbsent[Annotated[float, Field(ge=0, le=1)]] = None


class Transcription(ConfigPart):
    """What the recogniser is told; any `model` is the one there is, and without a language it finds that out.

    Strict clients know three keys, so the others are never written unless given.
    """

    nullable = frozenset({"language", "languages"})

    model: Name = DEFAULT_MODEL
    language: OrAbsent[Language] = None
    prompt: OrAbsent[Annotated[str, StringConstraints(max_length=MAX_PROMPT_CHARACTERS)]] = None
    keywords: OrAbsent[
        Annotated[tuple[Name, ...], Field(max_length=MAX_KEYWORDS, strict=False, fail_fast=True)]
    ] = None
    languages: OrAbsent[
        Annotated[tuple[Language, ...], Field(max_length=MAX_LANGUAGES, strict=False, fail_fast=True)]
    ] = None
    delay: OrAbsent[Literal["minimal", "low", "medium", "high", "xhigh"]] = None

    @property
    def spoken_language(self) -> str | None:
        return self.language or (self.languages[0] if self.languages else None)

    @property
    def hints(self) -> str:
        """The words to expect, in one text, as the recogniser takes them."""
        return ", ".join(filter(None, (self.prompt, *(self.keywords or ()))))


class AudioInput(ConfigPart):
    nullable = frozenset({"transcription", "noise_reduction", "turn_detection"})

    format: AudioFormat = PCM
    transcription: Transcription | None = Transcription()
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = SemanticVad(type="semantic_vad")


def by_id(given: object) -> object:
    """A voice may be written `{"id": …}` as well."""
    return given["id"] if isinstance(given, dict) and set(given) == {"id"} else given


class AudioOutput(ConfigPart):
    format: AudioFormat = PCM
    voice: Name = "alloy"
    speed: Annotated[float, Field(ge=0.25, le=1.5)] = 1.0

    _by_id = field_validator("voice", mode="before")(by_id)


class Audio(ConfigPart):
    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class InputOnly(ConfigPart):
    """The sound of a session that only listens."""

    input: AudioInput = AudioInput()
