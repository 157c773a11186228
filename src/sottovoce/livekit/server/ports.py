"""The three ports of the managed server, chosen and found free before anything starts."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from sottovoce.config import LiveKitSettings
from sottovoce.errors import ConfigError
from sottovoce.livekit.server.reach import LOOPBACK, MediaReach

SIGNAL_SETTING: Final = "SOTTOVOCE_LIVEKIT_PORT"
TCP_SETTING: Final = "SOTTOVOCE_LIVEKIT_TCP_PORT"
UDP_SETTING: Final = "SOTTOVOCE_LIVEKIT_UDP_PORT"


@dataclass(frozen=True, slots=True)
class ServerPorts:
    """`tcp` is None on loopback, where UDP always gets through: the server would open it to the network."""

    signal: int
    udp: int
    tcp: int | None


def claim_ports(settings: LiveKitSettings, reach: MediaReach) -> ServerPorts:
    """Those of the settings, free ones for 0. They are free at this moment; they are kept for good.

    Raises `ConfigError` naming the setting of one that is taken.
    """
    signal = _free(SIGNAL_SETTING, settings.port, LOOPBACK, socket.SOCK_STREAM)
    udp = _free(UDP_SETTING, settings.udp_port, _local(reach), socket.SOCK_DGRAM)
    if reach.is_loopback:
        return ServerPorts(signal, udp, None)
    return ServerPorts(signal, udp, _free(TCP_SETTING, settings.tcp_port, "", socket.SOCK_STREAM, but=signal))


def _local(reach: MediaReach) -> str:
    """What the server binds, where that is one address."""
    return reach.node_ip if reach.is_here else ""


def _free(setting: str, port: int, host: str, kind: socket.SocketKind, but: int | None = None) -> int:
    family = socket.AF_INET6 if host and ip_address(host).version == 6 else socket.AF_INET
    if port != 0 and port == but:
        raise ConfigError(f"{setting}={port} is the same as {SIGNAL_SETTING}; they need one each.")
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(_taken(setting, port, kind, error), param=setting) from error
        bound: int = probe.getsockname()[1]
    return bound


def _taken(setting: str, port: int, kind: socket.SocketKind, error: OSError) -> str:
    protocol = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
    return (
        f"The LiveKit server cannot use {protocol} port {port}: {error.strerror}. "
        f"Stop what uses it, or choose another ({setting}; 0 takes a free one)."
    )
