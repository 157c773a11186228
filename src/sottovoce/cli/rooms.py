"""Rooms on LiveKit as `serve` has them: planned before anything starts, kept, told of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from sottovoce.config import Settings
    from sottovoce.livekit.access import LiveKitDirectory
    from sottovoce.livekit.server.managed import LiveKitPlan, ManagedLiveKit
    from sottovoce.services.supervisor import Supervisor


def planned(settings: Settings) -> LiveKitPlan | None:
    """Where a server is to be run here. Raises `ConfigError` for what would keep it from running."""
    if not settings.livekit.is_managed:
        return None
    from sottovoce.livekit.server.managed import LiveKitPlan

    return LiveKitPlan.of(settings)


@asynccontextmanager
async def kept(plan: LiveKitPlan, supervisor: Supervisor) -> AsyncIterator[ManagedLiveKit]:
    """The LiveKit server and its worker, which hears of the engines as they change."""
    from sottovoce.livekit.server.managed import ManagedLiveKit

    async with ManagedLiveKit(plan) as managed:
        feeding = asyncio.create_task(_feed(managed, supervisor), name="tell the worker of the engines")
        try:
            yield managed
        finally:
            feeding.cancel()


async def _feed(managed: ManagedLiveKit, supervisor: Supervisor) -> None:
    from sottovoce.livekit.engine_lines import write_line

    async for statuses in supervisor.changes():
        managed.tell_engines(write_line({kind: supervisor.chain(kind) for kind in statuses}))


def remote(settings: Settings) -> LiveKitDirectory | None:
    """The server of `LIVEKIT_URL`."""
    from sottovoce.livekit.access import LiveKitAccess, RemoteLiveKit

    livekit = settings.livekit
    return RemoteLiveKit(LiveKitAccess.remote(livekit)) if livekit.is_remote else None


async def show(console: Console, rooms: ManagedLiveKit | None) -> None:
    """One line for every step of the LiveKit server and its worker."""
    if rooms is None:
        return
    async for status in rooms.changes():
        line = "LiveKit is ready" if status.is_ready else f"LiveKit: {status.reason}"
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)


def greeting(settings: Settings, plan: LiveKitPlan | None) -> Iterator[tuple[str, str]]:
    """Where rooms are."""
    from rich.markup import escape

    livekit = settings.livekit
    if plan is not None:
        yield "Rooms", escape(str(plan.program))
        yield "", f"signalling through this server, {plan.media}"
    elif livekit.is_remote:
        yield "Rooms", f"LiveKit at {escape(str(livekit.url))}, with workers of its own (sottovoce worker)"
        if livekit.server == "managed":
            yield "", "none is started here: LIVEKIT_URL wins over --livekit and SOTTOVOCE_LIVEKIT"
