"""Nothing leaves the machine: a whole conversation, server and engines, with only loopback there."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from sottovoce.bench.server import running_server
from sottovoce.bench.speech import read_recording
from sottovoce.bench.talker import talking

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "tests/data/recordings/dialogue-what-is-twelve-times-seven-slt.wav"
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


@pytest.mark.end_to_end
@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_a_conversation_needs_and_seeks_no_network(tmp_path: Path) -> None:
    tripwire = tmp_path / "tripwire"
    tripwire.touch()
    paths = [str(ROOT / "tests/tripwire"), str(ROOT)]
    environment = os.environ | {"NETWORK_TRIPWIRE": str(tripwire), "PYTHONPATH": os.pathsep.join(paths)}
    run = subprocess.run(
        [sys.executable, __file__], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "84" in run.stdout or "eighty four" in run.stdout
    assert tripwire.read_text() == ""


def test_the_tripwire_works(tmp_path: Path) -> None:
    tripwire = tmp_path / "tripwire"
    environment = os.environ | {
        "NETWORK_TRIPWIRE": str(tripwire),
        "PYTHONPATH": str(ROOT / "tests/tripwire"),
    }
    seek = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.connect(('192.0.2.1', 9))"
    subprocess.run([sys.executable, "-c", seek], env=environment, capture_output=True, check=False)
    assert "192.0.2.1" in tripwire.read_text()


def leave_the_network() -> None:
    """Move this process into a network namespace with nothing but loopback, as root or as anybody."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "this system allows no network namespace")
    with socket.socket() as control:
        request = struct.pack("16sh", b"lo", 0)
        (state,) = struct.unpack_from("h", fcntl.ioctl(control, SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", state | IFF_UP))


async def converse() -> None:
    async with running_server() as server, talking(server.url, server.key) as talker:
        await talker.speak(read_recording(RECORDING))
        done = await talker.expect("response.done")
        print(done["response"]["output"])
        await talker.first_sound()


if __name__ == "__main__":
    leave_the_network()
    asyncio.run(converse())
