"""`sottovoce worker`: conversations in LiveKit's rooms, on as many machines as are started."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import platform
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags
from sottovoce.cli.leaving import end_by_force, leave
from sottovoce.cli.logs import LOG_FORMAT, log_to_stderr

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Sequence

    from sottovoce.config import EngineEndpoint, EngineKind, Settings
    from sottovoce.livekit.access import LiveKitAccess
    from sottovoce.livekit.worker.fed_engines import FedEngines
    from sottovoce.livekit.worker.running import Stop, Worker

EPILOG = (
    "It needs a LiveKit server ([bold]LIVEKIT_URL[/bold], [bold]LIVEKIT_API_KEY[/bold], "
    "[bold]LIVEKIT_API_SECRET[/bold]) and the three engines by URL ([bold]SOTTOVOCE_STT_URL[/bold], "
    "[bold]_LLM_URL[/bold], [bold]_TTS_URL[/bold], each with [bold]_API_KEY[/bold] and [bold]_MODEL[/bold]). "
    "Workers with the same LiveKit server share its rooms. Example of two machines: on 10.0.0.2 "
    "[bold]sottovoce stt --host 10.0.0.2 --port 9001[/bold], [bold]llm[/bold] and [bold]tts[/bold] likewise; "
    "on both [bold]LIVEKIT_URL=ws://10.0.0.1:7880 SOTTOVOCE_STT_URL=http://10.0.0.2:9001/v1 "
    "SOTTOVOCE_STT_API_KEY=… sottovoce worker[/bold], with the key that it printed. Ctrl-C lets "
    "the calls end and takes no more; a second one ends them."
)

STOP_DEADLINE = 30.0
"""Seconds from the end of the calls to the forced end of the process."""

logger = logging.getLogger(__name__)


def worker(
    host: Annotated[
        str | None,
        typer.Option(
            help="Address of /livez, /readyz and /metrics, which take no key and show counts alone; another "
            "one than loopback is for containers (SOTTOVOCE_LIVEKIT_WORKER_HOST).",
            rich_help_panel=flags.SETTINGS_PANEL,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Its port; 0 takes a free one (SOTTOVOCE_LIVEKIT_WORKER_PORT).",
            rich_help_panel=flags.SETTINGS_PANEL,
        ),
    ] = None,
    is_fed: Annotated[
        bool, typer.Option("--fed", hidden=True, help="Engines come by standard input, of `serve`.")
    ] = False,
    config: flags.ConfigFile = None,
) -> None:
    """Hold conversations in the rooms of a LiveKit server."""
    settings = _handed_down() if is_fed else flags.load_settings(config)
    livekit = settings.livekit.model_copy(
        update={
            name: given for name, given in (("worker_host", host), ("worker_port", port)) if given is not None
        }
    )
    settings = settings.model_copy(update={"livekit": livekit})
    run_worker(settings, is_fed=is_fed)


def run_worker(settings: Settings, *, is_fed: bool) -> None:
    """Raises `ConfigError`. What livekit's libraries would read of the environment is taken away first."""
    from sottovoce.http.server import listen
    from sottovoce.lifeline import die_with_parent
    from sottovoce.livekit.access import LiveKitAccess
    from sottovoce.livekit.worker.environment import isolate
    from sottovoce.livekit.worker.logs import heed
    from sottovoce.services.child import LOG_FORMAT as CHILD_FORMAT

    log_to_stderr(settings.log_level, CHILD_FORMAT if is_fed else LOG_FORMAT)  # a parent reads the level
    access = LiveKitAccess.remote(settings.livekit)
    chains = None if is_fed else engine_chains(settings)
    sock = listen(settings.livekit.worker_host, settings.livekit.worker_port)
    isolate(os.environ)
    heed()
    if is_fed:
        die_with_parent()
    _load_libraries()
    asyncio.run(_work(settings, access, sock, chains))
    leave()


