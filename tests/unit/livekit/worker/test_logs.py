from __future__ import annotations

import logging
from unittest.mock import Mock

import aiohttp
import pytest
from yarl import URL

from sottovoce.livekit.worker.logs import WithCause, WithoutGoodbyes


def _record(message: str, error: object = None) -> logging.LogRecord:
    record = logging.LogRecord("livekit.agents", logging.WARNING, "", 0, message, ("%",), None)
    record.args = ()
    if error is not None:
        record.error = error
    return record


def _refused(status: int) -> aiohttp.WSServerHandshakeError:
    asked = Mock(real_url=URL("ws://127.0.0.1:1/agent"))
    return aiohttp.WSServerHandshakeError(asked, (), status=status, message="Invalid response status")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("refused"), "retrying in 2s: refused"),
        (TimeoutError(), "retrying in 2s: TimeoutError"),
        (_refused(401), "does not take LIVEKIT_API_KEY and LIVEKIT_API_SECRET"),
        (_refused(503), "503"),
        (None, "retrying in 2s"),
        ("not an exception", "retrying in 2s"),
    ],
)
def test_the_cause_is_told(error: object, said: str) -> None:
    record = _record("retrying in 2s", error)
    assert WithCause().filter(record)
    assert said in record.getMessage()


def test_a_room_that_is_closed_is_no_error() -> None:
    assert not WithoutGoodbyes().filter(_record("publisher data channel '_lossy' closed unexpectedly"))
    assert WithoutGoodbyes().filter(_record("signal connection failed"))
