"""How one connection's session is configured now, and what follows from it for its replies."""

from __future__ import annotations

from dataclasses import dataclass

from sottovoce.conversation.events import ReplyStarted
from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime import session_config
from sottovoce.realtime.audio_config import DEFAULT_MODEL
from sottovoce.realtime.commands import UpdateOptions
from sottovoce.realtime.events.client import ResponseParams, SessionUpdate
from sottovoce.realtime.response_traits import ResponseTraits, Transport
from sottovoce.realtime.session_config import (
    AnyConfig,
    AnySession,
    SessionConfig,
    TranscriptionConfig,
)
from sottovoce.realtime.session_fields import RetentionRatio
from sottovoce.realtime.voices import COMMON_VOICES, Voices


@dataclass(frozen=True, slots=True)
class ProtocolOptions:
    """`model` is the name the client asked for; `voices` tells the names that a client may choose;
    `session` is laid over the server's defaults before the client is told anything."""

    model: str = DEFAULT_MODEL
    transport: Transport = "websocket"
    has_extensions: bool = False
    voices: Voices = COMMON_VOICES
    session: AnyConfig | None = None


class Configuration:
    """`config` is the whole effective configuration."""

    def __init__(
        self, session_id: str, defaults: SessionOptions, options: ProtocolOptions, conversation_id: str
    ) -> None:
        self._session_id = session_id
        self._defaults = defaults
        self._options = options
        self._conversation_id = conversation_id
        self.config = session_config.effective(options.session, defaults, options.model)

    @property
    def shown(self) -> AnySession:
        return session_config.session_object(self.config, self._session_id)

    @property
    def voices(self) -> frozenset[str]:
        return self._options.voices() | {self._defaults.voice}

    @property
    def is_listening_only(self) -> bool:
        return isinstance(self.config, TranscriptionConfig)

    @property
    def for_replies(self) -> SessionConfig:
        """Raises `InvalidRequestError` in a session that never replies."""
        if isinstance(self.config, TranscriptionConfig):
            raise InvalidRequestError("A transcription session never responds.", param="type")
        return self.config

    @property
    def kept(self) -> float:
        """How much of a conversation that has grown too long is kept, as a part of its limit."""
        truncation = self.config.truncation if isinstance(self.config, SessionConfig) else None
        return truncation.retention_ratio if isinstance(truncation, RetentionRatio) else 1.0

    def update(self, event: SessionUpdate, *, is_untouched: bool) -> UpdateOptions:
        """What `event` makes of it; only a session `is_untouched` may become one that only listens.

        Raises `InvalidRequestError`.
        """
        config = self._changed(event.session, is_untouched=is_untouched)
        session_config.check_voice(config, self._options.voices(), self._defaults.voice)
        options = session_config.to_options(config, self._defaults)
        return UpdateOptions(options, config, event_id=event.event_id)

    def _changed(self, update: AnyConfig, *, is_untouched: bool) -> AnyConfig:
        if type(update) is type(self.config):
            return session_config.laid_over(self.config, update)
        if self.is_listening_only or not is_untouched:
            raise InvalidRequestError(
                f"A session of type '{self.config.type}' cannot become one of type '{update.type}' now.",
                param="session.type",
            )
        return session_config.effective(update, self._defaults, self._options.model)

    def traits(self, event: ReplyStarted, params: ResponseParams) -> ResponseTraits:
        """Those of a reply that the session began, for which a client had set `params`."""
        config, asked = self.for_replies, params.audio.output
        is_beside = params.conversation == "none"
        return ResponseTraits(
            event.response_id,
            event.item_id,
            event.modality,
            conversation_id=None if is_beside else self._conversation_id,
            form=asked.format or config.audio.output.format,
            voice=asked.voice or config.audio.output.voice,
            max_output_tokens=params.max_output_tokens or config.max_output_tokens,
            metadata=params.metadata,
            transport=self._options.transport,
            has_extensions=self._options.has_extensions,
        )
