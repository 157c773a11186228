"""What a check of `doctor` answers with, and how it tries what may crash."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from sottovoce.config import Settings
from sottovoce.errors import ConfigError

State: TypeAlias = Literal["ok", "note", "broken"]

PROBE_TIMEOUT = 20.0
"""Seconds for a child that tries a library: a driver that hangs must not hang the doctor."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`broken` keeps Sottovoce from working, a `note` only limits it; both have a `cure`."""

    name: str
    state: State
    detail: str
    cure: str = ""


Check: TypeAlias = Callable[[Settings], Iterator[Finding]]


def key_file(name: str, path: Path, *, makes: str, read: Callable[[], object]) -> Finding:
    """A file of keys as `serve` finds it, or `makes` it; `read` raises `ConfigError` for one it refuses."""
    if not path.exists():
        return Finding(name, "ok", f"none yet; `serve` makes {makes} in {path}")
    try:
        read()
    except ConfigError as error:
        return Finding(name, "broken", error.message, f"chmod 600 {path}, or delete it")
    return Finding(name, "ok", f"{path}, readable by you alone")


def run(command: list[str]) -> tuple[str, str | None]:
    """What `command` printed, and what went wrong, in one line, or None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return "", f"no answer within {PROBE_TIMEOUT:.0f} s"
    except OSError as error:
        return "", str(error)
    if done.returncode < 0:
        return done.stdout, f"ended by signal {-done.returncode}"
    if done.returncode != 0:
        return done.stdout, (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return done.stdout, None


def run_python(script: str) -> tuple[str, str | None]:
    """The same for a script of a few lines, in a Python of its own."""
    return run([sys.executable, "-P", "-c", script])
