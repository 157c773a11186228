"""How llama.cpp is set up for conversation: one description for both ways to run it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sottovoce.config import LlmSettings
from sottovoce.models.machine import Machine

CONTEXT = 4096
"""Tokens of one conversation where nobody says how many: 0.6 GB of memory with four billion weights."""

BATCH = 128
"""Tokens of a prompt that are read in one go. Between two of them llama.cpp sees that a client has left, and
tells how far it is; with its own 2048 that takes up to a minute, and smaller ones cost speed."""

PING = 1
"""Seconds between signs of life while a prompt is read."""

REUSED = 32
"""The least tokens that are worth moving within the cache when something before them has gone."""

CACHE_SHARE = 16
"""Saved prompts of other conversations take one part in so many of the machine's memory."""
MIN_CACHE_MIB, MAX_CACHE_MIB = 128, 2048

SPARE_HTTP_THREADS = 6
"""Beside one for each reply: looks at health, and requests whose clients have just left."""

FOREIGN_ORIGIN = "http://localhost:9"
"""The one web page that may talk to llama.cpp does not exist; by default all may."""

FEW_CORES = 4


class TooOldError(Exception):
    """A `llama-server` lacks what no conversation can do without; the message names it."""


@dataclass(frozen=True, slots=True)
class Flags:
    """`context` is one conversation's, `gpu_layers` None lets llama.cpp use as many as fit."""

    model: Path
    context: int = CONTEXT
    parallel: int = 1
    threads: int = 1
    gpu_layers: int | None = None
    cache_mib: int = MIN_CACHE_MIB
    is_gpu_required: bool = False
    is_thinking: bool = False

    @property
    def whole_context(self) -> int:
        """llama.cpp splits its context over the replies that it makes at one time."""
        return self.context * self.parallel

    @property
    def http_threads(self) -> int:
        return self.parallel + SPARE_HTTP_THREADS


def make_flags(model: Path, settings: LlmSettings, machine: Machine) -> Flags:
    """What `settings` leave open is chosen to suit the machine."""
    cache_mib = machine.memory_bytes // CACHE_SHARE >> 20
    return Flags(
        model=model,
        context=settings.context or CONTEXT,
        parallel=settings.parallel or (1 if machine.cores < FEW_CORES else 2),
        threads=settings.threads or max(1, machine.cores - 1),
        gpu_layers=0 if settings.provider == "cpu" else settings.gpu_layers,
        cache_mib=min(max(cache_mib, MIN_CACHE_MIB), MAX_CACHE_MIB),
        is_gpu_required=settings.provider == "cuda",
        is_thinking=settings.thinking,
    )


def command_line(flags: Flags, usage: str) -> tuple[list[str], list[str]]:
    """Arguments for a `llama-server` whose `--help` says `usage`, and the settings that it does not know.

    Raises `TooOldError`. The key travels in the environment: everybody can read a command line.
    """
    known = set(usage.replace(",", " ").split())
    arguments: list[str] = []
    for name, value in _essential(flags):
        if name not in known:
            raise TooOldError(f"it knows no {name}")
        arguments += [name, *value]
    unknown: list[str] = []
    for names, value in _further(flags):
        if found := [name for name in names if name in known]:
            arguments += [found[0], *value]
        else:
            unknown.append(names[0])
    if "1: error" in usage:  # in older versions 1 is debug, which tells what people say
        arguments += ["--verbosity", "1"]
    return arguments, unknown


def _essential(flags: Flags) -> Iterator[tuple[str, list[str]]]:
    yield "--model", [str(flags.model)]
    yield "--host", ["127.0.0.1"]
    yield "--port", ["0"]
    yield "--ctx-size", [str(flags.whole_context)]
    yield "--parallel", [str(flags.parallel)]
    yield "--threads", [str(flags.threads)]
    yield "--threads-batch", [str(flags.threads)]
    yield "--batch-size", [str(BATCH)]
    yield "--ubatch-size", [str(BATCH)]
    yield "--threads-http", [str(flags.http_threads)]
    yield "--metrics", []
    yield "--jinja", []


def _further(flags: Flags) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """With the names that they have had."""
    yield ("--props",), []
    yield ("--no-slots",), []
    yield ("--no-ui", "--no-webui"), []
    yield ("--cors-origins",), [FOREIGN_ORIGIN]
    yield ("--sse-ping-interval",), [str(PING)]
    yield ("--no-kv-unified",), []
    yield ("--cache-ram",), [str(flags.cache_mib)]
    yield ("--cache-reuse",), [str(REUSED)]
    yield ("--no-context-shift",), []
    yield ("--no-prefill-assistant",), []
    yield ("--offline",), []
    if not flags.is_thinking:  # ends the thoughts of those whose template has no switch for them
        yield ("--reasoning-budget",), ["0"]
    if flags.gpu_layers is not None:
        yield ("--n-gpu-layers", "--gpu-layers"), [str(flags.gpu_layers)]
