"""The server's own key: it opens everything, and is made at first start unless the settings have one."""

from __future__ import annotations

import secrets
from pathlib import Path

from sottovoce.config import Settings
from sottovoce.errors import ConfigError
from sottovoce.private_file import create_private, read_private

KEY_FILE = "api-key"
KEY_PREFIX = "sk-sottovoce-"
KEY_BYTES = 32


def new_key() -> str:
    """256 bits of chance: beyond guessing, and beyond finding from its hash."""
    return KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)


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
        key = new_key()
        return key if create_private(path, f"{key}\n".encode()) else _read_key(path)


def _read_key(path: Path) -> str:
    key = read_private(path).decode("ascii", errors="replace").strip()
    if not key.startswith(KEY_PREFIX) or not key.isprintable():
        raise ConfigError(f"The key file {path} holds no key. Delete it to have a new one made.")
    return key
