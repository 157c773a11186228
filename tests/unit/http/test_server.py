from __future__ import annotations

import socket

import pytest

from sottovoce.errors import ConfigError
from sottovoce.http.server import KEEPALIVE, listen


def test_a_port_in_use_is_named_with_its_cure() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}.*SOTTOVOCE_PORT"):
            listen("127.0.0.1", port)


def test_connections_give_up_peers_that_vanish() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            for name, value in KEEPALIVE.items():
                if hasattr(socket, name):
                    assert connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
