"""What `serve` tells whoever started it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from sottovoce.cli import rooms
from sottovoce.cli.lines import line_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from sottovoce.config import EngineKind, Settings
    from sottovoce.gateway.tls import ServerTls
    from sottovoce.livekit.server.managed import LiveKitPlan
    from sottovoce.services.status import EngineStatus

MAX_SHOWN_ADDRESSES = 3
"""Machines with containers have dozens; those that people use come first."""


def greet(
    console: Console,
    settings: Settings,
    url: str,
    statuses: Mapping[EngineKind, EngineStatus],
    tls: ServerTls | None,
    plan: LiveKitPlan | None = None,
) -> None:
    """Say where the server is, how to get in, and who talks there."""
    from rich.panel import Panel

    lines = _greeting(settings, url, statuses, tls, plan)
    text = "\n".join(f"{label:<6} {value}" for label, value in lines)
    console.print(Panel(text, title="Sottovoce", title_align="left", expand=False, padding=(0, 2)))


def _greeting(
    settings: Settings,
    url: str,
    statuses: Mapping[EngineKind, EngineStatus],
    tls: ServerTls | None,
    plan: LiveKitPlan | None = None,
) -> Iterator[tuple[str, str]]:
    """What whoever started the server needs to know, line by line."""
    yield "Open", f"[bold link={url}]{url}[/]"
    for other in _network_urls(settings, url) if tls else ():
        yield "", f"[link={other}]{other}[/] from your network"
    from rich.markup import escape

    where = "[bold]sottovoce key show[/] prints it" if settings.api_key is None else "as in SOTTOVOCE_API_KEY"
    yield "API", f"{url}/v1   key: {where}"
    if tls is not None:
        kind = "self-signed: browsers ask once" if tls.is_self_signed else str(tls.certificate_file)
        yield "TLS", f"{kind}; until {tls.certificate.expires:%Y-%m-%d}; SHA-256"
        half = len(tls.certificate.fingerprint) // 2 + 1
        yield "", tls.certificate.fingerprint[:half]
        yield "", tls.certificate.fingerprint[half:]
    for number, line in enumerate(line_up(statuses)):
        yield "" if number else "Models", escape(line)
    yield from rooms.greeting(settings, plan)
    yield "End", "Ctrl-C"


def _network_urls(settings: Settings, url: str) -> Iterator[str]:
    """Where others open a server that is bound to every address."""
    from sottovoce.cli.running import WILDCARDS
    from sottovoce.machine_names import network_addresses

    if settings.host in WILDCARDS:
        port = url.rpartition(":")[2]
        for address in network_addresses()[:MAX_SHOWN_ADDRESSES]:
            yield f"https://[{address}]:{port}" if ":" in address else f"https://{address}:{port}"


def has_display() -> bool:
    """Whether a browser opened here would be seen by the person who started this."""
    if os.environ.get("CI") or os.environ.get("SSH_CONNECTION"):
        return False
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
