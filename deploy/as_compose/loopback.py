"""Names and ports of containers, as they are on one machine's loopback.

In a project every container has an address and all its ports to itself. Here each port that a service
listens on becomes a free one of 127.0.0.1, and wherever a command, a setting or a health check names the old
one, the new one stands in for it.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import yaml

from deploy.as_compose.project import Project, Service

LOOPBACK = "127.0.0.1"
ADDRESS = re.compile(r"(?<![\w.-])([A-Za-z][\w-]*|127\.0\.0\.1):(\d{2,5})(?!\d)")
RANGE = re.compile(r"\d{4,5}-\d{4,5}")
LISTENING_OPTION = "--port"


@dataclass(frozen=True, slots=True)
class Loopback:
    """`ports` are those of 127.0.0.1, by service and by port in its container."""

    project: Project
    ports: Mapping[tuple[str, int], int]

    @classmethod
    def of(cls, project: Project) -> Loopback:
        taken: dict[tuple[str, int], int] = {}
        for service in project.services.values():
            for port in sorted(_listened(project, service)):
                taken[service.name, port] = _free_port()
        return cls(project, taken)

    def command(self, service: Service) -> list[str]:
        return [self._word(service, word) for word in service.command]

    def environment(self, service: Service) -> dict[str, str]:
        values = {name: self._word(service, value) for name, value in service.environment.items()}
        if "LIVEKIT_CONFIG" in values:
            values["LIVEKIT_CONFIG"] = self._livekit_config(service, values["LIVEKIT_CONFIG"])
        return values

    def health_test(self, service: Service) -> list[str]:
        assert service.healthcheck is not None
        return [self._word(service, word) for word in service.healthcheck.test[1:]]

    def _word(self, service: Service, word: str) -> str:
        """A word as the service meets it: an own port, every address, an address of another."""
        if word == "0.0.0.0":
            return LOOPBACK
        if word.isdigit() and (service.name, int(word)) in self.ports:
            return str(self.ports[service.name, int(word)])
        return ADDRESS.sub(lambda found: self._address(service, found), word)

    def _address(self, service: Service, found: re.Match[str]) -> str:
        host, port = found[1], int(found[2])
        if (other := self.project.named(host)) is not None and (other.name, port) in self.ports:
            return f"{LOOPBACK}:{self.ports[other.name, port]}"
        if host not in ("localhost", LOOPBACK):
            return found[0]
        if (service.name, port) in self.ports:
            return f"{LOOPBACK}:{self.ports[service.name, port]}"
        for other in self.project.services.values():
            for _, published, target in other.published:
                if published == port and (other.name, target) in self.ports:
                    return f"{LOOPBACK}:{self.ports[other.name, target]}"
        return found[0]

    def _livekit_config(self, service: Service, given: str) -> str:
        """With its ports, on loopback alone: a container would listen on every address of its own."""
        config: dict[str, Any] = yaml.safe_load(given)
        rtc = config["rtc"]
        config["port"] = self.ports[service.name, config["port"]]
        for name in ("tcp_port", "udp_port"):
            rtc[name] = self.ports[service.name, rtc[name]]
        config["bind_addresses"] = [LOOPBACK]
        rtc |= {"enable_loopback_candidate": True, "interfaces": {"includes": ["lo"]}}
        return json.dumps(config)


def _listened(project: Project, service: Service) -> set[int]:
    """The ports of a service that are named anywhere; what a setting names as a range stays what it is."""
    ranges = [map(int, value.split("-")) for value in service.environment.values() if RANGE.fullmatch(value)]
    in_ranges = {port for first, last in ranges for port in range(first, last + 1)}
    ports = {target for *_, target in service.published} - in_ranges
    ports |= {int(after) for word, after in _pairs(service.command) if word == LISTENING_OPTION}
    ports |= {int(found[2]) for word in _health_words(service) for found in ADDRESS.finditer(word)}
    for other in project.services.values():
        for value in other.environment.values():
            ports |= {int(port) for host, port in ADDRESS.findall(value) if host in service.aliases}
    return ports


def _pairs(words: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(pairwise(words))


def _health_words(service: Service) -> tuple[str, ...]:
    return () if service.healthcheck is None else service.healthcheck.test


def _free_port() -> int:
    """Of both protocols, as LiveKit's are."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((LOOPBACK, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
