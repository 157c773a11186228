"""Who gets in: keys and the page's cookie, looked at before anything under `/v1` and `/api` is reached."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from sottovoce.errors import AuthError, ConfigError, SottovoceError
from sottovoce.gateway.attempts import Attempts, Tally, address_of
from sottovoce.gateway.client_secrets import ClientSecrets
from sottovoce.gateway.given_key import SECRET_PREFIX, given_key
from sottovoce.gateway.guard import is_from_own_page
from sottovoce.gateway.keys import KeyStore
from sottovoce.gateway.page_cookie import THIS_MACHINE, PageCookie
from sottovoce.gateway.principal import SCOPES, USER_SCOPES, Principal, is_guarded
from sottovoce.http.auth import is_same_key
from sottovoce.http.errors import error_response
from sottovoce.realtime.opening import SESSION
from sottovoce.realtime.websocket import OWNER

logger = logging.getLogger(__name__)

PRINCIPAL = "sottovoce.principal"
"""Where routes find the `Principal` in the ASGI scope."""

SERVER_KEY = Principal("server", "key", frozenset(SCOPES))
PAGE = Principal("page", "page", USER_SCOPES, is_owner=True)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens the server: its own key, the named keys, ephemeral secrets, the page's cookie.

    Everything that asks raises `AuthError`, and `SottovoceError` where the keys cannot be read.
    """

    key: str = field(repr=False)
    keys: KeyStore
    cookie: PageCookie
    secrets: ClientSecrets = field(default_factory=ClientSecrets)
    unreadable: Tally = field(default_factory=Tally)

    async def principal_of(self, given: str) -> Principal:
        """Whose key this is."""
        if is_same_key(given, self.key):
            return SERVER_KEY
        found = await self._stored(lambda: self.keys.find(given))
        if found is None:
            raise AuthError("The API key is wrong. `sottovoce key show` prints the server's own.")
        return found.principal

    async def holder_of(self, secret: str) -> Principal:
        """Whose ephemeral secret this is; it is worth what the key is that it was made with."""
        holder = self.secrets.find(secret)
        key_id = holder.key_id
        if key_id is not None and await self._stored(lambda: self.keys.get(key_id)) is None:
            raise AuthError("The API key that this client secret was made with is revoked.")
        return holder

    async def page_of(self, connection: HTTPConnection) -> Principal:
        """The page, if it is our own page that sends the cookie."""
        if is_from_own_page(connection.scope):
            return await self.signed_in(connection)
        raise _no_key()

    async def signed_in(self, connection: HTTPConnection) -> Principal:
        """The page that has the cookie, wherever the request comes from: enough for showing it."""
        key_id = self.cookie.key_of(connection)
        if key_id in (THIS_MACHINE, SERVER_KEY.id):
            return PAGE
        found = None if key_id is None else await self._stored(lambda: self.keys.get(key_id))
        if found is None:
            raise _no_key()
        scopes = found.principal.scopes
        is_owner = "admin" in scopes
        return Principal("page", "page", USER_SCOPES & scopes, key_id=found.id, is_owner=is_owner)

    async def _stored(self, ask: Callable[[], Answer]) -> Answer:
        """What a stranger may not read, such as paths of this machine, is for the log."""
        try:
            return await asyncio.to_thread(ask)
        except ConfigError as error:
            if self.unreadable.due():
                logger.error("%s", error.message)
            message = "The server cannot read its keys; its log says why."
            raise SottovoceError(message, code="keys_unreadable") from error


def _no_key() -> AuthError:
    return AuthError(
        "No API key was given. Send it as `Authorization: Bearer KEY`; `sottovoce key show` prints it."
    )


@dataclass(frozen=True, slots=True)
class Callers:
    """Who asks, by what they bring along; the answer to a wrong key is held back."""

    credentials: Credentials
    attempts: Attempts
    is_behind_proxy: bool

    async def identify(self, connection: HTTPConnection) -> Principal:
        """Raises `AuthError`, `LimitExceededError`, and `SottovoceError` where the keys cannot be read."""
        given = given_key(connection)
        if given is None:
            return await self.credentials.page_of(connection)
        if given.startswith(SECRET_PREFIX):
            return await self.credentials.holder_of(given)  # all chance: there is nothing to guess
        address = address_of(connection, is_behind_proxy=self.is_behind_proxy)
        async with self.attempts.watched(address):
            return await self.credentials.principal_of(given)

    async def is_known(self, connection: HTTPConnection) -> bool:
        """Whether it comes from this machine, by address and name, or brings a good key or the page's cookie.

        For what is open to all and says more to some. A client secret is for conversations alone.
        """
        if self.credentials.cookie.is_for(connection):
            return True
        try:
            return (await self.identify(connection)).kind != "secret"
        except SottovoceError:
            return False


class RequireCredentials:
    """ASGI middleware: puts a `Principal` into the scope of everything that is guarded, or refuses it.

    A WebSocket is refused with an HTTP status, before it is accepted.
    """

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self.app = app
        self.callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and is_guarded(scope["path"]):
            try:
                principal = await self.callers.identify(HTTPConnection(scope))
                principal.check_scope(scope["path"])
            except SottovoceError as error:
                await error_response(error)(scope, receive, send)
                return
            scope[PRINCIPAL] = principal
            scope[SESSION], scope[OWNER] = principal.session, principal.key_id
        await self.app(scope, receive, send)
