"""The probes against the health routes they ask, over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sottovoce.config import EngineEndpoint
from sottovoce.http.server import listen, serve
from sottovoce.services import probe
from sottovoce.services.health import Health
from sottovoce.services.probe import ExternalProbe, HealthReply, ProbeFailure, ServiceProbe


class Service:
    """A service whose health and whose answer to `/v1/models` the test sets."""

    def __init__(self, sock: socket.socket) -> None:
        self.fault: str | None = None
        self.health = Health(fault=lambda: self.fault)
        self.models_status = 200
        self.seen_keys: list[str | None] = []
        self.endpoint = EngineEndpoint("tts", f"http://127.0.0.1:{sock.getsockname()[1]}/v1", "the-key", "m")
        self.app = Starlette(routes=[*self.health.routes(), Route("/v1/models", self.models)])

    async def models(self, request: Request) -> JSONResponse:
        self.seen_keys.append(request.headers.get("authorization"))
        return JSONResponse({}, status_code=self.models_status)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    sock, stop = listen("127.0.0.1", 0), asyncio.Event()
    made = Service(sock)

    async def until() -> None:
        await stop.wait()

    serving = asyncio.create_task(serve(made.app, sock, until=until))
    yield made
    stop.set()
    await serving


@pytest.fixture
async def own(service: Service) -> AsyncIterator[ServiceProbe]:
    made = ServiceProbe(service.endpoint)
    yield made
    await made.aclose()


@pytest.fixture
async def external(service: Service) -> AsyncIterator[ExternalProbe]:
    made = ExternalProbe(service.endpoint)
    yield made
    await made.aclose()


async def test_a_service_loads_is_ready_and_fails(service: Service, own: ServiceProbe) -> None:
    assert await own.check() == HealthReply(status="loading")
    service.health.ready()
    assert await own.check() == HealthReply(status="ready")
    service.health.failed("no model")
    assert await own.check() == HealthReply(status="failed", reason="no model")


async def test_a_fault_that_only_a_new_process_cures_is_no_sign_of_life(
    service: Service, own: ServiceProbe
) -> None:
    service.health.ready()
    service.fault = "no sound within 5 s"
    with pytest.raises(ProbeFailure, match="no sound within 5 s"):
        await own.check()


async def test_nobody_there(unused_endpoint: EngineEndpoint) -> None:
    own = ServiceProbe(unused_endpoint)
    with pytest.raises(ProbeFailure, match="cannot be reached"):
        await own.check()
    await own.aclose()


async def test_a_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROBE_DEADLINE", 0.05)
    with listen("127.0.0.1", 0) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        own = ServiceProbe(EngineEndpoint("tts", url, "k", "m"))
        with pytest.raises(ProbeFailure, match="did not answer in time"):
            await own.check()
        await own.aclose()


@pytest.fixture
def unused_endpoint() -> EngineEndpoint:
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
    return EngineEndpoint("tts", f"http://127.0.0.1:{port}/v1", "k", "m")


@pytest.mark.parametrize("status", [200, 404, 405])
async def test_an_engine_of_others_that_answers_is_ready(
    service: Service, external: ExternalProbe, status: int
) -> None:
    service.models_status = status
    assert await external.check() == HealthReply(status="ready")
    assert service.seen_keys == ["Bearer the-key"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "it refused the API key (401)"), (403, "it refused the API key (403)"), (500, "it answered 500")],
)
async def test_an_engine_of_others_that_refuses_has_failed(
    service: Service, external: ExternalProbe, status: int, reason: str
) -> None:
    service.models_status = status
    assert await external.check() == HealthReply(status="failed", reason=reason)
