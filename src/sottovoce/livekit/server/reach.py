"""Where clients send their media: the one address that the managed server advertises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from sottovoce.config import Settings
from sottovoce.machine_names import facing_address, network_addresses

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class MediaReach:
    """`node_ip` is what clients are told. `is_here`: it is an address of this very machine; otherwise that of
    a router, or of the machine around a container, which passes the ports on."""

    node_ip: str
    is_here: bool = True

    @property
    def is_loopback(self) -> bool:
        return ip_address(self.node_ip).is_loopback

    @property
    def subnet(self) -> str:
        """The node address alone, as a subnet."""
        return f"{self.node_ip}/{ip_address(self.node_ip).max_prefixlen}"


def media_reach(
    settings: Settings, own: Sequence[str] | None = None, facing: str | None = None
) -> MediaReach:
    """What the settings name, else what fits where the gateway is bound.

    `own` are this machine's addresses in the network, `facing` is the one that packets leave by.
    """
    own = network_addresses() if own is None else own
    for given in (settings.livekit.node_ip, settings.advertised_address, _bound(settings.host)):
        if given is not None:
            return MediaReach(str(given), is_here=given.is_loopback or str(given) in own)
    if settings.is_loopback and not settings.behind_proxy:
        return MediaReach(LOOPBACK)
    facing = facing_address() if facing is None else facing
    return MediaReach(facing or next(iter(own), LOOPBACK))


def _bound(host: str) -> IPv4Address | IPv6Address | None:
    """The one network address that the gateway is bound to, if it is one."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return None if address.is_loopback or address.is_unspecified else address
