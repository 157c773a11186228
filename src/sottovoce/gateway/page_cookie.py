"""The page's cookie: who is given one, and what it is worth when it comes back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.responses import Response

from sottovoce.gateway.forwarded import is_by_tls
from sottovoce.gateway.guard import hostname, is_loopback_name
from sottovoce.gateway.page_pass import LIFETIME, PagePasses
from sottovoce.gateway.principal import Principal
from sottovoce.gateway.server_key import KEY_BYTES
from sottovoce.http.auth import is_same_key

THIS_MACHINE = ""
"""In place of a key's id: whoever sits at the machine needs none."""


@dataclass(frozen=True, slots=True)
class PageCookie:
    """Browsers on this machine get a token that ends with the server, the others a pass for their key."""

    passes: PagePasses = field(repr=False)
    is_behind_proxy: bool
    token: str = field(default_factory=lambda: secrets.token_urlsafe(KEY_BYTES), repr=False)

    def is_for(self, connection: HTTPConnection) -> bool:
        """Whether the browser runs on this machine, by its address and by the name that it knows us by.

        A proxy or tunnel on this machine brings others, whom the first alone would let in.
        """
        if self.is_behind_proxy or connection.client is None:
            return False
        name = hostname(connection.headers.get("host", ""))
        return is_loopback_name(connection.client.host) and is_loopback_name(name)

    def give_token(self, connection: HTTPConnection, reply: Response) -> None:
        self._set(connection, reply, self.token, None)

    def give_pass(self, connection: HTTPConnection, reply: Response, principal: Principal) -> None:
        self._set(connection, reply, self.passes.issue(principal.id), LIFETIME)

    def key_of(self, connection: HTTPConnection) -> str | None:
        """The id of the key that the cookie stands for, `THIS_MACHINE`, or None where it stands for none."""
        given = connection.cookies.get(_name(connection), "")
        return THIS_MACHINE if is_same_key(given, self.token) else self.passes.key_of(given)

    def _set(self, connection: HTTPConnection, reply: Response, value: str, lifetime: int | None) -> None:
        reply.set_cookie(
            _name(connection),
            value,
            max_age=lifetime,
            path="/",
            httponly=True,
            samesite="strict",
            secure=is_by_tls(connection, is_behind_proxy=self.is_behind_proxy),
        )


def _name(connection: HTTPConnection) -> str:
    """Cookies know no ports; the name keeps two servers of one machine apart."""
    server = connection.scope.get("server")
    return f"sottovoce_page_{server[1] if server else 0}"
