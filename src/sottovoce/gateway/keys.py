"""The named API keys of a server, kept as hashes in an SQLite file that several processes may use at once.

SHA-256 without salt or stretching is right here: a key is 256 bits of chance, so there is no dictionary to
try, and no two keys are alike. Stretching is for what people think up.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sottovoce.errors import ConfigError, InvalidRequestError, NotFoundError
from sottovoce.gateway.principal import SCOPES, Principal, Scope
from sottovoce.gateway.server_key import new_key
from sottovoce.ids import random_id
from sottovoce.private_file import check_private, make_private_folder

KEYS_FILE = "keys.sqlite3"
MAX_KEYS = 256
"""Protects each request from a long search: a given key is compared with every one."""

MAX_NAME_CHARACTERS = 64
ID_PREFIX = "key_"
HINT_CHARACTERS = 4
LOCK_TIMEOUT = 5.0
"""Seconds that a process waits while another one writes."""

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL
)"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """All that is known of a key: `created` in seconds since 1970, `hint` is its last characters."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created: int
    hint: str

    @property
    def principal(self) -> Principal:
        return Principal(self.id, "key", frozenset(self.scopes), key_id=self.id)


class KeyStore:
    """Every method reads or writes the file itself, so that what another process did counts at once.

    Each raises `ConfigError` where the file is damaged, locked for too long or open to others.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now

    def create(self, name: str, scopes: tuple[Scope, ...]) -> tuple[ApiKey, str]:
        """A new key, and the key itself, which is kept nowhere.

        Raises `InvalidRequestError` for a name that is taken or none, or when there are `MAX_KEYS`.
        """
        _check_name(name)
        secret = new_key()
        ordered = tuple(scope for scope in SCOPES if scope in scopes)
        key = ApiKey(random_id("key"), name, ordered, int(self._now()), secret[-HINT_CHARACTERS:])
        with self._writing() as database:
            if database.execute("SELECT count(*) FROM keys").fetchone()[0] >= MAX_KEYS:
                raise InvalidRequestError(f"There are {MAX_KEYS} keys, all there may be. Revoke some first.")
            row = (key.id, key.name, _digest(secret), key.hint, " ".join(key.scopes), key.created)
            try:
                database.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise InvalidRequestError(
                    f"There is a key {name!r} already. Revoke it first, or choose another name.", param="name"
                ) from None
        return key, secret

    def all(self) -> list[ApiKey]:
        """Every key, the oldest first."""
        return [key for key, _ in self._rows()]

    def revoke(self, which: str) -> ApiKey:
        """Forget the key with this id or name; returns what it was. Raises `NotFoundError`."""
        found = next((key for key in self.all() if which in (key.id, key.name)), None)
        if found is not None:
            with self._writing() as database:
                if database.execute("DELETE FROM keys WHERE id = ?", (found.id,)).rowcount:
                    return found
        message = f"There is no key {which!r}. `sottovoce key list` shows them."
        raise NotFoundError(message, code="key_not_found")

    def find(self, secret: str) -> ApiKey | None:
        """The key that `secret` is, compared with each in time that does not depend on where they differ."""
        digest, found = _digest(secret), None
        for key, expected in self._rows():
            if hmac.compare_digest(digest, expected):
                found = key
        return found

    def get(self, key_id: str) -> ApiKey | None:
        """The key with this id, if it is still good."""
        return next((key for key in self.all() if key.id == key_id), None)

    def _rows(self) -> list[tuple[ApiKey, bytes]]:
        try:
            with self._opened() as database:
                if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'keys'").fetchone():
                    return []
                rows = database.execute(
                    "SELECT id, name, scopes, created, hint, digest FROM keys ORDER BY created, rowid"
                ).fetchall()
        except FileNotFoundError:
            return []
        return [
            (ApiKey(key_id, name, cast("tuple[Scope, ...]", tuple(scopes.split())), created, hint), digest)
            for key_id, name, scopes, created, hint, digest in rows
        ]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on the disk when it ends; nobody else writes meanwhile."""
        self._make_file()
        with self._opened() as database:
            database.execute("PRAGMA synchronous = EXTRA")  # the folder too: a key once shown is kept
            database.execute("PRAGMA secure_delete = ON")
            database.execute("BEGIN IMMEDIATE")
            try:
                database.execute(SCHEMA)
                database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def _make_file(self) -> None:
        make_private_folder(self.path.parent)
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error.strerror}.") from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Raises `FileNotFoundError` where there is no file."""
        try:
            mode = self.path.stat().st_mode
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be read: {error.strerror}.") from error
        check_private(self.path, mode)
        try:
            address = f"{self.path.absolute().as_uri()}?mode=rw"
            connection = sqlite3.connect(address, uri=True, timeout=LOCK_TIMEOUT, isolation_level=None)
            with closing(connection) as database:
                self._check_version(database)
                yield database
        except sqlite3.OperationalError as error:
            raise ConfigError(f"The keys in {self.path} cannot be used: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise ConfigError(
                f"The keys in {self.path} cannot be read: {error}. Restore the file from a backup, or delete "
                "it and create the keys anew."
            ) from error

    def _check_version(self, database: sqlite3.Connection) -> None:
        if database.execute("PRAGMA user_version").fetchone()[0] > SCHEMA_VERSION:
            raise ConfigError(f"{self.path} was written by a newer Sottovoce. Use that one.")


def _check_name(name: str) -> None:
    is_name = bool(name.strip()) and name.isprintable() and len(name) <= MAX_NAME_CHARACTERS
    if not is_name or name.startswith(ID_PREFIX):
        raise InvalidRequestError(
            f"A key's name is 1 to {MAX_NAME_CHARACTERS} printable characters and does not begin like an id "
            f"({ID_PREFIX}).",
            param="name",
        )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
