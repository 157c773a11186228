from __future__ import annotations

from typing import Any

import pytest

from sottovoce.config import Settings
from sottovoce.livekit.server.reach import MediaReach, media_reach

OWN = ("172.17.0.1", "192.168.7.7", "fd00::7")
FACING = "192.168.7.7"
ANYWHERE = {"host": "0.0.0.0", "tls": True}


def reach(facing: str | None = FACING, own: tuple[str, ...] = OWN, **settings: Any) -> MediaReach:
    return media_reach(Settings(**settings), own, facing or "")


def test_on_loopback_media_stays_on_loopback() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        assert reach(host=host) == MediaReach("127.0.0.1")
    assert reach(host="127.0.0.1").is_loopback


def test_for_the_network_the_address_that_faces_it_is_told_not_a_bridge_s() -> None:
    assert reach(**ANYWHERE) == MediaReach("192.168.7.7")
    assert not reach(**ANYWHERE).is_loopback
    assert reach(**ANYWHERE).subnet == "192.168.7.7/32"


def test_behind_a_proxy_clients_are_elsewhere() -> None:
    assert reach(host="127.0.0.1", behind_proxy=True) == MediaReach("192.168.7.7")


def test_a_server_bound_to_one_address_tells_that_one() -> None:
    assert reach(host="172.17.0.1", tls=True) == MediaReach("172.17.0.1")
    assert reach(host="fd00::7", tls=True).subnet == "fd00::7/128"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "172.17.0.1"])
def test_an_advertised_address_is_that_of_the_machine_around_a_container(host: str) -> None:
    told = reach(host=host, tls=True, advertised_address="203.0.113.9")
    assert told == MediaReach("203.0.113.9", is_here=False)


def test_the_node_ip_wins() -> None:
    told = reach(advertised_address="203.0.113.9", livekit={"node_ip": "172.17.0.1"}, **ANYWHERE)
    assert told == MediaReach("172.17.0.1", is_here=True)


def test_offline_the_first_address_is_told_and_without_one_loopback() -> None:
    assert reach(facing=None, **ANYWHERE) == MediaReach("172.17.0.1")
    assert reach(facing=None, own=(), **ANYWHERE) == MediaReach("127.0.0.1")
