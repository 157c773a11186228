"""Under which names and addresses other machines of a network reach this one."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import psutil

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_NOBODY, _DISCARD = "192.0.2.1", 9


def host_names() -> tuple[str, ...]:
    """The machine's name as it knows itself, and as multicast DNS announces it."""
    name = socket.gethostname().rstrip(".").lower()
    if not name or not name.isascii() or name == "localhost":
        return ()
    return (name,) if "." in name else (name, f"{name}.local")


def network_addresses() -> tuple[str, ...]:
    """What others can open, IPv4 first; link-local addresses of IPv6 fit into no URL."""
    found = [
        ip_address(address.address)
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6) and "%" not in address.address
    ]
    usable = {address for address in found if not (address.is_loopback or address.is_link_local)}
    return tuple(str(address) for address in sorted(usable, key=lambda each: (each.version, each.packed)))


def facing_address() -> str | None:
    """The address that packets to the network leave by, of a machine that may have several; None offline.

    Nothing is sent: connecting a UDP socket only looks up the route. The other end is of a range that is
    reserved for documentation (RFC 5737).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_NOBODY, _DISCARD))
        except OSError:
            return None
        address: str = probe.getsockname()[0]
    return None if ip_address(address).is_loopback or ip_address(address).is_unspecified else address
