"""The session's configuration as clients write and read it, and what it means to a conversation.

A configuration is at once a partial update (its `model_fields_set` says what was given) and the whole
effective one; `laid_over` makes the second of the first. Null counts as not given, but where the protocol
gives it a meaning. What the conversation cannot do is refused by the type itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from sottovoce.conversation.options import SessionOptions, TurnOptions
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime import tools_config
from sottovoce.realtime.audio_config import (
    DEFAULT_MODEL,
    OPENAI_VOICES,
    Audio,
    AudioInput,
    AudioOutput,
    InputOnly,
    SemanticVad,
    Transcription,
)
from sottovoce.realtime.config_part import (
    MAX_NAME_CHARACTERS,
    ConfigPart,
    Instructions,
    Name,
    merge,
)
from sottovoce.realtime.events.faults import fault
from sottovoce.realtime.session_fields import (
    AnyTracing,
    Modalities,
    NoIncludes,
    NoPrompt,
    Reasoning,
    Truncation,
)
from sottovoce.realtime.tools_config import MaxOutputTokens, ToolChoice, Tools

__all__ = ["DEFAULT_MODEL", "MAX_NAME_CHARACTERS", "OPENAI_VOICES", "AnyConfig", "SessionConfig"]

CLIENT_ENDPOINTED: Final = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""Models that never end a turn by themselves at OpenAI: whoever names one sends commits of its own."""

MAX_SHOWN_VOICES = 20
"""In the refusal of one that there is not; beyond that the common ones have to do."""


class SessionConfig(ConfigPart):
    nullable = frozenset({"tracing", "prompt", "include", "reasoning"})

    type: Literal["realtime"]
    model: Name = DEFAULT_MODEL
    output_modalities: Modalities = ("audio",)
    instructions: Instructions = ""
    audio: Audio = Audio()
    tools: Tools = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    max_output_tokens: MaxOutputTokens = "inf"
    truncation: Truncation = "auto"
    reasoning: Reasoning | None = None
    tracing: AnyTracing | None = None
    prompt: NoPrompt = None
    include: NoIncludes | None = None


class TranscriptionConfig(ConfigPart):
    """A session that only listens."""

    nullable = frozenset({"include"})

    type: Literal["transcription"]
    audio: InputOnly = InputOnly()
    include: NoIncludes | None = None


AnyConfig: TypeAlias = SessionConfig | TranscriptionConfig
GivenConfig: TypeAlias = Annotated[AnyConfig, Field(discriminator="type")]
_GIVEN: TypeAdapter[AnyConfig] = TypeAdapter(GivenConfig)


class SessionObject(SessionConfig):
    """The configuration as `session.created` and `session.updated` show it.

    `expires_at` (Unix seconds) is null for a session that lives as long as its connection.
    """

    object: Literal["realtime.session"] = "realtime.session"
    id: str
    expires_at: int | None = None


class TranscriptionObject(TranscriptionConfig):
    object: Literal["realtime.transcription_session"] = "realtime.transcription_session"
    id: str
    expires_at: int | None = None


AnySession: TypeAlias = SessionObject | TranscriptionObject


def read_session(given: Mapping[str, object] | bytes) -> AnyConfig:
    """A client's `session` object, whole or in part.

    Raises `InvalidRequestError` naming the first field at fault, as in "session.audio.output.voice".
    """
    try:
        return _GIVEN.validate_json(given if isinstance(given, bytes) else json.dumps(given))
    except ValidationError as error:
        raise fault(error, "session", "") from None
    except (TypeError, ValueError, RecursionError):
        raise InvalidRequestError("The session is no JSON object.", param="session") from None


def effective(config: AnyConfig | None, defaults: SessionOptions, model: str) -> AnyConfig:
    """The whole configuration that a session begins with: `config` over what `defaults` say."""
    if isinstance(config, TranscriptionConfig):
        return laid_over(_listening_only(defaults), config)
    initial = _initial(defaults, model)
    return initial if config is None else laid_over(initial, config)


