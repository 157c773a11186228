from __future__ import annotations

import socket
from contextlib import closing

import pytest

from sottovoce.config import LiveKitSettings
from sottovoce.errors import ConfigError
from sottovoce.livekit.server.ports import claim_ports
from sottovoce.livekit.server.reach import MediaReach
from tests.live_server import free_port

HERE = MediaReach("127.0.0.1")
ELSEWHERE = MediaReach("203.0.113.9", is_here=False)


def test_zero_takes_free_ones() -> None:
    ports = claim_ports(LiveKitSettings(port=0, tcp_port=0, udp_port=0), ELSEWHERE)
    assert ports.tcp is not None
    assert min(ports.signal, ports.udp, ports.tcp) > 1024
    assert ports.signal != ports.tcp


def test_no_tcp_port_is_opened_to_the_network_by_a_server_on_loopback() -> None:
    assert claim_ports(LiveKitSettings(port=0, udp_port=0), HERE).tcp is None


def test_a_taken_port_is_named_with_its_setting() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"TCP port {port}.*SOTTOVOCE_LIVEKIT_PORT") as refused:
            claim_ports(LiveKitSettings(port=port, udp_port=0), HERE)
        assert refused.value.param == "SOTTOVOCE_LIVEKIT_PORT"
    with closing(socket.create_server(("", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"TCP port {port}.*SOTTOVOCE_LIVEKIT_TCP_PORT"):
            claim_ports(LiveKitSettings(port=0, tcp_port=port, udp_port=0), ELSEWHERE)
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"UDP port {port}.*SOTTOVOCE_LIVEKIT_UDP_PORT"):
            claim_ports(LiveKitSettings(port=0, udp_port=port), HERE)


def test_one_tcp_port_cannot_serve_two_ends() -> None:
    port = free_port()
    with pytest.raises(ConfigError, match=r"SOTTOVOCE_LIVEKIT_TCP_PORT.*same as SOTTOVOCE_LIVEKIT_PORT"):
        claim_ports(LiveKitSettings(port=port, tcp_port=port, udp_port=0), ELSEWHERE)
