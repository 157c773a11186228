"""Which livekit-server runs here, and the ways to get one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sottovoce
from sottovoce.errors import ConfigError

PROGRAM: Final = "livekit-server"
BUILT_VERSION: Final = "1.13.5"
"""What `make livekit` builds. Later ones replace their WebRTC stack in go.mod, which `go install` refuses."""
MIN_VERSION: Final = (1, 9, 0)
"""Older ones do not read all of the configuration that is written for them."""
TOOLS: Final = Path(sottovoce.__file__).parents[2] / ".tools" / "bin"
"""Of a checkout; beside an installed package there is no such folder."""
VERSION_DEADLINE: Final = 10.0
"""Seconds for `--version`, which takes milliseconds."""

WAYS: Final = f"""Ways to get one:
  make livekit          in a checkout of Sottovoce: builds {PROGRAM} {BUILT_VERSION}, with Go (https://go.dev/dl)
  brew install livekit  on macOS and Linux with Homebrew
  a release             from https://github.com/livekit/livekit/releases, unpacked into a folder of the PATH
  docker run livekit/livekit-server
                        and LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET to reach it
SOTTOVOCE_LIVEKIT_PROGRAM names one that is not on the PATH."""

_VERSION = re.compile(r"\b(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class ServerProgram:
    path: str
    version: tuple[int, int, int]

    @property
    def is_too_old(self) -> bool:
        return self.version < MIN_VERSION

    def __str__(self) -> str:
        return f"{PROGRAM} {dotted(self.version)} at {self.path}"


def dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


def find_program(
    given: str | None, environment: Mapping[str, str] | None = None, tools: Path = TOOLS
) -> ServerProgram:
    """The one that was `given`, else the one on the PATH, else the one in `tools`.

    Raises `ConfigError` with the ways to get one, where none of them runs or is new enough.
    """
    environment = os.environ if environment is None else environment
    faults: list[str] = []
    for path in _candidates(given, environment.get("PATH"), tools):
        try:
            program = ServerProgram(path, version_of(path))
        except ConfigError as error:
            faults.append(error.message)
            continue
        if not program.is_too_old:
            return program
        faults.append(f"{program} is too old: {dotted(MIN_VERSION)} is needed.")
    nothing = f"There is no {given or PROGRAM} that can be run here."
    raise ConfigError("\n".join([*(faults or [nothing]), WAYS]), param="livekit_program")


def version_of(path: str) -> tuple[int, int, int]:
    """Raises `ConfigError` where the program does not say."""
    try:
        asked = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=VERSION_DEADLINE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{path} cannot be run: {error}.", param="livekit_program") from error
    found = _VERSION.search(asked.stdout)
    if found is None:
        raise ConfigError(f"{path} does not tell its version; is it {PROGRAM}?", param="livekit_program")
    return int(found[1]), int(found[2]), int(found[3])


def _candidates(given: str | None, path: str | None, tools: Path) -> Iterator[str]:
    """Those that are there. A given one is the only one: who names a program does not mean another."""
    names = [given] if given is not None else [PROGRAM, str(tools / PROGRAM)]
    for name in names:
        if (found := shutil.which(name, path=path)) is not None:
            yield found
