"""Files that their owner alone may read: keys and certificates. Written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sottovoce.errors import ConfigError

MAX_PRIVATE_BYTES = 64 * 1024
"""A key or a certificate is a few kilobytes; anything longer is some other file."""

OTHERS = 0o077
"""What a file's mode may not have: anything for the group or the rest."""


def check_private(path: Path, mode: int) -> None:
    """Raises `ConfigError` where others may read or write the file."""
    if os.name == "posix" and mode & OTHERS:
        raise ConfigError(f"{path} can be read by others. Cure: chmod 600 {path}")


def read_private(path: Path) -> bytes:
    """Raises `FileNotFoundError`, and `ConfigError` where it cannot be read or others can read it too."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_PRIVATE_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    check_private(path, mode)
    if len(content) > MAX_PRIVATE_BYTES:
        raise ConfigError(f"{path} is too large for what it should hold.")
    return content


def create_private(path: Path, content: bytes) -> bool:
    """Put the file in place unless one is there; false where another process was first.

    Raises `ConfigError` where it cannot be made.
    """
    with _draft(path, content) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
        sync_folder(path.parent)
    return True


def replace_private(path: Path, content: bytes) -> None:
    """Put the file in place of any that is there. Raises `ConfigError` where it cannot be made."""
    with _draft(path, content) as draft:
        draft.replace(path)
        sync_folder(path.parent)


def make_private_folder(folder: Path) -> None:
    """Raises `ConfigError` where it is not there and cannot be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _not_made(folder, error) from error


def sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    if os.name != "posix":
        return  # elsewhere folders cannot be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """A whole file beside `path`, gone afterwards; what fails in the body is told like its own failures."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    make_private_folder(path.parent)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    except OSError as error:
        raise _not_made(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def _not_made(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be made: {error.strerror}. Set SOTTOVOCE_HOME to a folder of yours.")
