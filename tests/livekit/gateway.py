"""A gateway in front of a LiveKit server, as `serve --livekit` has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sottovoce.gateway.limits import GatewayLimits
from sottovoce.livekit.access import LiveKitAccess, LiveKitStatus
from tests.contract.gateway_server import BEARER, Gateway, running
from tests.livekit.participant import Participant, Reachable

PATH = "/api/connection-details"
LIMITS = GatewayLimits(wrong_key_hold=0, token_burst=5000)


@dataclass
class Managed:
    """A LiveKit server of this machine, in whatever state a test wants it to be."""

    server: Reachable
    server_url: str | None = None
    reason: str | None = None

    @property
    def access(self) -> LiveKitAccess:
        return LiveKitAccess(self.server.url, self.server.api_key, self.server.api_secret, self.server_url)

    def status(self) -> LiveKitStatus:
        return LiveKitStatus(self.reason is None, self.reason)


@dataclass
class Rooms:
    """The gateway, and the LiveKit server behind it as the gateway sees it."""

    gateway: Gateway
    livekit: Managed

    @property
    def url(self) -> str:
        return self.gateway.url.replace("http", "ws", 1)

    async def ask(self, body: Any = None, **options: Any) -> httpx.Response:
        """With the key, unless `headers` are given."""
        given = {"headers": BEARER, "json": {} if body is None else body, **options}
        return await self.gateway.client.post(PATH, **given)

    async def details(self, **asked: Any) -> dict[str, str]:
        reply = await self.ask(asked)
        assert reply.status_code == 201, reply.text
        details: dict[str, str] = reply.json()
        return details

    @asynccontextmanager
    async def present(self, **asked: Any) -> AsyncIterator[Participant]:
        """Somebody who asked for a token and joined with it, by the address that came along."""
        details = await self.details(**asked)
        participant = Participant(asked.get("participant_identity", ""))
        try:
            await participant.join(details["server_url"], details["participant_token"])
            yield participant
        finally:
            await participant.leave()


@asynccontextmanager
async def rooms(
    folder: Path, server: Reachable, limits: GatewayLimits = LIMITS, **settings: Any
) -> AsyncIterator[Rooms]:
    livekit = Managed(server)
    async with running(folder, limits, rooms=livekit, **settings) as gateway:
        yield Rooms(gateway, livekit)
