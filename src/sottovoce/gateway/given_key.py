"""The key that a request brings along, whoever's it is."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import Scope

from sottovoce.http.auth import bearer_key

SUBPROTOCOL_PREFIX = "openai-insecure-api-key."

SECRET_PREFIX = "ek_"  # noqa: S105  the name of the kind, no secret
"""What ephemeral secrets begin with, and nothing else does."""


def given_key(connection: HTTPConnection) -> str | None:
    """The key in the header, or in the subprotocol of browsers, who cannot set headers with a WebSocket."""
    return bearer_key(connection) or _subprotocol_key(connection.scope)


def brings_secret(connection: HTTPConnection) -> bool:
    """Whether it is an ephemeral secret, good or not."""
    return (given_key(connection) or "").startswith(SECRET_PREFIX)


def _subprotocol_key(scope: Scope) -> str | None:
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(SUBPROTOCOL_PREFIX):
            return str(offered[len(SUBPROTOCOL_PREFIX) :]) or None
    return None
