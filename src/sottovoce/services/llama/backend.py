"""Which llama.cpp runs a model: the `llama-server` of the machine, or the one that came with Sottovoce."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from sottovoce.config import LlmSettings
from sottovoce.errors import EngineUnavailable
from sottovoce.models.machine import Machine
from sottovoce.services.llama.builtin import ADAPTER, FLAGS, KEY
from sottovoce.services.llama.flags import Flags, TooOldError, command_line

logger = logging.getLogger(__name__)

Name: TypeAlias = Literal["llama-server", "built-in"]

BUILT_IN: Final = "built-in"
"""The value of SOTTOVOCE_LLM_SERVER that passes over what is on PATH."""
PROGRAM: Final = "llama-server"

USAGE_DEADLINE = 20.0
"""Seconds for `llama-server --help`, which loads what it has for GPUs."""

_ELSEWHERE = (
    "install llama-server (https://github.com/ggml-org/llama.cpp) and name it in SOTTOVOCE_LLM_SERVER, or "
    "give the address of a language model in SOTTOVOCE_LLM_URL"
)
_DEVICES = "--list-devices"
_QUIET = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that spin between two layers take the cores from recognition and speech."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A way to run llama.cpp: what to start, and with which environment."""

    name: Name
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


async def find_backend(
    settings: LlmSettings,
    flags: Flags,
    key: str,
    machine: Machine,
    environment: Mapping[str, str] | None = None,
) -> Backend:
    """What `settings` name, else what is on PATH, else the built-in one. Raises `EngineUnavailable`."""
    environment = os.environ if environment is None else environment
    if settings.server == BUILT_IN:
        return await asyncio.to_thread(_built_in, flags, key, machine, environment)
    wanted = settings.server or PROGRAM
    program = await asyncio.to_thread(shutil.which, wanted, path=environment.get("PATH"))
    if program is not None:
        try:
            return await _program(program, flags, key, environment)
        except (TooOldError, OSError) as error:
            if settings.server is not None:
                raise EngineUnavailable(f"{program} cannot be used: {error}.", engine="llm") from error
            logger.warning("%s is passed over: %s", program, error)
    elif settings.server is not None:
        raise EngineUnavailable(
            f"SOTTOVOCE_LLM_SERVER={wanted} is no program that can be run here.", engine="llm"
        )
    return await asyncio.to_thread(_built_in, flags, key, machine, environment)


async def _program(program: str, flags: Flags, key: str, environment: Mapping[str, str]) -> Backend:
    own = {**_QUIET, **_bare(environment), KEY: key}
    usage = await _told(program, "--help", own)
    arguments, unknown = command_line(flags, usage)
    if flags.is_gpu_required and _DEVICES in usage and not _has_gpu(await _told(program, _DEVICES, own)):
        raise EngineUnavailable(f"{program} has no GPU to use; docs/models.md tells of builds.", engine="llm")
    if unknown:
        logger.warning("%s is old: it does without %s", program, ", ".join(unknown))
    launch = (sys.executable, "-P", "-m", "sottovoce.processes.launch")
    return Backend(PROGRAM, (*launch, program, *arguments), own)


async def _told(program: str, flag: str, environment: Mapping[str, str]) -> str:
    """What the program prints for `flag`. Raises `TooOldError` where it does not end, and OSError."""
    asking = await asyncio.create_subprocess_exec(
        program,
        flag,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
    )
    try:
        async with asyncio.timeout(USAGE_DEADLINE):
            told, _ = await asking.communicate()
    except TimeoutError:
        raise TooOldError(f"it did not answer to {flag}") from None
    finally:
        if asking.returncode is None:
            asking.kill()
            await asking.wait()
    return told.decode("utf-8", "replace")


def _has_gpu(devices: str) -> bool:
    """Of the list of devices that follows a headline: the processor itself is not listed."""
    _, _, listed = devices.partition("devices:")
    return any(":" in line for line in listed.splitlines())


def _built_in(flags: Flags, key: str, machine: Machine, environment: Mapping[str, str]) -> Backend:
    if importlib.util.find_spec("xllamacpp") is None:
        raise EngineUnavailable(
            f"There is no llama.cpp here, and no build of xllamacpp for this kind of machine; {_ELSEWHERE}.",
            engine="llm",
        )
    check_cpu(machine)
    own = {**_QUIET, **_bare(environment), KEY: key, FLAGS: ADAPTER.dump_json(flags).decode()}
    return Backend(BUILT_IN, (sys.executable, "-P", "-m", "sottovoce.services.llama.builtin"), own)


def check_cpu(machine: Machine) -> None:
    """Raises `EngineUnavailable` where the built-in llama.cpp would be killed at its first sum (SIGILL)."""
    if missing := machine.missing_llama_flags:
        raise EngineUnavailable(
            f"This processor lacks {', '.join(missing)}, which the built-in llama.cpp needs; {_ELSEWHERE}.",
            engine="llm",
        )


def _bare(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the settings of llama.cpp and Sottovoce: what runs here is what the flags say."""
    return {
        name: value for name, value in environment.items() if not name.startswith(("LLAMA_", "SOTTOVOCE_"))
    }
