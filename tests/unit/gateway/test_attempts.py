"""Wrong keys cost time, shut nobody else out and fill no log."""

from __future__ import annotations

import asyncio
import logging

import pytest
from starlette.requests import HTTPConnection

from sottovoce.errors import AuthError, LimitExceededError
from sottovoce.gateway.attempts import LOG_INTERVAL, MAX_HELD_ANSWERS, Attempts, Tally, address_of

HERE, THERE = "192.168.1.5", "192.168.1.6"


async def wrong(attempts: Attempts, address: str = HERE) -> None:
    with pytest.raises(AuthError):
        async with attempts.watched(address):
            raise AuthError("wrong")


async def right(attempts: Attempts, address: str = HERE) -> None:
    async with attempts.watched(address):
        pass


async def test_the_answer_to_a_wrong_key_comes_late() -> None:
    attempts = Attempts(hold=1000)
    waiting = asyncio.create_task(wrong(attempts))
    await asyncio.sleep(0)
    assert not waiting.done()
    await right(attempts)  # from the same address, at once
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_flood_shuts_its_own_address_out_until_it_ebbs() -> None:
    attempts = Attempts(hold=1000)
    flood = [asyncio.create_task(wrong(attempts)) for _ in range(MAX_HELD_ANSWERS)]
    await asyncio.sleep(0)
    for key in (right, wrong):
        with pytest.raises(LimitExceededError) as caught:
            await key(attempts)
        assert caught.value.http_status == 429
    await right(attempts, THERE)
    flood[0].cancel()
    await asyncio.wait([flood[0]])
    await right(attempts)
    for task in flood:
        task.cancel()
    await asyncio.wait(flood)


async def test_nothing_is_remembered_of_an_address_that_is_quiet() -> None:
    attempts = Attempts(hold=0)
    for number in range(50):
        await wrong(attempts, f"192.168.1.{number}")
    assert attempts.held == 0


async def test_the_log_tells_of_a_flood_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    attempts = Attempts(hold=0, now=lambda: now)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            await wrong(attempts)
        now += LOG_INTERVAL
        await wrong(attempts, THERE)
    assert [record.args for record in caplog.records] == [(1, HERE), (5, THERE)]


def test_a_tally_counts_what_it_did_not_tell() -> None:
    now = 0.0
    tally = Tally(lambda: now)
    assert [tally.due() for _ in range(4)] == [1, 0, 0, 0]
    now = LOG_INTERVAL - 0.1
    assert tally.due() == 0
    now = LOG_INTERVAL
    assert tally.due() == 5


@pytest.mark.parametrize(
    ("peer", "forwarded", "is_behind_proxy", "address"),
    [
        ("192.168.1.5", [], False, "192.168.1.5"),
        ("192.168.1.5", ["10.0.0.1"], False, "192.168.1.5"),  # anybody may send that
        ("127.0.0.1", ["10.0.0.1"], True, "10.0.0.1"),
        ("127.0.0.1", ["1.1.1.1, 10.0.0.1"], True, "10.0.0.1"),  # the last is the proxy's own word
        ("127.0.0.1", ["1.1.1.1", "10.0.0.1"], True, "10.0.0.1"),
        ("127.0.0.1", ["nonsense"], True, "127.0.0.1"),
        ("127.0.0.1", [""], True, "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", [], False, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], False, "2001:db8:1:2::/64"),
        ("::1", [], False, "::1"),
        ("::ffff:192.168.1.5", [], False, "192.168.1.5"),
        (None, [], False, "unknown"),
    ],
)
def test_whose_attempt_it_is(
    peer: str | None, forwarded: list[str], is_behind_proxy: bool, address: str
) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    client = (peer, 1234) if peer else None
    connection = HTTPConnection({"type": "http", "headers": headers, "client": client})
    assert address_of(connection, is_behind_proxy=is_behind_proxy) == address
