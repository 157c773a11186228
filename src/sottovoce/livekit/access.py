"""Where LiveKit is and what opens it; who runs it is wired in by `serve`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from sottovoce.config import LiveKitSettings
from sottovoce.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LiveKitAccess:
    """One LiveKit server: `url` is where this machine reaches it, by `ws:` or `wss:`.

    `server_url` is where clients reach it; None: at the gateway's own address, which relays the signalling.
    """

    url: str
    api_key: str
    api_secret: str = field(repr=False)
    server_url: str | None = None

    @classmethod
    def remote(cls, settings: LiveKitSettings) -> LiveKitAccess:
        """That of `LIVEKIT_URL`. Raises `ConfigError` where it or its keys are missing."""
        if settings.url is None or settings.api_key is None or settings.api_secret is None:
            raise ConfigError(
                "LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET are needed to reach LiveKit."
            )
        url = websocket_url(str(settings.url))
        public = url if settings.public_url is None else websocket_url(str(settings.public_url))
        return cls(url, settings.api_key.get_secret_value(), settings.api_secret.get_secret_value(), public)


@dataclass(frozen=True, slots=True)
class LiveKitStatus:
    """`reason` says what is missing while it is not ready; it may name paths of this machine."""

    is_ready: bool
    reason: str | None = None
    missing: Literal["server", "worker"] | None = None


class LiveKitDirectory(Protocol):
    """What the gateway asks about LiveKit. Answers at once, from memory."""

    @property
    def access(self) -> LiveKitAccess: ...

    def status(self) -> LiveKitStatus:
        """Whether a room that is opened now would get an assistant, as far as this machine can tell."""


@dataclass(frozen=True, slots=True)
class RemoteLiveKit:
    """A server of somebody's own, whose workers are not this machine's to watch."""

    access: LiveKitAccess

    def status(self) -> LiveKitStatus:
        return LiveKitStatus(is_ready=True)


def websocket_url(url: str) -> str:
    """`http:` and `https:` as the `ws:` and `wss:` they stand for, without a slash at the end."""
    scheme, separator, rest = url.rstrip("/").partition("://")
    return {"http": "ws", "https": "wss"}.get(scheme, scheme) + separator + rest
