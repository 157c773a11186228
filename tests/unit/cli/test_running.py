"""A running server is recognised by its answers, and the key goes to nobody else."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sottovoce.cli.running import find_server, url_of
from sottovoce.config import Settings, load
from sottovoce.gateway.tls import ServerTls

KEY = "sk-sottovoce-of-this-test"
STATUS = {
    "version": "1",
    "engines": {
        kind: {"model": f"{kind}-model", "state": "ready", "is_local": True} for kind in ("stt", "llm", "tts")
    },
}


class Peer:
    """A program on a port, answering as told."""

    def __init__(self) -> None:
        self.livez: object = {"status": "alive"}
        self.keys: list[str | None] = []

    def answer(self, path: str, key: str | None) -> tuple[int, object]:
        if path == "/livez":
            return 200, self.livez
        self.keys.append(key)
        return (200, STATUS) if key == f"Bearer {KEY}" else (401, {})


@pytest.fixture
def peer() -> Peer:
    return Peer()


@contextmanager
def answering(peer: Peer, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = peer.answer(self.path, self.headers.get("authorization"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            """Not to stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def port(peer: Peer) -> Iterator[int]:
    with answering(peer) as number:
        yield number


@pytest.fixture
def find(port: int) -> Callable[..., object]:
    def found(key: str = KEY) -> object:
        return find_server(load({"port": port, "api_key": key}))

    return found


def test_a_server_that_takes_the_key_is_found_with_its_models(find: Callable[..., object], port: int) -> None:
    server = find()
    assert server is not None
    assert server.url == f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
    assert server.models["tts"] == "tts-model"  # type: ignore[attr-defined]
    assert KEY not in repr(server)


def test_a_server_of_somebody_else_s_is_not_used(find: Callable[..., object]) -> None:
    assert find("sk-another-key-altogether") is None


@pytest.mark.parametrize("livez", [{"status": "up"}, [], "alive"])
def test_a_stranger_does_not_get_the_key(find: Callable[..., object], peer: Peer, livez: object) -> None:
    peer.livez = livez
    assert find() is None
    assert peer.keys == []


def test_nothing_is_found_where_nothing_listens() -> None:
    assert find_server(load({"port": 1, "api_key": KEY})) is None


def test_without_a_key_nobody_is_asked(find: Callable[..., object], port: int, peer: Peer) -> None:
    assert find_server(load({"port": port})) is None
    assert peer.keys == []


def certified(home: Path) -> ssl.SSLContext:
    return ServerTls(Settings(home=home, tls=True)).context


@pytest.mark.parametrize("settings", [{}, {"tls": True}, {"tls": True, "host": "0.0.0.0"}])
def test_a_server_over_tls_is_found_whatever_flags_it_was_started_with(
    peer: Peer, home: Path, settings: dict[str, Any]
) -> None:
    with answering(peer, certified(home)) as port:
        server = find_server(load({"port": port, "api_key": KEY, **settings}))
        assert server is not None
        assert server.url == f"https://127.0.0.1:{port}"
        assert server.tls is not None


def test_a_server_with_another_certificate_does_not_get_the_key(
    peer: Peer, home: Path, tmp_path: Path
) -> None:
    certified(home)
    with answering(peer, certified(tmp_path)) as port:
        assert find_server(load({"port": port, "api_key": KEY, "tls": True})) is None
    assert peer.keys == []


def test_over_a_network_the_key_goes_out_encrypted_or_not_at_all(peer: Peer, port: int) -> None:
    elsewhere = {"host": "192.0.2.1", "behind_proxy": True}
    assert find_server(load({"port": port, "api_key": KEY, **elsewhere})) is None
    assert peer.keys == []


def test_a_bind_to_all_is_opened_by_loopback() -> None:
    assert url_of("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert url_of("::", 80) == "http://[::1]:80"
    assert url_of("::1", 80, has_tls=True) == "https://[::1]:80"
