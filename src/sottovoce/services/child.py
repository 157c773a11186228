"""What an engine service needs to be a good child: a socket, a key, and to end when it should.

A service runs in one of two ways. Alone it listens where it is told and answers to a key from the
environment, or to one made at the start and printed once. As a child it takes over a listening socket of its
parent, so that its address outlives it, and goes when the parent goes: `PR_SET_PDEATHSIG` on Linux, and
everywhere the end of standard input, whose other end only the parent holds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import stat
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError
from starlette.types import ASGIApp

from sottovoce.config import is_from_an_example
from sottovoce.errors import ConfigError
from sottovoce.http.request_id import RequestId, RequestIdFormatter
from sottovoce.http.server import ServerLimits, listen, serve
from sottovoce.lifeline import die_with_parent
from sottovoce.models.installed import InstalledModel
from sottovoce.services.busy import Busy

logger = logging.getLogger(__name__)

SERVICE_KEY = "SOTTOVOCE_SERVICE_KEY"
"""The environment variable with the service's key: a command line can be read by every user."""

SERVICE_MODEL = "SOTTOVOCE_SERVICE_MODEL"
"""The environment variable with the `InstalledModel` to serve, as JSON; without it the embedded one."""

MIN_SERVICE_KEY_CHARACTERS = 16
"""Keeps a key that could be guessed from guarding a service."""

STOP_GRACE = 2.0
"""Seconds that open requests get to end after a stop was asked for."""

STOP_DEADLINE = 4.0
"""Seconds from the asked stop to the forced one."""

LEAVE_DEADLINE = 4.5
"""Seconds from the asked stop to the end of the process: a closing loop waits for its threads, and one that
loads a model, or is wedged in native code, must not hold it."""

LOG_FORMAT = "%(levelname)s %(name)s: %(message)s"
"""The parent reads the level back from the first word (`processes.logs`)."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How one service listens. `fd` is an inherited listening socket and wins over `host` and `port`."""

    host: str = "127.0.0.1"
    port: int = 0
    fd: int | None = None
    key: str = field(default="", repr=False)
    is_key_generated: bool = False
    model: InstalledModel | None = None
    """What to serve; None for the embedded model of its kind."""

    @classmethod
    def from_environment(
        cls,
        host: str = "127.0.0.1",
        port: int = 0,
        fd: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ServiceOptions:
        """Take the key from `SOTTOVOCE_SERVICE_KEY`, or make one. Raises `ConfigError` for a short one."""
        environment = os.environ if environment is None else environment
        given, model = environment.get(SERVICE_KEY), _model(environment.get(SERVICE_MODEL))
        if given is None:
            return cls(host, port, fd, secrets.token_urlsafe(32), is_key_generated=True, model=model)
        if len(given) < MIN_SERVICE_KEY_CHARACTERS:
            raise ConfigError(
                f"{SERVICE_KEY} is shorter than {MIN_SERVICE_KEY_CHARACTERS} characters; "
                "unset it to have one made.",
                param=SERVICE_KEY,
            )
        if is_from_an_example(given):
            raise ConfigError(
                f"{SERVICE_KEY} is still the example's; make one: openssl rand -hex 32", param=SERVICE_KEY
            )
        return cls(host, port, fd, given, model=model)

    @property
    def is_child(self) -> bool:
        return self.fd is not None


def _model(given: str | None) -> InstalledModel | None:
    try:
        return None if given is None else InstalledModel.model_validate_json(given)
    except ValidationError as error:
        raise ConfigError(f"{SERVICE_MODEL} is no model: {error}", param=SERVICE_MODEL) from error


def run_service(app: ASGIApp, options: ServiceOptions) -> None:
    """Serve `app` until SIGTERM, SIGINT or, as a child, the parent's end. Raises `ConfigError`."""
    sock = _socket(options)
    if options.is_child:
        _log_plainly()
        die_with_parent()
    asyncio.run(_serve(Busy(RequestId(app)), sock, options))
    _leave_busy_threads()


async def _serve(app: ASGIApp, sock: socket.socket, options: ServiceOptions) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.is_child:
        _watch_parent(loop, stop)
    else:
        _announce(sock, options)

    async def until() -> None:
        await stop.wait()

    limits = ServerLimits(graceful_timeout=STOP_GRACE)
    serving = asyncio.create_task(serve(app, sock, until=until, limits=limits))
    stopping = asyncio.create_task(_force(stop, serving))
    try:
        await serving
    except asyncio.CancelledError:
        logger.warning("stopped with requests still open")
    finally:
        stopping.cancel()


async def _force(stop: asyncio.Event, serving: asyncio.Task[None]) -> None:
    await stop.wait()
    leaving = threading.Timer(LEAVE_DEADLINE, _leave)
    leaving.daemon = True
    leaving.start()
    await asyncio.sleep(STOP_DEADLINE)
    serving.cancel()


def _leave_busy_threads() -> None:
    """The interpreter joins threads when it ends; one stuck in native code would keep the process alive."""
    if [thread for thread in threading.enumerate() if not thread.daemon] != [threading.main_thread()]:
        _leave()


def _leave() -> None:
    busy = [thread.name for thread in threading.enumerate() if not thread.daemon]
    logger.warning("leaving although threads are busy: %s", ", ".join(busy))
    logging.shutdown()
    os._exit(0)


def _socket(options: ServiceOptions) -> socket.socket:
    if options.fd is None:
        return listen(options.host, options.port)
    try:
        sock = socket.socket(fileno=options.fd)
        is_listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ConfigError(
            f"--fd {options.fd} is no socket ({error.strerror}); it is meant for `sottovoce serve`. "
            "Use --port to run the service alone.",
            param="fd",
        ) from error
    if not is_listening:
        sock.close()
        raise ConfigError(f"--fd {options.fd} is a socket that does not listen.", param="fd")
    return sock


def _announce(sock: socket.socket, options: ServiceOptions) -> None:
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"Listening on http://{shown}:{port}/v1", file=sys.stderr)  # noqa: T201  said once to the user
    if options.is_key_generated:
        print(f"API key: {options.key}", file=sys.stderr)  # noqa: T201


def _log_plainly() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RequestIdFormatter(LOG_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """End at the end of standard input; a parent that died before the watch began is seen as well."""
    lifeline = sys.stdin.fileno()
    if not stat.S_ISFIFO(os.fstat(lifeline).st_mode):
        return  # an init system's socket: no parent holds the other end

    def read() -> None:
        if not os.read(lifeline, 1024):
            loop.remove_reader(lifeline)
            stop.set()

    loop.add_reader(lifeline, read)
