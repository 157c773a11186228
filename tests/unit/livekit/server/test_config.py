from __future__ import annotations

import json
from typing import Any

from sottovoce.config import Settings
from sottovoce.livekit.server.config import server_config
from sottovoce.livekit.server.keys import KeyPair
from sottovoce.livekit.server.livekit_server import server_environment
from sottovoce.livekit.server.ports import ServerPorts
from sottovoce.livekit.server.reach import MediaReach

KEYS = KeyPair("APIx", "s" * 43)
PORTS = ServerPorts(7880, 7882, 7881)


def config(reach: MediaReach, ports: ServerPorts = PORTS, **settings: Any) -> dict[str, Any]:
    return server_config(Settings(**settings), reach, ports, KEYS)


def test_signalling_and_administration_are_for_this_machine_alone() -> None:
    for reach in (MediaReach("127.0.0.1"), MediaReach("192.168.7.7"), MediaReach("203.0.113.9", False)):
        assert config(reach)["bind_addresses"] == ["127.0.0.1"]
        assert config(reach)["keys"] == {"APIx": "s" * 43}
        assert not config(reach)["development"]


def test_on_loopback_nothing_faces_the_network() -> None:
    rtc = config(MediaReach("127.0.0.1"), ServerPorts(7880, 7882, None))["rtc"]
    assert rtc["ips"] == {"includes": ["127.0.0.1/32"]}
    assert rtc["enable_loopback_candidate"]
    assert rtc["tcp_port"] == 0


def test_in_a_network_one_address_is_opened_and_told() -> None:
    rtc = config(MediaReach("192.168.7.7"))["rtc"]
    assert rtc["ips"] == {"includes": ["192.168.7.7/32"]}
    assert rtc["node_ip"] == "192.168.7.7"
    assert (rtc["udp_port"], rtc["tcp_port"]) == (7882, 7881)
    assert not rtc["enable_loopback_candidate"]


def test_in_a_container_every_address_is_opened_and_the_advertised_one_told() -> None:
    rtc = config(MediaReach("203.0.113.9", is_here=False))["rtc"]
    assert "ips" not in rtc
    assert rtc["node_ip"] == "203.0.113.9"


def test_nobody_elsewhere_is_asked_for_addresses() -> None:
    rtc = config(MediaReach("192.168.7.7"))["rtc"]
    assert rtc["use_external_ip"] is False
    assert rtc["stun_servers"] == ["127.0.0.1:9"]  # nobody, and not the port for media


def test_rooms_are_bounded_as_the_settings_say() -> None:
    livekit = {"empty_timeout": 11, "departure_timeout": 12, "max_participants": 3}
    told = config(MediaReach("127.0.0.1"), livekit=livekit, max_sessions=5)
    assert told["room"] == {
        "auto_create": True,
        "empty_timeout": 11,
        "departure_timeout": 12,
        "max_participants": 3,
    }
    assert told["limit"]["num_tracks"] == 5 * 9


def test_the_server_is_told_nothing_of_the_environment_but_its_configuration() -> None:
    environment = {
        "PATH": "/bin",
        "HOME": "/home/ann",
        "NODE_IP": "203.0.113.1",
        "UDP_PORT": "1",
        "LIVEKIT_KEYS": "devkey: secret",
        "LIVEKIT_RTC_STUN_SERVERS": "stun.example",
        "SOTTOVOCE_API_KEY": "k",
        "OPENAI_API_KEY": "k",
    }
    told = server_environment(environment, {"port": 7880})
    assert set(told) == {"PATH", "HOME", "LIVEKIT_CONFIG"}
    assert json.loads(told["LIVEKIT_CONFIG"]) == {"port": 7880}
