"""Who gets in: keys and the page's cookie, looked at before anything under `/v1` and `/api` is reached."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from sottovoce.errors import AuthError, ConfigError, SottovoceError
from sottovoce.gateway.attempts import Attempts, Tally, address_of
from sottovoce.gateway.client_secrets import ClientSecrets
from sottovoce.gateway.given_key import SECRET_PREFIX, given_key
from sottovoce.gateway.guard import is_from_own_page
from sottovoce.gateway.keys import KeyStore
from sottovoce.gateway.principal import SCOPES, USER_SCOPES, Principal, is_guarded
from sottovoce.gateway.server_key import KEY_BYTES
from sottovoce.http.auth import is_same_key
from sottovoce.http.errors import error_response
from sottovoce.realtime.opening import SESSION

logger = logging.getLogger(__name__)

PRINCIPAL = "sottovoce.principal"
"""Where routes find the `Principal` in the ASGI scope."""

SERVER_KEY = Principal("server", "key", frozenset(SCOPES))
PAGE = Principal("page", "page", USER_SCOPES)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens the server: its own key, the named keys, ephemeral secrets, the token of its own pages.

    The token is made anew with each start, and so are the secrets.
    """

    key: str = field(repr=False)
    keys: KeyStore
    secrets: ClientSecrets = field(default_factory=ClientSecrets)
    page_token: str = field(default_factory=lambda: secrets.token_urlsafe(KEY_BYTES), repr=False)

    def cookie_name(self, connection: HTTPConnection) -> str:
        """Cookies know no ports; the name keeps two servers of one machine apart."""
        server = connection.scope.get("server")
        return f"sottovoce_page_{server[1] if server else 0}"

    async def principal_of(self, given: str) -> Principal:
        """Whose key this is. Raises `AuthError`, and `ConfigError` where the keys cannot be read."""
        if is_same_key(given, self.key):
            return SERVER_KEY
        found = await asyncio.to_thread(self.keys.find, given)
        if found is None:
            raise AuthError("The API key is wrong. `sottovoce key show` prints the server's own.")
        return found.principal

    async def holder_of(self, secret: str) -> Principal:
        """A secret is worth what the key is that it was made with. Raises as `principal_of` does."""
        holder = self.secrets.find(secret)
        if holder.key_id is not None and not await asyncio.to_thread(self.keys.has, holder.key_id):
            raise AuthError("The API key that this client secret was made with is revoked.")
        return holder

    def page_of(self, connection: HTTPConnection) -> Principal:
        """Raises `AuthError` unless the page's cookie came from the page itself."""
        token = connection.cookies.get(self.cookie_name(connection), "")
        if is_same_key(token, self.page_token) and is_from_own_page(connection.scope):
            return PAGE
        raise AuthError(
            "No API key was given. Send it as `Authorization: Bearer KEY`; `sottovoce key show` prints it."
        )


class RequireCredentials:
    """ASGI middleware: puts a `Principal` into the scope of everything that is guarded, or refuses it.

    A WebSocket is refused with an HTTP status, before it is accepted.
    """

    def __init__(
        self, app: ASGIApp, credentials: Credentials, attempts: Attempts, *, is_behind_proxy: bool
    ) -> None:
        self.app = app
        self.credentials = credentials
        self.attempts = attempts
        self.is_behind_proxy = is_behind_proxy
        self._unreadable = Tally()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and is_guarded(scope["path"]):
            try:
                principal = await self._identify(HTTPConnection(scope))
                principal.check_scope(scope["path"])
            except SottovoceError as error:
                await error_response(self._public(error))(scope, receive, send)
                return
            scope[PRINCIPAL], scope[SESSION] = principal, principal.session
        await self.app(scope, receive, send)

    async def _identify(self, connection: HTTPConnection) -> Principal:
        given = given_key(connection)
        if given is None:
            return self.credentials.page_of(connection)
        if given.startswith(SECRET_PREFIX):
            return await self.credentials.holder_of(given)  # all chance: there is nothing to guess
        address = address_of(connection, is_behind_proxy=self.is_behind_proxy)
        async with self.attempts.watched(address):
            return await self.credentials.principal_of(given)

    def _public(self, error: SottovoceError) -> SottovoceError:
        """What a stranger may read: paths of this machine are for its log."""
        if not isinstance(error, ConfigError):
            return error
        if self._unreadable.due():
            logger.error("%s", error.message)
        return SottovoceError("The server cannot read its keys; its log says why.", code="keys_unreadable")
