"""What the gateway tells of its rooms, to whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from sottovoce.livekit.access import LiveKitAccess, LiveKitStatus
from tests.contract.gateway_server import BEARER, Gateway, running

NOT_REGISTERED = LiveKitStatus(False, "the worker has not registered yet", missing="worker")
READY = LiveKitStatus(is_ready=True)
ACCESS = LiveKitAccess("ws://127.0.0.1:9", "APIx", "s" * 43)


@dataclass
class Rooms:
    now: LiveKitStatus = NOT_REGISTERED
    access: LiveKitAccess = ACCESS

    def status(self) -> LiveKitStatus:
        return self.now


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


@pytest.fixture
async def gateway(tmp_path: Path, rooms: Rooms) -> AsyncIterator[Gateway]:
    async with running(tmp_path, rooms=rooms) as served:
        yield served


async def asked(gateway: Gateway, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as client:
        return await client.get(path, headers=headers)


async def test_readiness_waits_for_the_worker(gateway: Gateway, rooms: Rooms) -> None:
    reply = await asked(gateway, "/readyz", BEARER)
    assert reply.status_code == 503
    assert reply.json()["status"] == "loading"
    assert reply.json()["livekit"] == {
        "is_ready": False,
        "missing": "worker",
        "reason": NOT_REGISTERED.reason,
    }
    rooms.now = READY
    reply = await asked(gateway, "/readyz", BEARER)
    assert reply.status_code == 200
    assert reply.json()["livekit"] == {"is_ready": True, "missing": None, "reason": None}


async def test_strangers_learn_what_is_missing_and_not_why(tmp_path: Path, rooms: Rooms) -> None:
    """Behind a proxy on this very machine everybody without a key is one."""
    async with running(tmp_path, rooms=rooms, behind_proxy=True) as gateway:
        reply = await asked(gateway, "/readyz")
        assert reply.json()["livekit"] == {"is_ready": False, "missing": "worker"}


async def test_the_status_says_whether_rooms_are_on(gateway: Gateway, rooms: Rooms) -> None:
    told = (await asked(gateway, "/api/status", BEARER)).json()["livekit"]
    assert told == {"is_on": True, "is_ready": False, "reason": NOT_REGISTERED.reason}
    rooms.now = READY
    told = (await asked(gateway, "/api/status", BEARER)).json()["livekit"]
    assert told == {"is_on": True, "is_ready": True, "reason": None}


async def test_without_rooms_nothing_waits_for_them(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        reply = await asked(gateway, "/readyz", BEARER)
        assert reply.status_code == 200
        assert "livekit" not in reply.json()
        told = (await asked(gateway, "/api/status", BEARER)).json()["livekit"]
        assert told == {"is_on": False, "is_ready": False, "reason": None}
