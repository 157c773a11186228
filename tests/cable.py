"""A network card whose cable ends in this process: what anybody sends beyond the machine is read here.

It sees native code, too. WebRTC needs a card other than loopback: without one it finds no address of its own.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from ipaddress import ip_address

ADDRESS, MASK, ANYWHERE = "10.99.0.1", "255.255.255.0", "0.0.0.0"
NAME = b"cable0"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIOCADDRT, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x890B, 0x8914, 0x8916, 0x891C
IFF_UP = RTF_UP = 0x1
MAX_PACKET_BYTES = 65_535
TRANSPORTS = {6: "TCP", 17: "UDP"}
"""The kernel's own questions about its neighbours are neither."""


class Cable:
    """The default route of the network namespace that this process is in."""

    def __init__(self) -> None:
        self._end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._end, TUNSETIFF, struct.pack("16sH22x", NAME, IFF_TUN | IFF_NO_PI))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for request, address in ((SIOCSIFADDR, ADDRESS), (SIOCSIFNETMASK, MASK)):
                fcntl.ioctl(control, request, struct.pack("16s16s", NAME, _socket_address(address)))
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", NAME, IFF_UP))
            self._be_the_default(control)

    def _be_the_default(self, control: socket.socket) -> None:
        """`struct rtentry`: destination, gateway, mask, flags and device are all that it needs."""
        device = ctypes.create_string_buffer(NAME)
        where = _socket_address(ANYWHERE)
        begin = struct.pack("L16s16x16sHhLP", 0, where, where, RTF_UP, 0, 0, 0)
        rest = struct.pack("h6xPLLH6x", 0, ctypes.addressof(device), 0, 0, 0)
        fcntl.ioctl(control, SIOCADDRT, begin + rest)

    def sent(self) -> list[str]:
        """Whereto, of each TCP or UDP packet that came out since this was asked last: `UDP 192.0.2.1`."""
        found: list[str] = []
        while True:
            try:
                packet = os.read(self._end, MAX_PACKET_BYTES)
            except BlockingIOError:
                return found
            is_new = packet[0] >> 4 == 6
            transport, end = (packet[6], packet[24:40]) if is_new else (packet[9], packet[16:20])
            if transport in TRANSPORTS:
                found.append(f"{TRANSPORTS[transport]} {ip_address(end)}")

    def close(self) -> None:
        os.close(self._end)


def _socket_address(address: str) -> bytes:
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
