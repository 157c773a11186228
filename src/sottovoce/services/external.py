"""The watcher of one engine of others, taken by URL: it is looked at, never started."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from sottovoce.config import EngineEndpoint, EngineKind, EngineSettings
from sottovoce.processes.clock import Clock
from sottovoce.services.probe import HealthReply, Probe, ProbeFailure
from sottovoce.services.status import EngineState, EngineStatus

logger = logging.getLogger(__name__)

WATCH_INTERVAL = 5.0
"""Seconds between two looks; a turn that fails meets the trouble by itself."""

DEFAULT_MODELS: Mapping[EngineKind, str] = {"stt": "whisper-1", "llm": "default", "tts": "tts-1"}
"""What an engine of others is asked for when no model is set: the names most servers know."""


@dataclass(slots=True)
class Watcher:
    """Keeps `status` current for as long as `run` runs."""

    endpoint: EngineEndpoint
    probe: Callable[[EngineEndpoint], Probe]
    clock: Clock
    on_change: Callable[[], None]
    status: EngineStatus = field(init=False)

    def __post_init__(self) -> None:
        at = self.endpoint
        self.status = EngineStatus(
            at.kind, at.model, "loading", at.is_local, is_external=True, since=self.clock.wall()
        )

    async def run(self) -> None:
        """Until cancelled."""
        probe = self.probe(self.endpoint)
        try:
            while True:
                self._set(await _look(probe))
                await self.clock.sleep(WATCH_INTERVAL)
        finally:
            await probe.aclose()

    def _set(self, health: HealthReply) -> None:
        state: EngineState = "ready" if health.status == "ready" else "failed"
        if (state, health.reason) == (self.status.state, self.status.reason):
            return
        since = self.status.since if state == self.status.state else self.clock.wall()
        self.status = replace(self.status, state=state, reason=health.reason, since=since)
        logger.info("%s at %s is %s", self.endpoint.kind, self.endpoint.url, state)
        self.on_change()


async def _look(probe: Probe) -> HealthReply:
    try:
        return await probe.check()
    except ProbeFailure as failure:
        return HealthReply(status="failed", reason=str(failure))


def external_endpoint(kind: EngineKind, settings: EngineSettings) -> EngineEndpoint:
    """The endpoint of an engine given by URL."""
    url = str(settings.url).rstrip("/")
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    model = settings.model or DEFAULT_MODELS[kind]
    return EngineEndpoint(kind, url, key, model, is_local=_is_this_machine(urlsplit(url).hostname or ""))


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
