"""The managed LiveKit server: a real one, as `serve` runs it, without the rest."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from livekit import api, rtc
from livekit.protocol.rtc import JoinResponse, SignalResponse
from websockets.asyncio.client import connect

from sottovoce.config import Settings
from sottovoce.livekit.server.config import NO_STUN, server_config
from sottovoce.livekit.server.livekit_server import STOP_DEADLINE, LiveKitServer
from sottovoce.livekit.server.managed import LiveKitPlan
from sottovoce.machine_names import network_addresses
from tests.livekit_server import livekit_program

FREE = {"port": 0, "tcp_port": 0, "udp_port": 0}
PROTOCOL = 15
"""Of livekit's signalling; servers answer to older ones too."""

PARENT = """
import asyncio, json, sys
from sottovoce.livekit.server.livekit_server import LiveKitServer

async def main():
    program, config = sys.argv[1], json.loads(sys.stdin.readline())
    ready = asyncio.Event()
    server = LiveKitServer(program, config, ready.set)
    running = asyncio.create_task(server.run())
    while server.keeping.status.state != "ready":
        ready.clear()
        await ready.wait()
    print(server.keeping.status.pid, flush=True)
    await running

asyncio.run(main())
"""


class Kept:
    """A kept server; `until` waits for what its status says."""

    def __init__(self, home: Path, **settings: Any) -> None:
        livekit = {**FREE, "program": livekit_program(), **settings.pop("livekit", {})}
        self.plan = LiveKitPlan.of(Settings(home=home, livekit=livekit, **settings))
        self.config = server_config(self.plan.settings, self.plan.reach, self.plan.ports, self.plan.keys)
        self.changed = asyncio.Event()
        self.server = LiveKitServer(self.plan.program.path, self.config, self.changed.set)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not is_so():
                self.changed.clear()
                await self.changed.wait()

    @property
    def is_ready(self) -> bool:
        return self.server.keeping.status.state == "ready"

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.server.keeping.status.pid)

    @property
    def address(self) -> str:
        """Where somebody comes in."""
        return f"{self.plan.access.url}/rtc?access_token={self.token()}&protocol={PROTOCOL}"

    def token(self, identity: str = "ann") -> str:
        grants = api.VideoGrants(room_join=True, room="kitchen")
        token = api.AccessToken(self.plan.keys.key, self.plan.keys.secret).with_identity(identity)
        return token.with_grants(grants).with_ttl(timedelta(minutes=1)).to_jwt()


@asynccontextmanager
async def kept(home: Path, **settings: Any) -> AsyncIterator[Kept]:
    server = Kept(home, **settings)
    running = asyncio.create_task(server.server.run())
    try:
        await server.until(lambda: server.is_ready)
        yield server
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def joined(server: Kept) -> JoinResponse:
    """What the server tells a client that comes in."""
    async with asyncio.timeout(10), connect(server.address) as socket:
        first = SignalResponse.FromString(await socket.recv(decode=False))
    assert first.HasField("join")
    return first.join


def listening(process: psutil.Process) -> set[tuple[str, int]]:
    return {
        (found.laddr.ip, found.laddr.port)
        for found in process.net_connections()
        if found.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
    }


async def test_clients_are_sent_to_no_server_of_others(home: Path) -> None:
    """Without a configuration livekit-server tells them to ask Google and Twilio for their address."""
    async with kept(home) as server:
        join = await joined(server)
        urls = [url for each in join.ice_servers for url in each.urls]
        assert urls == [f"stun:{NO_STUN}"]


async def test_a_server_for_the_network_names_nobody_either(home: Path) -> None:
    async with kept(home, host="0.0.0.0", tls=True, livekit={"node_ip": "203.0.113.9"}) as server:
        join = await joined(server)
        urls = [url for each in join.ice_servers for url in each.urls]
        assert urls == [f"stun:{NO_STUN}"]


async def test_on_loopback_nothing_listens_to_the_network(home: Path) -> None:
    async with kept(home) as server:
        ports = server.plan.ports
        assert listening(server.process) == {("127.0.0.1", ports.signal), ("127.0.0.1", ports.udp)}


@pytest.mark.skipif(not network_addresses(), reason="this machine is in no network")
async def test_in_a_network_media_alone_faces_it(home: Path) -> None:
    async with kept(home, host="0.0.0.0", tls=True) as server:
        ports, address = server.plan.ports, server.plan.reach.node_ip
        assert address in network_addresses()
        assert listening(server.process) == {
            ("127.0.0.1", ports.signal),
            (address, ports.udp),
            ("::", ports.tcp),
        }


async def test_whoever_stands_inside_a_container_reaches_the_server_too(home: Path) -> None:
    """The advertised address leads nowhere from in here; the server finds who is beside it all the same."""
    async with kept(home, advertised_address="203.0.113.9") as server:
        room = rtc.Room()
        await room.connect(server.plan.access.url, server.token())
        try:
            async with asyncio.timeout(10):
                await room.local_participant.publish_data(b"hello", reliable=True)
            assert room.connection_state == rtc.ConnectionState.CONN_CONNECTED
        finally:
            await room.disconnect()


async def test_a_server_that_is_killed_comes_back_at_its_address_with_its_keys(home: Path) -> None:
    async with kept(home) as server:
        before = server.process
        before.send_signal(signal.SIGKILL)
        await server.until(lambda: not server.is_ready)
        assert (
            server.server.keeping.status.reason == "was killed by SIGKILL (out of memory, or killed by hand)"
        )
        await server.until(lambda: server.is_ready)
        assert server.process.pid != before.pid
        assert (await joined(server)).participant.identity == "ann"


async def test_no_secret_is_in_a_command_line_or_a_log(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "sottovoce"):
        async with kept(home) as server:
            await joined(server)
            token, secret = server.token(), server.plan.keys.secret
            command = " ".join(server.process.cmdline())
            assert "livekit-server" in command
            await server.until(lambda: "kitchen" in caplog.text)
            for told in (command, caplog.text, repr(server.server), repr(server.plan)):
                assert secret not in told
                assert token not in told
    assert "starting LiveKit server" in caplog.text


async def test_a_server_with_somebody_in_a_room_ends_all_the_same(home: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(kept(home))
        process = server.process
        async with connect(server.address) as socket:
            await socket.recv()
            began = asyncio.get_running_loop().time()
            await stack.aclose()
            assert not process.is_running()
            assert asyncio.get_running_loop().time() - began < STOP_DEADLINE


async def test_a_server_that_cannot_run_says_why(home: Path) -> None:
    server = Kept(home)
    server.config["rtc"]["no_such_field"] = 1
    running = asyncio.create_task(server.server.run())
    try:
        await server.until(lambda: server.server.keeping.status.state == "failed")
        reason = server.server.keeping.status.reason
        assert reason is not None
        assert "no_such_field not found" in reason
        assert "3 times in a row" in reason
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_a_server_ends_with_its_parent_however_that_ends(home: Path) -> None:
    server = Kept(home)
    command = [sys.executable, "-c", PARENT, server.plan.program.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(json.dumps(server.config) + "\n")
        parent.stdin.flush()
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        _, left = psutil.wait_procs([child], timeout=5)
        assert left == []
