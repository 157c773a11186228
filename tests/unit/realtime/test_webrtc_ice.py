from __future__ import annotations

import asyncio

import pytest
from aioice import ice

from sottovoce.realtime import webrtc_ice

MACHINE = ["192.0.2.7", "fd00::7"]


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc_ice, "_machine_addresses", lambda use_ipv4, use_ipv6: list(MACHINE))
    monkeypatch.setattr(ice, "get_host_addresses", ice.get_host_addresses)
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", ice.CONSENT_INTERVAL)
    webrtc_ice.install()


async def _gathered() -> list[str]:
    return ice.get_host_addresses(True, True)


async def test_two_calls_at_once_each_get_their_own_choice() -> None:
    async def gather(*, is_loopback_only: bool) -> list[str]:
        with webrtc_ice.host_addresses(is_loopback_only=is_loopback_only):
            await asyncio.sleep(0)
            (addresses,) = await asyncio.gather(_gathered())  # in a task of its own, as aiortc does
            return addresses

    private, public = await asyncio.gather(gather(is_loopback_only=True), gather(is_loopback_only=False))
    assert private == ["127.0.0.1"]
    assert public == ["127.0.0.1", *MACHINE]


def test_a_machine_without_a_network_still_has_a_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc_ice, "_machine_addresses", lambda use_ipv4, use_ipv6: [])
    with webrtc_ice.host_addresses(is_loopback_only=False):
        assert ice.get_host_addresses(True, True) == ["127.0.0.1"]


def test_install_says_so_when_aioice_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ice, "get_host_addresses")
    with pytest.raises(RuntimeError, match=r"aiortc 1\.16\.0"):
        webrtc_ice.install()
