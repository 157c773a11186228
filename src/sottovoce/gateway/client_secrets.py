"""Ephemeral secrets: what a page of another site gets in place of a key, for minutes and for Realtime only.

They live in memory, as hashes: a restart forgets them, and whoever held one asks for another.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sottovoce.errors import AuthError, LimitExceededError
from sottovoce.gateway.given_key import SECRET_PREFIX
from sottovoce.gateway.principal import Principal
from sottovoce.ids import random_id
from sottovoce.realtime.session_config import AnyConfig

SECRET_BYTES = 32
MAX_LIVE_SECRETS = 200
"""Of one key: memory, as each holds a session's configuration."""

MAX_EXPIRED_SECRETS = 1000
"""So many are remembered, to tell their holders that they are too old, and not wrong."""


@dataclass(frozen=True, slots=True)
class _Secret:
    principal: Principal
    minter: str
    expires_at: int


class ClientSecrets:
    """`now` gives seconds since 1970."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._live: dict[bytes, _Secret] = {}
        self._expired: OrderedDict[bytes, None] = OrderedDict()

    def mint(self, minter: Principal, lifetime: int, session: AnyConfig | None) -> tuple[str, int]:
        """A new secret and when it expires (Unix seconds), good for `lifetime` seconds from now.

        Raises `LimitExceededError` when `minter` has too many.
        """
        self._forget_expired()
        own = [secret.expires_at for secret in self._live.values() if secret.minter == minter.id]
        if len(own) >= MAX_LIVE_SECRETS:
            raise LimitExceededError(
                f"This key has {MAX_LIVE_SECRETS} secrets, all it may have at a time; some expire soon.",
                retry_after=max(1.0, min(own) - self._now()),
            )
        value = SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        expires_at = int(self._now()) + lifetime
        principal = Principal(
            random_id("secret"), "secret", frozenset({"realtime"}), minter.key_id, session=session
        )
        self._live[_digest(value)] = _Secret(principal, minter.id, expires_at)
        return value, expires_at

    def find(self, value: str) -> Principal:
        """Whose secret it is: by its hash, whose bytes nobody chooses. Raises `AuthError`."""
        self._forget_expired()
        digest = _digest(value)
        if digest in self._expired:
            message = "This client secret has expired; ask for a new one."
            raise AuthError(message, code="client_secret_expired")
        secret = self._live.get(digest)
        if secret is None:
            raise AuthError(
                "This client secret is unknown: it is wrong, or from before the server's last start. "
                "Ask for a new one."
            )
        return secret.principal

    def _forget_expired(self) -> None:
        now = self._now()
        gone = [digest for digest, secret in self._live.items() if secret.expires_at <= now]
        for digest in gone:
            del self._live[digest]
            self._expired[digest] = None
        while len(self._expired) > MAX_EXPIRED_SECRETS:
            self._expired.popitem(last=False)


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
