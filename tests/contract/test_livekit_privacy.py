"""Nothing leaves the machine from rooms either: a call, whose network card's cable ends in the test."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from livekit.protocol import rtc as signals
from websockets.asyncio.client import connect

from sottovoce.bench.server import RunningServer, running_server
from tests.cable import Cable
from tests.contract.test_privacy import leave_the_network
from tests.livekit.participant import Participant
from tests.livekit_server import livekit_program
from tests.recordings import recording

ROOT = Path(__file__).parents[2]
RECORDING = "dialogue-what-is-twelve-times-seven-slt"
PORTS = {"livekit_port": "0", "livekit_tcp_port": "0", "livekit_udp_port": "0"}
DEADLINE = 20.0


ELSEWHERE = "192.0.2.1"


@pytest.mark.end_to_end
@pytest.mark.timeout(150)
@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_a_call_in_a_room_needs_and_seeks_no_network(tmp_path: Path) -> None:
    tripwire = tmp_path / "tripwire"
    tripwire.touch()
    paths = [str(ROOT / "tests/tripwire"), str(ROOT)]
    environment = os.environ | {"NETWORK_TRIPWIRE": str(tripwire), "PYTHONPATH": os.pathsep.join(paths)}
    run = subprocess.run(
        [sys.executable, __file__], env=environment, capture_output=True, text=True, timeout=130, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert "84" in found["answer"] or "eighty four" in found["answer"]
    assert found["servers"], "a client that is told of none would ask those that it knows"
    assert [url for url in found["servers"] if not url.startswith("stun:127.0.0.1:")] == []
    # by Python code, and by any: nobody but the test itself, which shows that it would have been seen
    (seen,) = tripwire.read_text().splitlines()
    assert ELSEWHERE in seen
    assert found["sent"] == [f"UDP {ELSEWHERE}"]


async def details(server: RunningServer) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {server.key}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        reply = await http.post(f"{server.url}/api/connection-details", json={"participant_identity": "ann"})
        given: dict[str, str] = reply.raise_for_status().json()
    return given


async def ice_servers(given: dict[str, str]) -> list[str]:
    """What somebody who joins is told to ask for addresses."""
    url = f"{given['server_url']}/rtc?access_token={given['participant_token']}&protocol=16"
    async with connect(url, proxy=None) as socket, asyncio.timeout(DEADLINE):
        while True:
            told = signals.SignalResponse.FromString(await socket.recv(decode=False))
            if told.HasField("join"):
                return [url for server in told.join.ice_servers for url in server.urls]


async def converse() -> dict[str, Any]:
    async with running_server(livekit="managed", livekit_program=livekit_program(), **PORTS) as server:
        servers = await ice_servers(await details(server))
        given = await details(server)
        ann = Participant("ann")
        try:
            await ann.join(given["server_url"], given["participant_token"])
            await ann.until(lambda: ann.states and ann.states[-1][1] == "listening", DEADLINE)
            ended = await ann.speak(recording(RECORDING))
            words = await ann.until(lambda: ann.said_by(ann.assistant), DEADLINE)
            await ann.first_sound(ended)
        finally:
            await ann.leave()
    return {"answer": words[0], "servers": servers}


if __name__ == "__main__":
    leave_the_network()
    cable = Cable()
    found = asyncio.run(converse())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stray:
        stray.sendto(b"seen", (ELSEWHERE, 9))
    print(json.dumps(found | {"sent": cable.sent()}))
