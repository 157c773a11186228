"""Which of this machine's addresses a call may use, and how soon a vanished caller is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aioice import ice

LOOPBACK = "127.0.0.1"

CONSENT_INTERVAL = 1.5
"""Seconds between the checks that the other side is still there (RFC 7675). Six that fail, 0.5 s each, end
the call: a caller that vanished without a word is noticed after 12 s; aioice's own interval takes 33."""

_is_loopback_only: ContextVar[bool] = ContextVar("is_loopback_only", default=False)
_machine_addresses = ice.get_host_addresses


def _host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """aioice leaves loopback out, which browsers on this very machine can always reach."""
    if _is_loopback_only.get():
        return [LOOPBACK]
    return [LOOPBACK, *_machine_addresses(use_ipv4, use_ipv6)]


@contextmanager
def host_addresses(*, is_loopback_only: bool) -> Iterator[None]:
    """Gathering inside (tasks begun inside included) uses only loopback, or loopback and all others.

    A server that answers on loopback alone shall open no port towards the network for its calls either.
    """
    token = _is_loopback_only.set(is_loopback_only)
    try:
        yield
    finally:
        _is_loopback_only.reset(token)


def install() -> None:
    """Put the choice into aioice, for every peer connection made from now on. Idempotent.

    Raises `RuntimeError` for an aioice that gathers in another way.
    """
    for name in ("get_host_addresses", "CONSENT_INTERVAL"):
        if not hasattr(ice, name):
            raise RuntimeError(f"This aioice has no ice.{name}. Install aiortc 1.16.0.")
    ice.get_host_addresses = _host_addresses
    ice.CONSENT_INTERVAL = CONSENT_INTERVAL  # type: ignore[assignment]
