"""A bad network: a relay before a LiveKit server's UDP port, which may lose, swap or stop packets.

It stands at another address of loopback with the same port; the server is made to name that address to its
clients by a program of the same arguments (`program_behind`), which changes one word of its configuration.
"""

from __future__ import annotations

import random
import selectors
import socket
import stat
import sys
import threading
from pathlib import Path

SERVER, RELAY = "127.0.0.1", "127.0.0.2"
MAX_PACKET_BYTES = 65_535
POLL = 0.05

Address = tuple[str, int]

PROGRAM = """#!{python}
import json, os, sys
if "LIVEKIT_CONFIG" in os.environ:
    config = json.loads(os.environ["LIVEKIT_CONFIG"])
    config["rtc"] |= {{"node_ip": "{relay}", "use_ice_lite": True}}  # or it would find its own way to them
    os.environ["LIVEKIT_CONFIG"] = json.dumps(config)
os.execv("{program}", ["{program}", *sys.argv[1:]])
"""


def program_behind(folder: Path, program: str) -> Path:
    """A livekit-server whose clients send their media to `RELAY`."""
    path = folder / "livekit-server"
    path.write_text(PROGRAM.format(python=sys.executable, program=program, relay=RELAY))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class MediaRelay:
    """`loss` and `swap` are probabilities for each packet, either way; nothing passes while it `is_cut`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.loss = 0.0
        self.swap = 0.0
        self.is_cut = False
        self.passed = 0
        self.lost = 0
        self._chance = random.Random(7)
        self._selector = selectors.DefaultSelector()
        self._upstream: dict[Address, socket.socket] = {}
        self._held: dict[tuple[Address, bool], bytes] = {}
        self._is_over = threading.Event()
        self._face = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._run, name="media relay")

    def start(self) -> None:
        self._face.setblocking(False)
        self._face.bind((RELAY, self.port))
        self._selector.register(self._face, selectors.EVENT_READ, None)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()
        self._selector.close()
        for each in (self._face, *self._upstream.values()):
            each.close()

    def perfect(self) -> None:
        self.loss = self.swap = 0.0
        self.is_cut = False

    def _run(self) -> None:
        while not self._is_over.is_set():
            for key, _ in self._selector.select(POLL):
                assert isinstance(key.fileobj, socket.socket)
                self._read(key.fileobj, key.data)

    def _read(self, source: socket.socket, client: Address | None) -> None:
        try:
            packet, sender = source.recvfrom(MAX_PACKET_BYTES)
        except (ConnectionError, BlockingIOError):
            return  # nobody is at the server's port just now, or was when something was sent there
        address = client or sender
        for passed in self._through(packet, address, is_inward=client is None):
            try:
                if client is None:
                    self._to_server(address).send(passed)
                else:
                    self._face.sendto(passed, address)
            except (ConnectionError, BlockingIOError):
                self.lost += 1

    def _through(self, packet: bytes, client: Address, *, is_inward: bool) -> list[bytes]:
        if self.is_cut or self._chance.random() < self.loss:
            self.lost += 1
            return []
        self.passed += 1
        held = self._held.pop((client, is_inward), None)
        if held is not None:
            return [packet, held]
        if self._chance.random() < self.swap:
            self._held[client, is_inward] = packet
            return []
        return [packet]

    def _to_server(self, client: Address) -> socket.socket:
        if client not in self._upstream:
            upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            upstream.setblocking(False)
            upstream.connect((SERVER, self.port))
            self._selector.register(upstream, selectors.EVENT_READ, client)
            self._upstream[client] = upstream
        return self._upstream[client]
