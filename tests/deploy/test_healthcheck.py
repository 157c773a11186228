"""The image's health check, which has to fit every role."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy.healthcheck import MAX_REASON_BYTES, check, main, ready_url
from tests.live_server import free_port

TINI = ["tini", "--", "/opt/sottovoce/bin/python", "/opt/sottovoce/bin/sottovoce"]


@pytest.mark.parametrize(
    ("command", "environment", "url"),
    [
        ("serve --host 0.0.0.0 --tls", {}, "https://127.0.0.1:8080/readyz"),
        ("serve --behind-proxy --port 9000", {}, "http://127.0.0.1:9000/readyz"),
        ("serve --port=9000 --tls-cert a.pem", {}, "https://127.0.0.1:9000/readyz"),
        ("serve", {"SOTTOVOCE_PORT": "81", "SOTTOVOCE_TLS": "true"}, "https://127.0.0.1:81/readyz"),
        ("serve", {"SOTTOVOCE_TLS_CERT": "a.pem"}, "https://127.0.0.1:8080/readyz"),
        ("worker", {}, "http://127.0.0.1:8081/readyz"),
        ("worker --port 9", {"SOTTOVOCE_LIVEKIT_WORKER_PORT": "8"}, "http://127.0.0.1:9/readyz"),
        ("worker", {"SOTTOVOCE_LIVEKIT_WORKER_PORT": "8"}, "http://127.0.0.1:8/readyz"),
        ("stt --host 0.0.0.0 --port 9001", {}, "http://127.0.0.1:9001/readyz"),
        ("llm --port 9002", {}, "http://127.0.0.1:9002/readyz"),
        ("tts --port 9003", {}, "http://127.0.0.1:9003/readyz"),
    ],
)
def test_it_asks_the_role_that_runs(command: str, environment: dict[str, str], url: str) -> None:
    assert ready_url([*TINI, *command.split()], environment) == url


@pytest.mark.parametrize(
    "command", [[*TINI, "stt"], [*TINI, "stt", "--port", "0"], [*TINI, "doctor"], TINI, ["sh"]]
)
def test_it_says_what_it_cannot_ask(command: list[str]) -> None:
    with pytest.raises(ValueError, match=r"no port that is known|not Sottovoce"):
        ready_url(command, {})


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/readyz"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_it_passes_on_the_answer_and_what_was_said(
    status: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(status, b'{"status": "whatever"}') as url:
        assert main([url]) == code
    assert "whatever" in capsys.readouterr().out


def test_a_reason_is_bounded() -> None:
    with answering(200, b"x" * 10 * MAX_REASON_BYTES) as url:
        assert check(url) == (True, "x" * MAX_REASON_BYTES)


def test_nobody_there_is_not_ready() -> None:
    url = f"http://127.0.0.1:{free_port()}/readyz"
    is_ready, said = check(url)
    assert not is_ready
    assert url in said