def laid_over(base: AnyConfig, update: AnyConfig) -> AnyConfig:
    """`base` with what was given in `update`, which is of the same type.

    Raises `InvalidRequestError` where the parts contradict each other.
    """
    merged = merge(base, update)
    if isinstance(merged, SessionConfig):
        tools_config.check_choice(merged.tool_choice, merged.tools, "session.tool_choice")
        return merged
    heard = update.audio.input
    is_asked = "turn_detection" in heard.model_fields_set
    if heard.transcription is None or is_asked or not heard.transcription.model.startswith(CLIENT_ENDPOINTED):
        return merged
    manual = merged.audio.input.model_copy(update={"turn_detection": None})
    return merged.model_copy(update={"audio": InputOnly(input=manual)})


def session_object(config: AnyConfig, session_id: str, expires_at: int | None = None) -> AnySession:
    """`config`, which is whole, as clients read it."""
    known = {name: getattr(config, name) for name in type(config).model_fields}
    shown = TranscriptionObject if isinstance(config, TranscriptionConfig) else SessionObject
    return shown.model_construct(id=session_id, expires_at=expires_at, **known)


def check_voice(config: AnyConfig, voices: frozenset[str], default: str) -> None:
    """Raises `InvalidRequestError` where `config` names a voice that is neither of `voices` nor `default`."""
    if isinstance(config, SessionConfig):
        check_voice_name(config.audio.output.voice, voices | {default}, "session.audio.output.voice")


def check_voice_name(voice: str, voices: frozenset[str], param: str) -> None:
    if voice not in voices:
        known = sorted(OPENAI_VOICES if len(voices) > MAX_SHOWN_VOICES else voices)
        more = "" if len(voices) <= MAX_SHOWN_VOICES else ", or another that /v1/audio/voices lists"
        raise InvalidRequestError(
            f"There is no voice '{voice}'; choose one of {', '.join(known)}{more}.", param=param
        )


def to_options(config: AnyConfig, default: SessionOptions) -> SessionOptions:
    """What `config`, which is whole, asks of the conversation; `default` fills what it leaves open."""
    heard = config.audio.input
    detection, transcription = heard.turn_detection, heard.transcription
    listening = SessionOptions(
        instructions=default.instructions,
        language=(transcription and transcription.spoken_language) or default.language,
        voice=default.voice,
        speed=default.speed,
        turns=None if detection is None else detection.turns(default.turns or TurnOptions()),
        prompt=transcription.hints if transcription else "",
        is_listening_only=True,
    )
    return listening if isinstance(config, TranscriptionConfig) else _talking(config, listening)


def _talking(config: SessionConfig, listening: SessionOptions) -> SessionOptions:
    return SessionOptions(
        instructions=config.instructions,
        language=listening.language,
        voice=config.audio.output.voice,
        speed=config.audio.output.speed,
        turns=listening.turns,
        modality=config.output_modalities[0],
        tools=tools_config.client_tools(config.tools),
        tool_choice=tools_config.choice(config.tool_choice),
        max_output_tokens=tools_config.token_limit(config.max_output_tokens),
        prompt=listening.prompt,
    )


def _initial(options: SessionOptions, model: str) -> SessionConfig:
    speaking = AudioOutput(voice=options.voice, speed=min(max(options.speed, 0.25), 1.5))
    audio = Audio(input=_listening(options), output=speaking)
    return SessionConfig(type="realtime", model=model, instructions=options.instructions, audio=audio)


def _listening_only(options: SessionOptions) -> TranscriptionConfig:
    return TranscriptionConfig(type="transcription", audio=InputOnly(input=_listening(options)))


def _listening(options: SessionOptions) -> AudioInput:
    detection = None
    if options.turns is not None:
        detection = SemanticVad(
            type="semantic_vad",
            create_response=options.turns.should_reply,
            interrupt_response=options.turns.can_interrupt,
        )
    return AudioInput(
        transcription=Transcription(language=options.language or None), turn_detection=detection
    )