def engine_chains(settings: Settings) -> dict[EngineKind, Sequence[EngineEndpoint]]:
    """The engines of the settings' URLs. Raises `ConfigError` naming those that are missing."""
    from dataclasses import replace

    from sottovoce.config import ENGINE_KINDS
    from sottovoce.errors import ConfigError
    from sottovoce.services.external import external_endpoint

    missing = [
        f"SOTTOVOCE_{kind.upper()}_URL" for kind in ENGINE_KINDS if not settings.engine(kind).is_external
    ]
    if missing:
        raise ConfigError(
            f"A worker starts no engines and takes them by URL. Not set: {', '.join(missing)}. "
            "Start them with `sottovoce stt`, `llm` and `tts`, or name any server that speaks OpenAI's API, "
            "as http://127.0.0.1:9001/v1.",
            param=missing[0].removeprefix("SOTTOVOCE_").lower(),
        )
    for kind in ENGINE_KINDS:
        if settings.engine(kind).fallbacks:
            logger.warning(
                "SOTTOVOCE_%s_FALLBACKS is for `sottovoce serve`: a worker starts none", kind.upper()
            )
    return {
        kind: (
            replace(external_endpoint(kind, settings.engine(kind)), deadline=settings.engine(kind).deadline),
        )
        for kind in ENGINE_KINDS
    }


def _handed_down() -> Settings:
    """What the parent passed by the environment; files are its own to read."""
    from sottovoce.config import load_handed_down

    return load_handed_down()


def _load_libraries() -> None:
    """What the first job would wait for otherwise."""
    import livekit.agents.ipc._preload  # noqa: F401

    from sottovoce.conversation.tools import warm_up

    warm_up()


async def _work(
    settings: Settings,
    access: LiveKitAccess,
    sock: socket.socket,
    chains: dict[EngineKind, Sequence[EngineEndpoint]] | None,
) -> None:
    from sottovoce.cli.running import url_of
    from sottovoce.livekit.worker.fed_engines import FedEngines, FixedEngines
    from sottovoce.livekit.worker.running import Stop, Worker

    stop = _stop_signals(Stop())
    address = url_of(*sock.getsockname()[:2])
    fed = FedEngines() if chains is None else None
    tell = _tell_parent(address) if fed else _tell_people(access.url, address)
    mark = _mark(access.api_key if fed else f"{platform.node()} {address}")
    worker = Worker(access, settings, fed or FixedEngines(chains or {}), mark=mark, on_registration=tell)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_face(worker, sock, settings.livekit.worker_host))
        if fed is not None:
            fed.on_change = worker.engines.look_soon
            feeding = asyncio.create_task(_feed(fed, stop), name="read the engines")
            stack.callback(feeding.cancel)
        tell(False, "")
        await worker.run(stop)
    logger.info("stopped")


def _mark(place: str) -> str:
    """Of the one worker that there can be at `place`: a port of a machine, or beside a managed server."""
    return hashlib.sha256(place.encode()).hexdigest()[:16]


async def _feed(engines: FedEngines, stop: Stop) -> None:
    """The end of the pipe is the parent's end."""
    from sottovoce.livekit.engine_lines import MAX_LINE_BYTES

    lines = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    reading = asyncio.StreamReaderProtocol(lines)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: reading, sys.stdin)
    try:
        await engines.read(lines)
    finally:
        transport.close()
        stop.now()


def _tell_parent(address: str) -> Callable[[bool, str], None]:
    def tell(is_registered: bool, worker_id: str) -> None:
        line = {"registered": is_registered, "worker_id": worker_id if is_registered else None}
        print(json.dumps({**line, "http": address}), flush=True)  # noqa: T201  the parent reads it

    return tell


def _tell_people(url: str, address: str) -> Callable[[bool, str], None]:
    typer.echo(f"Connecting to {url} … counts and health: {address}/metrics, {address}/readyz", err=True)
    was_registered = False

    def tell(is_registered: bool, worker_id: str) -> None:
        nonlocal was_registered
        if is_registered:
            typer.echo(f"Registered as {worker_id}: waiting for rooms.", err=True)
        elif was_registered:
            typer.echo("The LiveKit server is gone; waiting for it to come back.", err=True)
        was_registered = is_registered

    return tell


@asynccontextmanager
async def _face(worker: Worker, sock: socket.socket, host: str) -> AsyncIterator[None]:
    """Answers until the worker is gone."""
    from sottovoce.http.server import serve
    from sottovoce.livekit.worker.http import face

    over = asyncio.Event()

    async def until() -> None:
        await over.wait()

    app = face(host, lambda: worker.reasons, worker.metrics.text)
    serving = asyncio.create_task(serve(app, sock, until=until), name="health and metrics")
    try:
        yield
    finally:
        over.set()
        await serving


def _stop_signals(stop: Stop) -> Stop:
    """The first lets the calls end by themselves, the second ends them, the third ends the process."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_urgent.is_set():
            end_by_force()
        if stop.is_asked.is_set():
            stop.now()
            loop.call_later(STOP_DEADLINE, end_by_force)
        stop.is_asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return stop
