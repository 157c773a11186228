"""What `doctor` looks at for rooms: the server's program, its ports, its keys."""

from __future__ import annotations

from collections.abc import Iterator

from sottovoce.cli.finding import Check, Finding, key_file
from sottovoce.cli.running import is_running
from sottovoce.config import Settings
from sottovoce.errors import ConfigError
from sottovoce.livekit.access import websocket_url
from sottovoce.livekit.server.keys import KEYS_FILE, load_or_create_keys
from sottovoce.livekit.server.ports import claim_ports
from sottovoce.livekit.server.program import WAYS, find_program
from sottovoce.livekit.server.reach import media_reach

REMOTE_DEADLINE = 5.0
"""Seconds for a LiveKit server elsewhere to say that it lives."""


def _program(settings: Settings) -> Iterator[Finding]:
    """Where rooms are off it is told whether they could be on."""
    livekit = settings.livekit
    if livekit.is_remote:
        yield _remote(settings)
        return
    hint = "" if livekit.is_managed else " (off; `serve --livekit` runs it)"
    try:
        yield Finding("LiveKit", "ok", f"{find_program(livekit.program)}{hint}")
    except ConfigError as error:
        if not livekit.is_managed and livekit.program is None:
            yield Finding("LiveKit", "ok", "none (only rooms need it: make livekit, or LIVEKIT_URL)")
            return
        fault = error.message.removesuffix(WAYS).strip().replace("\n", " ")
        yield Finding("LiveKit", "broken", fault, WAYS)


def _remote(settings: Settings) -> Finding:
    import httpx

    url = websocket_url(str(settings.livekit.url))
    try:
        reply = httpx.get(f"http{url.removeprefix('ws')}", timeout=REMOTE_DEADLINE)
        reply.raise_for_status()
    except httpx.HTTPError as error:
        cure = "Correct LIVEKIT_URL, or start the server there."
        return Finding("LiveKit", "broken", f"{url} does not answer: {error or type(error).__name__}", cure)
    return Finding("LiveKit", "ok", f"{url} answers; its workers are `sottovoce worker`")


def _ports(settings: Settings) -> Iterator[Finding]:
    if not settings.livekit.is_managed:
        return
    if is_running(settings):
        yield Finding("LiveKit ports", "ok", "Sottovoce runs")
        return
    reach = media_reach(settings)
    try:
        ports = claim_ports(settings.livekit, reach)
    except ConfigError as error:
        yield Finding("LiveKit ports", "broken", error.message, f"Choose another: {error.param}")
        return
    told = f"signalling {ports.signal}, UDP {ports.udp}" + (f", TCP {ports.tcp}" if ports.tcp else "")
    yield Finding("LiveKit ports", "ok", f"{told} are free; media at {reach.node_ip}")


def _keys(settings: Settings) -> Iterator[Finding]:
    """Weak ones of the settings are refused where settings are read, which is a finding of its own."""
    if settings.livekit.api_key is not None:
        yield Finding("LiveKit keys", "ok", "from LIVEKIT_API_KEY and LIVEKIT_API_SECRET")
    elif settings.livekit.is_managed:
        path = settings.home / KEYS_FILE
        yield key_file("LiveKit keys", path, makes="them", read=lambda: load_or_create_keys(settings))


LIVEKIT_CHECKS: tuple[Check, ...] = (_program, _ports, _keys)
