"""The key pair of the managed server: that of the settings, else one made at the first start."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from sottovoce.config import MIN_LIVEKIT_SECRET_CHARACTERS, Settings, is_known
from sottovoce.errors import ConfigError
from sottovoce.private_file import create_private, read_private

KEYS_FILE = "livekit-keys"
"""In LiveKit's own form, `key: secret`, which its programs read with `--key-file`."""
KEY_PREFIX = "API"
KEY_BYTES = 9
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Names who signs tokens, and signs them."""

    key: str
    secret: str = field(repr=False)


def load_or_create_keys(settings: Settings) -> KeyPair:
    """Raises `ConfigError` where the file can be read by others, cannot be read or made, or holds no pair."""
    given = settings.livekit
    if given.api_key is not None and given.api_secret is not None:
        return KeyPair(given.api_key.get_secret_value(), given.api_secret.get_secret_value())
    path = settings.home / KEYS_FILE
    try:
        return _read(path)
    except FileNotFoundError:
        made = KeyPair(KEY_PREFIX + secrets.token_hex(KEY_BYTES), secrets.token_urlsafe(SECRET_BYTES))
        return made if create_private(path, f"{made.key}: {made.secret}\n".encode()) else _read(path)


def _read(path: Path) -> KeyPair:
    key, separator, secret = read_private(path).decode("ascii", errors="replace").strip().partition(": ")
    secret = secret.strip()
    if not separator or not (key + secret).isprintable() or not key or " " in key + secret:
        raise ConfigError(f"{path} holds no pair of a key and a secret. Delete it to have a new one made.")
    if is_known(key) or is_known(secret) or len(secret) < MIN_LIVEKIT_SECRET_CHARACTERS:
        raise ConfigError(
            f"The secret in {path} is known to everybody or shorter than {MIN_LIVEKIT_SECRET_CHARACTERS} "
            "characters. Delete the file to have a new one made."
        )
    return KeyPair(key, secret)
