from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aioice import ice
from aioice.candidate import Candidate

from sottovoce.errors import ServerFullError
from sottovoce.realtime import webrtc_ice
from sottovoce.realtime.webrtc_ice import LOOPBACK, Reach

MACHINE = ["192.0.2.7", "fd00::7"]


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc_ice, "_machine_addresses", lambda use_ipv4, use_ipv6: list(MACHINE))
    monkeypatch.setattr(ice, "get_host_addresses", ice.get_host_addresses)
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", ice.CONSENT_INTERVAL)
    for name in ("get_component_candidates", "query_consent"):
        monkeypatch.setattr(ice.Connection, name, getattr(ice.Connection, name))
    webrtc_ice.install()


@asynccontextmanager
async def gathered(reach: Reach) -> AsyncIterator[list[Candidate]]:
    connection = ice.Connection(ice_controlling=False)
    try:
        with webrtc_ice.gathering(reach):
            await connection.gather_candidates()
        yield connection.local_candidates
    finally:
        await connection.close()


async def _addresses() -> list[str]:
    return ice.get_host_addresses(True, True)


async def test_two_calls_at_once_each_get_their_own_choice() -> None:
    async def gather(reach: Reach) -> list[str]:
        with webrtc_ice.gathering(reach):
            await asyncio.sleep(0)
            (addresses,) = await asyncio.gather(_addresses())  # in a task of its own, as aiortc does
            return addresses

    private, public = await asyncio.gather(gather(Reach(is_loopback_only=True)), gather(Reach()))
    assert private == [LOOPBACK]
    assert public == [LOOPBACK, *MACHINE]


async def test_an_address_that_the_machine_has_not_got_is_left_out() -> None:
    async with gathered(Reach()) as candidates:
        assert [candidate.host for candidate in candidates] == [LOOPBACK]


async def test_ports_keep_to_their_range_and_come_back(free_ports: range) -> None:
    reach = Reach(is_loopback_only=True, ports=free_ports)
    for _ in range(3):
        async with gathered(reach) as first, gathered(reach) as second:
            assert {first[0].port, second[0].port} == set(free_ports)
            with pytest.raises(ServerFullError) as refused:
                async with gathered(reach):
                    pass
            assert refused.value.retry_after > 0
            assert "SOTTOVOCE_UDP_PORTS" in refused.value.message


async def test_a_port_that_somebody_else_uses_is_passed_over(free_ports: range) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as foreign:
        foreign.bind((LOOPBACK, free_ports[0]))
        async with gathered(Reach(is_loopback_only=True, ports=free_ports)) as candidates:
            assert candidates[0].port == free_ports[1]


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::9"])
async def test_callers_are_told_the_advertised_address_and_no_other(address: str, free_ports: range) -> None:
    async with gathered(Reach(ports=free_ports, advertised_address=address)) as candidates:
        assert [(c.host, c.port in free_ports) for c in candidates] == [(address, True)]


async def test_sockets_of_a_gathering_that_failed_are_closed(free_ports: range) -> None:
    """The second address has no port left after the first one took its own."""
    reach = Reach(ports=free_ports)
    taken = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in free_ports]
    try:
        for sock, port in zip(taken, free_ports, strict=True):
            sock.bind(("127.0.0.2", port))
        webrtc_ice._machine_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.2"]
        with pytest.raises(ServerFullError):
            async with gathered(reach):
                pass
    finally:
        for sock in taken:
            sock.close()
    async with gathered(Reach(is_loopback_only=True, ports=free_ports[:1])) as first:
        assert first[0].port == free_ports[0]


@pytest.mark.parametrize("name", ["get_host_addresses", "CONSENT_INTERVAL"])
def test_install_says_so_when_aioice_has_changed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delattr(ice, name)
    with pytest.raises(RuntimeError, match=r"aiortc 1\.16\.0"):
        webrtc_ice.install()


@pytest.mark.parametrize("name", ["get_component_candidates", "query_consent"])
def test_install_says_so_when_connections_have_changed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delattr(ice.Connection, name)
    with pytest.raises(RuntimeError, match=r"aiortc 1\.16\.0"):
        webrtc_ice.install()


async def test_a_connection_closed_as_it_is_made_leaves_no_task() -> None:
    caller, called = ice.Connection(ice_controlling=True), ice.Connection(ice_controlling=False)
    with webrtc_ice.gathering(Reach(is_loopback_only=True)):
        await asyncio.gather(caller.gather_candidates(), called.gather_candidates())
    for one, other in ((caller, called), (called, caller)):
        one.remote_username, one.remote_password = other.local_username, other.local_password
        for candidate in [*other.local_candidates, None]:
            await one.add_remote_candidate(candidate)
    connecting = [asyncio.create_task(one.connect()) for one in (caller, called)]
    while not called._check_list_done:  # noqa: ASYNC110  aioice tells nobody else
        await asyncio.sleep(0)
    await asyncio.gather(caller.close(), called.close())  # before `connect` has heard of its success
    await asyncio.gather(*connecting, return_exceptions=True)
