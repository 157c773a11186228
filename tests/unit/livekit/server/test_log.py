from __future__ import annotations

import base64
import json
import logging

import pytest

from sottovoce.livekit.server.log import server_line

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUEkifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("level", "ours"),
    [("debug", logging.DEBUG), ("info", logging.DEBUG), ("warn", logging.WARNING), ("error", logging.ERROR)],
)
def test_levels_are_kept_except_for_its_chatter(level: str, ours: int) -> None:
    line = json.dumps({"level": level, "msg": "participant active", "room": "kitchen", "nodeID": "ND_x"})
    assert server_line(line) == (ours, "participant active room=kitchen")


def test_what_participants_bring_along_is_not_told() -> None:
    line = json.dumps(
        {"level": "info", "msg": "joined", "metadata": "private", "attributes": {"a": "private"}}
    )
    assert "private" not in server_line(line)[1]


def test_tokens_are_not_told() -> None:
    line = json.dumps({"level": "warn", "msg": f"bad /rtc?access_token={TOKEN}&x=1", "error": TOKEN})
    assert server_line(line)[1] == "bad /rtc?access_token=<token>&x=1 error=<token>"
    assert server_line(f"panic: {TOKEN}") == (logging.WARNING, "panic: <token>")


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"HS256"}',
        b'{ "alg": "HS256" }',
        b'{\n"alg":"HS256"}',
        b'{\t"alg":"none"}',
        b' {"alg":"HS256"}',
    ],
)
def test_a_token_that_cannot_be_verified_is_not_told_however_it_is_written(header: bytes) -> None:
    token = f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.eyJpc3MiOiJBUEkifQ.c2lnbmF0dXJl"
    refused = {"msg": "error handling request", "status": 401, "level": "warn"}
    line = json.dumps({**refused, "error": f"invalid token: {token}, error: bad signature"})
    assert server_line(line)[1] == (
        "error handling request error=invalid token: <token>, error: bad signature status=401"
    )


@pytest.mark.parametrize(
    ("status", "level"),
    [(401, logging.DEBUG), (404, logging.DEBUG), (500, logging.WARNING), (None, logging.WARNING)],
)
def test_what_strangers_ask_wrongly_fills_no_log(status: int | None, level: int) -> None:
    line = json.dumps({"level": "warn", "msg": "error handling request", "error": "no", "status": status})
    assert server_line(line)[0] == level


def test_a_line_that_was_cut_off_tells_its_beginning_alone() -> None:
    line = json.dumps(
        {"level": "info", "ts": 1.5, "msg": "joined", "metadata": "private"}, separators=(",", ":")
    )
    assert server_line(line[:-5]) == (logging.DEBUG, "joined")


def test_what_it_warns_of_whenever_somebody_leaves_is_no_warning() -> None:
    line = json.dumps({"level": "warn", "msg": "error reading data channel", "error": "closed"})
    assert server_line(line)[0] == logging.DEBUG


def test_what_is_told_of_a_line_is_short() -> None:
    assert len(server_line(json.dumps({"level": "warn", "msg": "long", "error": "x" * 9999}))[1]) == 1000
    assert len(server_line("x" * 9999)[1]) == 1000


@pytest.mark.parametrize("line", ["could not parse config", "{broken", "[1, 2]", "17"])
def test_lines_of_another_form_are_told_as_they_are(line: str) -> None:
    assert server_line(line) == (logging.WARNING, line)
