"""The session's configuration as clients write and read it, and what it means to a conversation.

`SessionConfig` is at once a partial update (its `model_fields_set` says what was given) and the whole
effective configuration; `merge` lays the one over the other. Null counts as not given, but where the
protocol gives it a meaning. What the conversation cannot do yet is refused by the type itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar

from pydantic import (
    BeforeValidator,
    FailFast,
    Field,
    JsonValue,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sottovoce.conversation.options import SessionOptions, TurnOptions
from sottovoce.realtime.events.base import OrAbsent, Wire

MAX_INSTRUCTIONS_CHARACTERS = 65_536
"""Instructions are kept per session and read by the model on every turn."""
MAX_NAME_CHARACTERS = 256
"""Models, voices, languages: names, sent back whole in each `session.updated`."""
MAX_PREFIX_PADDING_MS = 5_000
MAX_SILENCE_MS = 10_000
"""Longer pauses or pre-rolls than these make a session that only seems to be dead."""

DEFAULT_MODEL = "sottovoce"
OPENAI_VOICES = frozenset(
    "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()
)
EAGERNESS_MAX_WAIT = {"low": 4.0, "medium": 1.2, "high": 0.6}
"""Seconds an unfinished sentence is waited for; `auto` keeps the server's own setting."""

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARACTERS)]
Instructions: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_INSTRUCTIONS_CHARACTERS)]


def _refuse(given: object) -> object:
    if given:
        raise PydanticCustomError("unsupported", "This is not supported yet; leave it out")
    return None if given is None else ()


Unsupported: TypeAlias = Annotated[None, BeforeValidator(_refuse)]
NoneYet: TypeAlias = Annotated[tuple[None, ...], BeforeValidator(_refuse)]
"""A list that must be empty, because what it would hold is not supported yet."""
Modalities: TypeAlias = Annotated[
    tuple[Literal["audio"], ...], FailFast(), Field(min_length=1, max_length=1, strict=False)
]


class ConfigPart(Wire):
    """A part of the configuration; `nullable` names the fields in which null says something."""

    nullable: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None or name in cls.nullable}


class PcmFormat(ConfigPart):
    type: Literal["audio/pcm"]
    rate: Literal[24000] = 24000


class ServerVad(ConfigPart):
    """Turns end at `silence_duration_ms` of silence, whatever was said."""

    type: Literal["server_vad"]
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0, le=MAX_PREFIX_PADDING_MS)] = 300
    silence_duration_ms: Annotated[int, Field(ge=0, le=MAX_SILENCE_MS)] = 500
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: Unsupported = None

    def turns(self, default: TurnOptions) -> TurnOptions:
        silence = self.silence_duration_ms / 1000
        return TurnOptions(
            threshold=self.threshold,
            silence=silence,
            max_wait=silence,
            prefix_padding_ms=self.prefix_padding_ms,
            should_reply=self.create_response,
            can_interrupt=self.interrupt_response,
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


class Transcription(ConfigPart):
    """Strict clients know three keys, so the others are never written unless given."""

    model: Name = DEFAULT_MODEL
    language: OrAbsent[Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]] = (
        None
    )
    prompt: OrAbsent[Literal[""]] = None


class AudioInput(ConfigPart):
    nullable = frozenset({"transcription", "noise_reduction", "turn_detection"})

    format: PcmFormat = PcmFormat(type="audio/pcm")
    transcription: Transcription | None = Transcription()
    noise_reduction: Unsupported = None
    turn_detection: TurnDetection | None = SemanticVad(type="semantic_vad")


class AudioOutput(ConfigPart):
    format: PcmFormat = PcmFormat(type="audio/pcm")
    voice: Name = "alloy"
    speed: Annotated[float, Field(ge=0.25, le=1.5)] = 1.0

    @field_validator("voice", mode="before")
    @classmethod
    def _by_id(cls, given: object) -> object:
        """A voice may be written `{"id": …}` as well."""
        return given["id"] if isinstance(given, dict) and set(given) == {"id"} else given


class Audio(ConfigPart):
    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class Reasoning(ConfigPart):
    """A hint to models that can reason; kept and shown, of no effect on others."""

    effort: Name | None = None


class Tracing(ConfigPart):
    """Names for OpenAI's trace dashboard; kept and shown, for here nothing is sent anywhere."""

    workflow_name: Name | None = None
    group_id: Name | None = None
    metadata: Annotated[dict[Name, JsonValue], Field(max_length=16)] | None = None


class SessionConfig(ConfigPart):
    nullable = frozenset({"tracing", "prompt", "include", "reasoning"})

    type: Literal["realtime"]
    model: Name = DEFAULT_MODEL
    output_modalities: Modalities = ("audio",)
    instructions: Instructions = ""
    audio: Audio = Audio()
    tools: NoneYet = ()
    tool_choice: Literal["auto"] = "auto"
    parallel_tool_calls: bool = True
    max_output_tokens: Literal["inf"] = "inf"
    truncation: Literal["auto"] = "auto"
    reasoning: Reasoning | None = None
    tracing: Literal["auto"] | Tracing | None = None
    prompt: Unsupported = None
    include: NoneYet | None = None


class SessionObject(SessionConfig):
    """The configuration as `session.created` and `session.updated` show it."""

    object: Literal["realtime.session"] = "realtime.session"
    id: str


Part = TypeVar("Part", bound=ConfigPart)


def merge(base: Part, update: Part) -> Part:
    """`base` with what was given in `update` laid over it, part by part."""
    changes: dict[str, object] = {}
    for name in update.model_fields_set:
        old, new = getattr(base, name), getattr(update, name)
        is_same_kind = isinstance(new, ConfigPart) and type(old) is type(new)
        changes[name] = merge(old, new) if is_same_kind else new
    return base.model_copy(update=changes)


def initial(options: SessionOptions, model: str) -> SessionConfig:
    """The configuration that a session with `options` begins with."""
    detection = None
    if options.turns is not None:
        detection = SemanticVad(
            type="semantic_vad",
            create_response=options.turns.should_reply,
            interrupt_response=options.turns.can_interrupt,
        )
    listening = AudioInput(transcription=Transcription(language=options.language), turn_detection=detection)
    speaking = AudioOutput(voice=options.voice, speed=min(max(options.speed, 0.25), 1.5))
    audio = Audio(input=listening, output=speaking)
    return SessionConfig(type="realtime", model=model, instructions=options.instructions, audio=audio)


def to_options(config: SessionConfig, default: SessionOptions) -> SessionOptions:
    """What `config` asks of the conversation; `default` fills what it leaves to the server."""
    heard, spoken = config.audio.input, config.audio.output
    detection, transcription = heard.turn_detection, heard.transcription
    return SessionOptions(
        instructions=config.instructions,
        language=(transcription and transcription.language) or default.language,
        voice=spoken.voice,
        speed=spoken.speed,
        turns=None if detection is None else detection.turns(default.turns or TurnOptions()),
    )
