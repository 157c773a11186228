"""Which addresses and UDP ports a call may use, and how soon a vanished caller is noticed."""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address

from aioice import ice
from aioice.candidate import Candidate, candidate_foundation, candidate_priority

from sottovoce.errors import ServerFullError

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
WILDCARDS = {4: "0.0.0.0", 6: "::"}  # noqa: S104  bound only where an advertised address asks for it
ANY_PORT = range(0, 1)
"""Port 0: the system takes a free one of its own range."""

CONSENT_INTERVAL = 1.5
"""Seconds between the checks that the other side is still there (RFC 7675). Six that fail, 0.5 s each, end
the call: a caller that vanished without a word is noticed after 12 s; aioice's own interval takes 33."""

RECEIVE_BUFFER_BYTES = 1 << 18
"""Of each socket: some seconds of sound, should the event loop be held up."""

PORTS_RETRY_AFTER = 5.0
"""Seconds after which a caller for whom no port was free may try again: calls last minutes."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How callers come through to this server over UDP.

    `ports` are those of the firewall's or the container's opening. `advertised_address` is what callers are
    told in place of this machine's own addresses, which they cannot reach from outside a container or NAT.
    """

    is_loopback_only: bool = False
    ports: range = ANY_PORT
    advertised_address: str | None = None

    @property
    def addresses(self) -> list[str] | None:
        """What to bind, where that does not depend on the machine."""
        if self.advertised_address is not None:
            return [WILDCARDS[ip_address(self.advertised_address).version]]
        return [LOOPBACK] if self.is_loopback_only else None


_reach: ContextVar[Reach] = ContextVar("reach", default=Reach())  # noqa: B039  frozen
_machine_addresses = ice.get_host_addresses
_query_consent = ice.Connection.query_consent


@contextmanager
def gathering(reach: Reach) -> Iterator[None]:
    """Candidates gathered inside (tasks begun inside included) keep to `reach`.

    A server that answers on loopback alone shall open no port towards the network for its calls either.
    Raises `ServerFullError` from inside where none of the ports is free.
    """
    token = _reach.set(reach)
    try:
        yield
    finally:
        _reach.reset(token)


def install() -> None:
    """Put the choice into aioice, for every peer connection made from now on. Idempotent.

    Raises `RuntimeError` for an aioice that gathers in another way.
    """
    for holder, name in (
        (ice, "get_host_addresses"),
        (ice, "CONSENT_INTERVAL"),
        (ice.Connection, "get_component_candidates"),
        (ice.Connection, "query_consent"),
    ):
        if not hasattr(holder, name):
            raise RuntimeError(f"This aioice has no {name}. Install aiortc 1.16.0.")
    ice.get_host_addresses = _host_addresses
    ice.CONSENT_INTERVAL = CONSENT_INTERVAL  # type: ignore[assignment]
    ice.Connection.get_component_candidates = _component_candidates  # type: ignore[assignment,method-assign]
    ice.Connection.query_consent = _query_while_open  # type: ignore[assignment,method-assign]


async def _query_while_open(connection: ice.Connection) -> None:
    """A connection that is closed at the moment it is made would ask for consent for ever."""
    if not connection._closing:
        await _query_consent(connection)


def _host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """aioice leaves loopback out, which browsers on this very machine can always reach."""
    return _reach.get().addresses or [LOOPBACK, *_machine_addresses(use_ipv4, use_ipv6)]


async def _component_candidates(
    connection: ice.Connection, component: int, addresses: list[str], timeout: int = 5
) -> list[Candidate]:
    """Host candidates only, and that is all a server without STUN and TURN has; one socket for each."""
    reach = _reach.get()
    candidates: list[Candidate] = []
    for address in addresses:
        sock = _bound(address, reach.ports)
        if sock is None:
            continue
        candidate = _candidate(component, reach.advertised_address or address, sock.getsockname()[1])
        await _listen(connection, sock, candidate)
        candidates.append(candidate)
    return candidates


async def _listen(connection: ice.Connection, sock: socket.socket, candidate: Candidate) -> None:
    """From here on, closing `connection` closes the socket and gives its port back."""
    loop = asyncio.get_running_loop()
    try:
        _, protocol = await loop.create_datagram_endpoint(lambda: ice.StunProtocol(connection), sock=sock)
    except BaseException:
        sock.close()
        raise
    protocol.local_candidate = candidate
    connection._protocols.append(protocol)


def _candidate(component: int, address: str, port: int) -> Candidate:
    return Candidate(
        foundation=candidate_foundation("host", "udp", address),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=address,
        port=port,
        type="host",
    )


def _bound(address: str, ports: range) -> socket.socket | None:
    """A UDP socket on a free one of `ports`; None where the address itself cannot be used.

    Raises `ServerFullError` where all ports are taken.
    """
    for port in _from_anywhere(ports):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            sock.bind((address, port))
        except OSError as error:
            sock.close()
            if error.errno != errno.EADDRINUSE:
                logger.info("a call cannot use the address %s: %s", address, error.strerror)
                return None
        else:
            return sock
    raise ServerFullError(
        "The server has no free UDP port for another call (SOTTOVOCE_UDP_PORTS). Try again in a moment.",
        retry_after=PORTS_RETRY_AFTER,
    )


def _from_anywhere(ports: range) -> Iterable[int]:
    """All of `ports` from a random one on: a port given back may still get the last call's packets."""
    start = random.randrange(len(ports))  # noqa: S311  no secret
    return (*ports[start:], *ports[:start])
