"""`sottovoce serve`: the page, the API and the engines, until Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import webbrowser
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags, rooms
from sottovoce.cli.greeting import greet, has_display
from sottovoce.cli.leaving import end_by_force, leave, stop_signal
from sottovoce.cli.lines import Lines
from sottovoce.cli.logs import log_to_stderr

if TYPE_CHECKING:
    import socket
    from collections.abc import Coroutine

    from rich.console import Console

    from sottovoce.cli.hosting import Hosted
    from sottovoce.config import Settings
    from sottovoce.gateway.tls import ServerTls
    from sottovoce.livekit.server.managed import LiveKitPlan

EPILOG = (
    "Example: [bold]sottovoce serve --port 9000 --no-browser[/bold]. For your network: "
    "[bold]sottovoce serve --host 0.0.0.0 --tls[/bold]. Behind a proxy that speaks TLS: "
    "[bold]sottovoce serve --host 0.0.0.0 --behind-proxy[/bold]. Ctrl-C ends it."
)

STOP_DEADLINE = 9.0
"""Seconds from the asked stop to the forced one: conversations, requests and children included."""


def serve(
    host: flags.Host = None,
    port: flags.Port = None,
    profile: flags.Profile = None,
    home: flags.Home = None,
    has_no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open the page (SOTTOVOCE_OPEN_BROWSER=false).")
    ] = False,
    is_behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy", help="A proxy that speaks TLS stands in front (SOTTOVOCE_BEHIND_PROXY)."
        ),
    ] = False,
    has_tls: Annotated[
        bool, typer.Option("--tls", help="Speak TLS, by a certificate made on first use (SOTTOVOCE_TLS).")
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Speak TLS by this certificate, PEM (SOTTOVOCE_TLS_CERT).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM (SOTTOVOCE_TLS_KEY).")] = None,
    has_livekit: Annotated[
        bool,
        typer.Option(
            "--livekit", help="Run a LiveKit server and a worker for its rooms (SOTTOVOCE_LIVEKIT=managed)."
        ),
    ] = False,
    config: flags.ConfigFile = None,
) -> None:
    """Serve the page and the API; start the engines and keep them alive."""
    settings = flags.load_settings(
        config,
        host=host,
        port=port,
        profile=profile,
        home=home,
        open_browser=False if has_no_browser else None,
        behind_proxy=True if is_behind_proxy else None,
        tls=True if has_tls else None,
        tls_cert=tls_cert,
        tls_key=tls_key,
        livekit={"server": "managed"} if has_livekit else None,
    )
    _log(settings.log_level)
    prepared = _prepare(settings)
    _have_models(settings)
    asyncio.run(_serve(settings, *prepared))
    leave()


def _prepare(settings: Settings) -> tuple[socket.socket, str, ServerTls | None, LiveKitPlan | None]:
    """Everything that can be wrong at the start, before any process is. Raises `ConfigError`."""
    from sottovoce.errors import ConfigError
    from sottovoce.gateway.routes.page import check_page
    from sottovoce.gateway.server_key import load_or_create_key
    from sottovoce.gateway.tls import ServerTls
    from sottovoce.http.server import listen

    check_page()
    key = load_or_create_key(settings)
    tls = ServerTls(settings) if settings.has_tls else None
    sock = listen(settings.host, settings.port)
    try:
        return sock, key, tls, rooms.planned(settings)  # its ports have to differ from this one
    except ConfigError:
        sock.close()
        raise


def _have_models(settings: Settings) -> None:
    """Fetch what a profile promises that waits for it; say what is not there else. Raises `DownloadError`."""
    from rich.console import Console

    from sottovoce.cli.preferred import warn
    from sottovoce.cli.pull import pull_missing
    from sottovoce.config import ENGINE_KINDS
    from sottovoce.models.plan import FETCHING

    if settings.profile in FETCHING:
        pull_missing(Console(stderr=True), settings)
    warn(settings, *ENGINE_KINDS)


def _log(level: str) -> None:
    log_to_stderr(level)
    if level == "info":
        for told in ("sottovoce.services.keeper", "sottovoce.processes.keeping"):
            logging.getLogger(told).setLevel(logging.WARNING)  # `_show_progress` and `rooms.show` tell it


async def _serve(
    settings: Settings, sock: socket.socket, key: str, tls: ServerTls | None, plan: LiveKitPlan | None
) -> None:
    from rich.console import Console

    from sottovoce.cli.hosting import hosted

    console = Console(stderr=True)
    stop = stop_signal()
    console.print("Starting the engines and the page …")
    async with AsyncExitStack() as stack:
        server = await _unless(stop, stack.enter_async_context(hosted(settings, sock, key, tls, plan)))
        if server is None:
            return
        progress = asyncio.create_task(_show_progress(console, server))
        rooms_progress = asyncio.create_task(rooms.show(console, server.livekit))
        welcoming = asyncio.create_task(_welcome(console, settings, server, tls))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({welcoming, stopping, server.serving}, return_when=asyncio.FIRST_COMPLETED)
        if welcoming.done():
            welcoming.result()
            await asyncio.wait({stopping, server.serving}, return_when=asyncio.FIRST_COMPLETED)
        for task in (progress, rooms_progress, welcoming, stopping):
            task.cancel()
        asyncio.get_running_loop().call_later(STOP_DEADLINE, end_by_force)
        if stop.is_set():
            console.print("Stopping …")
    server.serving.result()


async def _unless(stop: asyncio.Event, starting: Coroutine[None, None, Hosted]) -> Hosted | None:
    """What `starting` gives; None if it was stopped meanwhile, and all that had begun is gone."""
    begun, stopping = asyncio.create_task(starting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({begun, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if begun.done():
            return begun.result()
        begun.cancel()
        await asyncio.wait({begun})
        return None
    finally:
        stopping.cancel()


async def _show_progress(console: Console, server: Hosted) -> None:
    """One line for every step of an engine, and one when somebody answers for every kind."""
    lines, was_ready = Lines(), False
    async for statuses in server.supervisor.changes():
        for line in lines.news({kind: server.supervisor.members(kind) for kind in statuses}):
            console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
        is_ready = all(status.state == "ready" for status in statuses.values())
        if is_ready and not was_ready:
            console.print("Ready: say something.")
        was_ready = is_ready


async def _welcome(console: Console, settings: Settings, server: Hosted, tls: ServerTls | None) -> None:
    """At once; under the profiles that promise real models, when those talk."""
    from sottovoce.models.plan import FETCHING

    if settings.profile in FETCHING:
        console.print("Loading the models …")
        await _until_settled(server)
    plan = None if server.livekit is None else server.livekit.plan
    greet(console, settings, server.server.url, server.supervisor.statuses(), tls, plan)
    if settings.open_browser and has_display():
        webbrowser.open(server.server.url)


async def _until_settled(server: Hosted) -> None:
    async for statuses in server.supervisor.changes():
        if all(status.is_settled for status in statuses.values()):
            return
