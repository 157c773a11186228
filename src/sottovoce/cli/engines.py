"""One engine for one command: that of a running server, that of a URL, or a child started for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ssl import SSLContext

import httpx
from pydantic import BaseModel, ValidationError

from sottovoce.cli.lines import described
from sottovoce.cli.preferred import preferred
from sottovoce.cli.running import find_server
from sottovoce.config import EngineEndpoint, EngineKind, Settings
from sottovoce.errors import EngineTimeout, EngineUnavailable, InvalidRequestError
from sottovoce.models.installed import InstalledModel
from sottovoce.services.external import external_endpoint
from sottovoce.services.loading import WARM_DEADLINE, load_deadline, weigh
from sottovoce.services.status import EngineStatus
from sottovoce.services.supervisor import Supervisor

ANNOUNCED_AFTER = 1.0
"""Seconds after which whoever waits for an engine is told what for."""

SHOWN_EVERY = 0.25

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 600.0
"""Seconds between two chunks of an answer; an hour of speech takes its time to be recognised."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`client` carries the key and takes paths below `/v1/`; `model` is what to ask for."""

    client: httpx.AsyncClient
    model: str


@asynccontextmanager
async def reach(settings: Settings, kind: EngineKind) -> AsyncIterator[Engine]:
    """The engine `kind`, ready. Raises `EngineError` where it does not come up."""
    async with _endpoint(settings, kind) as (endpoint, tls), _client(endpoint, tls) as client:
        yield Engine(client, endpoint.model)


@asynccontextmanager
async def started(settings: Settings, model: InstalledModel) -> AsyncIterator[tuple[Engine, EngineStatus]]:
    """The engine of one model, run for this alone, ready; and how its start went.

    Raises `EngineError` where it does not come up.
    """
    async with _supervised(settings, model) as supervisor:
        endpoint = supervisor.endpoint(model.entry.kind)
        async with _client(endpoint, None) as client:
            yield Engine(client, endpoint.model), supervisor.status(model.entry.kind)


def _client(endpoint: EngineEndpoint, tls: SSLContext | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=endpoint.url.rstrip("/") + "/",
        headers=endpoint.headers,
        timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
        trust_env=False,
        verify=tls or True,
    )


@asynccontextmanager
async def _endpoint(
    settings: Settings, kind: EngineKind
) -> AsyncIterator[tuple[EngineEndpoint, SSLContext | None]]:
    """Where it answers, and with what to connect if that is our own server over TLS."""
    server = await asyncio.to_thread(find_server, settings)
    if server is not None:
        yield EngineEndpoint(kind, f"{server.url}/v1", server.key, server.models[kind]), server.tls
    elif settings.engine(kind).is_external:
        yield external_endpoint(kind, settings.engine(kind)), None
    else:
        model = await asyncio.to_thread(preferred, settings, kind)
        async with _supervised(settings, model) as supervisor:
            yield supervisor.endpoint(kind), None


@asynccontextmanager
async def _supervised(settings: Settings, model: InstalledModel) -> AsyncIterator[Supervisor]:
    """A supervisor of that model alone, which is ready."""
    kind = model.entry.kind
    deadline = load_deadline((await weigh(model)).size_bytes) + WARM_DEADLINE
    async with Supervisor(settings, kinds=(kind,), planned=lambda chosen: {kind: (model,)}) as supervisor:
        with waiting_told(lambda: described(supervisor.status(kind))):
            await _until_ready(supervisor, kind, deadline)
        yield supervisor


async def _until_ready(supervisor: Supervisor, kind: EngineKind, deadline: float) -> None:
    try:
        async with asyncio.timeout(deadline):
            async for statuses in supervisor.changes():
                if statuses[kind].state == "ready":
                    return
                if statuses[kind].state == "failed":
                    raise EngineUnavailable(f"The {kind} engine failed: {statuses[kind].reason}", engine=kind)
    except TimeoutError:
        message = f"The {kind} engine was not ready within {deadline:.0f} s. Cure: sottovoce doctor"
        raise EngineTimeout(message, engine=kind) from None


@contextmanager
def waiting_told(text: Callable[[], str]) -> Iterator[None]:
    """Show `text` in the terminal, always current, while something is waited for that takes its time."""
    telling = asyncio.create_task(_tell(text))
    try:
        yield
    finally:
        telling.cancel()


async def _tell(text: Callable[[], str]) -> None:
    await asyncio.sleep(ANNOUNCED_AFTER)
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(text(), highlight=False, markup=False)
        return
    with console.status(escape(text())) as shown:
        while True:
            await asyncio.sleep(SHOWN_EVERY)
            shown.update(escape(text()))


async def check(reply: httpx.Response, kind: EngineKind) -> None:
    """Raises `InvalidRequestError` or `EngineError` with the message of an answer that is an error."""
    if reply.is_success:
        return
    message = _message(await reply.aread()) or f"HTTP {reply.status_code}"
    if reply.is_client_error:
        raise InvalidRequestError(message)
    raise EngineUnavailable(f"The {kind} engine answers: {message}", engine=kind)


class Fault(BaseModel):
    """The inside of OpenAI's error object, as far as people read it."""

    message: str


class _ErrorReply(BaseModel):
    error: Fault


def _message(body: bytes) -> str:
    """The message of an answer in OpenAI's error form, else empty."""
    try:
        return _ErrorReply.model_validate_json(body).error.message
    except ValidationError:
        return ""
