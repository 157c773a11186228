"""Who asks, and what that one may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from sottovoce.errors import ForbiddenError

if TYPE_CHECKING:
    from sottovoce.realtime.session_config import AnyConfig  # takes a while, and `sottovoce key` needs none

Scope: TypeAlias = Literal["realtime", "audio", "chat", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
USER_SCOPES: frozenset[Scope] = frozenset({"realtime", "audio", "chat"})
"""What using the server takes; "admin" looks after it."""

FAMILIES: Mapping[str, Scope | None] = {
    "/v1/realtime": "realtime",
    "/v1/audio": "audio",
    "/v1/chat": "chat",
    "/v1": None,
    "/api/status": None,
    "/api/models": None,
    "/api/connection-details": "realtime",
    "/api": "admin",
    "/metrics": None,
}
"""The scope of each family of paths, the first that fits; None is open to every key."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `id` is no secret and may be logged.

    `key_id` is the named key that it all depends on, if any: once that is revoked, this one is nobody.
    `session` is the configuration that a secret is bound to. `is_owner`: a page of whoever looks after the
    server, which has no scope for that, lest a script in it make keys.
    """

    id: str
    kind: Literal["key", "page", "secret"]
    scopes: frozenset[Scope]
    key_id: str | None = None
    session: AnyConfig | None = field(default=None, compare=False)
    is_owner: bool = False

    @property
    def may_look_after(self) -> bool:
        """Whether this one may change what the server runs."""
        return self.is_owner or "admin" in self.scopes

    def check_may_look_after(self) -> None:
        """Raises `ForbiddenError`."""
        if not self.may_look_after:
            raise ForbiddenError(
                "Only those who look after the server may do that: it takes a key with the scope 'admin'.",
                code="insufficient_scope",
            )

    def check_scope(self, path: str) -> None:
        """Raises `ForbiddenError` where this one may not use what is at `path`."""
        needed = scope_of(path)
        if self.kind == "secret" and needed != "realtime":
            raise ForbiddenError("A client secret opens /v1/realtime only.", code="insufficient_scope")
        if needed is not None and needed not in self.scopes:
            raise ForbiddenError(
                f"This key may not do that: it lacks the scope '{needed}'.", code="insufficient_scope"
            )


def scope_of(path: str) -> Scope | None:
    """The scope that `path` takes; None for what every key opens."""
    return next(scope for prefix, scope in FAMILIES.items() if is_under(path, prefix))


def is_guarded(path: str) -> bool:
    """Whether anything at all is needed for `path`."""
    return any(is_under(path, prefix) for prefix in FAMILIES)


def is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
