"""The server's key and the page's cookie: what is needed to use `/v1` and `/api`."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from sottovoce.config import Settings
from sottovoce.errors import AuthError, ConfigError
from sottovoce.gateway.guard import is_from_own_page
from sottovoce.http.auth import bearer_key, is_same_key
from sottovoce.http.errors import error_response

KEY_FILE = "api-key"
KEY_PREFIX = "sk-sottovoce-"
KEY_BYTES = 32
MAX_KEY_FILE_BYTES = 4096
"""A key file is one line; anything longer is some other file."""

SUBPROTOCOL_PREFIX = "openai-insecure-api-key."
GUARDED_PATHS = ("/v1", "/api")


def load_or_create_key(settings: Settings) -> str:
    """The server's key: the setting, else the key file, made at first start.

    Raises `ConfigError` where the file can be read by others or cannot be read or made.
    """
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    path = settings.home / KEY_FILE
    try:
        return _read_key(path)
    except FileNotFoundError:
        return _create_key(path)


def _read_key(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_KEY_FILE_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"The key file {path} cannot be read: {error.strerror}.") from error
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(f"The key file {path} can be read by others. Cure: chmod 600 {path}")
    key = content.decode("ascii", errors="replace").strip()
    if not key.startswith(KEY_PREFIX) or not key.isprintable():
        raise ConfigError(f"The key file {path} holds no key. Delete it to have a new one made.")
    return key


def _create_key(path: Path) -> str:
    """Write a whole file and link it into place, so that two servers starting at once agree on one key."""
    key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    draft = path.with_name(f"{KEY_FILE}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return _read_key(path)
        finally:
            draft.unlink()
    except OSError as error:
        raise ConfigError(
            f"The key file {path} cannot be made: {error.strerror}. Set SOTTOVOCE_HOME to a folder of yours."
        ) from error
    return key


@dataclass(frozen=True, slots=True)
class Credentials:
    """The one key, and the token that only pages served since this start hold."""

    key: str = field(repr=False)
    page_token: str = field(default_factory=lambda: secrets.token_urlsafe(KEY_BYTES), repr=False)

    def cookie_name(self, connection: HTTPConnection) -> str:
        """Cookies know no ports; the name keeps two servers of one machine apart."""
        server = connection.scope.get("server")
        return f"sottovoce_page_{server[1] if server else 0}"

    def check(self, connection: HTTPConnection) -> None:
        """Raises `AuthError` unless the key came, or the page's cookie from the page itself."""
        given = bearer_key(connection) or subprotocol_key(connection.scope)
        if given is not None:
            if not is_same_key(given, self.key):
                raise AuthError("The API key is wrong. `sottovoce key show` prints the right one.")
        elif not self._is_page(connection):
            raise AuthError(
                "No API key was given. Send it as `Authorization: Bearer KEY`; "
                "`sottovoce key show` prints it."
            )

    def _is_page(self, connection: HTTPConnection) -> bool:
        token = connection.cookies.get(self.cookie_name(connection), "")
        return is_same_key(token, self.page_token) and is_from_own_page(connection.scope)


def subprotocol_key(scope: Scope) -> str | None:
    """The key that browsers, who cannot set headers, send with a WebSocket."""
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(SUBPROTOCOL_PREFIX):
            return str(offered[len(SUBPROTOCOL_PREFIX) :]) or None
    return None


class RequireCredentials:
    """ASGI middleware: everything under `/v1` and `/api` needs the key or the page's cookie.

    A WebSocket is refused with an HTTP status, before it is accepted.
    """

    def __init__(self, app: ASGIApp, credentials: Credentials) -> None:
        self.app = app
        self.credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and _is_guarded(scope["path"]):
            try:
                self.credentials.check(HTTPConnection(scope))
            except AuthError as error:
                await error_response(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _is_guarded(path: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in GUARDED_PATHS)
