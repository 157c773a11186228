"""Asking a service how it is."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import httpx
from pydantic import BaseModel, ValidationError

from sottovoce.config import EngineEndpoint

PROBE_DEADLINE = 1.5
"""Seconds for an answer: a service answers in a millisecond, but its machine may be busy with speech."""

EXTERNAL_DEADLINE = 4.0
"""Seconds for an engine elsewhere, a network away."""

Readiness: TypeAlias = Literal["loading", "warming", "ready", "failed"]


class ProbeFailure(Exception):  # noqa: N818  named for the situation
    """The service gave no answer, or one that says it cannot go on; the message says which."""


class HealthReply(BaseModel):
    """The body of `/livez` and `/readyz`; `busy` are the requests and streams that are open."""

    status: Readiness | Literal["alive"]
    reason: str | None = None
    busy: int = 0


class Probe(Protocol):
    """A view of one life of a service."""

    async def check(self) -> HealthReply:
        """Whether it is ready. Raises `ProbeFailure` if it shows no sign of life."""

    async def aclose(self) -> None: ...


class ServiceProbe:
    """Asks `/livez`, which has to answer, then `/readyz`."""

    def __init__(self, endpoint: EngineEndpoint) -> None:
        root = endpoint.url.removesuffix("/v1")
        self._client = httpx.AsyncClient(base_url=root, timeout=PROBE_DEADLINE, trust_env=False)

    async def check(self) -> HealthReply:
        live = await self._get("/livez")
        if live.status != "alive":
            raise ProbeFailure(live.reason or "it says that it cannot go on")
        return await self._get("/readyz")

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _get(self, path: str) -> HealthReply:
        reply = await _ask(self._client, path)
        try:
            return HealthReply.model_validate_json(reply.content)
        except ValidationError as error:
            raise ProbeFailure(f"{path} answered {reply.status_code} with nonsense") from error


class ExternalProbe:
    """Asks an engine of others for its models: cheap everywhere, and it shows whether the key is good."""

    def __init__(self, endpoint: EngineEndpoint) -> None:
        self._client = httpx.AsyncClient(
            base_url=endpoint.url,
            headers=endpoint.headers,
            timeout=EXTERNAL_DEADLINE,
        )

    async def check(self) -> HealthReply:
        """Any answer but a refusal or a server error will do: some servers have no list of models."""
        status = (await _ask(self._client, "/models")).status_code
        if status in (401, 403):
            return HealthReply(status="failed", reason=f"it refused the API key ({status})")
        if status >= 500:
            return HealthReply(status="failed", reason=f"it answered {status}")
        return HealthReply(status="ready")

    async def aclose(self) -> None:
        await self._client.aclose()


async def _ask(client: httpx.AsyncClient, path: str) -> httpx.Response:
    try:
        return await client.get(path)
    except httpx.TimeoutException as error:
        raise ProbeFailure("it did not answer in time") from error
    except httpx.HTTPError as error:
        raise ProbeFailure(f"it cannot be reached ({type(error).__name__})") from error
