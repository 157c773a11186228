"""The managed livekit-server: one process of its own program, on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from sottovoce.livekit.server.log import MAX_LINE_BYTES, server_line
from sottovoce.livekit.server.program import PROGRAM
from sottovoce.livekit.server.reach import LOOPBACK
from sottovoce.processes.child import Child, SystemChild, begin
from sottovoce.processes.keeping import Keeping, Seen
from sottovoce.processes.logs import ChildLog

LOG_NAME: Final = "sottovoce.livekit.server.livekit_server"
LOOK_DEADLINE: Final = 1.5
"""Seconds for an answer: the server answers in a millisecond, but its machine may be busy with speech."""
READY_DEADLINE: Final = 20.0
"""Seconds from its start to its first answer; it takes a tenth of one."""
POLITE_STOP: Final = 0.3
"""Seconds after which a server that was asked to stop is told not to wait for its participants to leave."""
STOP_DEADLINE: Final = 3.0
_KEPT = ("PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", "GOMAXPROCS", "GOMEMLIMIT", "SYSTEMROOT")
"""All that a server is told of the environment. It reads much of it as settings (NODE_IP, UDP_PORT,
REDIS_HOST, LIVEKIT_…), which are the configuration's to say."""
_CONFIG = "LIVEKIT_CONFIG"


class ServerChild(SystemChild):
    """Asked once, livekit-server waits until every participant has left; asked twice, it ends."""

    async def stop(self, deadline: float) -> None:
        with suppress(ProcessLookupError):
            self._transport.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLITE_STOP):
                    await self._exited.wait()
        await super().stop(deadline)


@dataclass(slots=True)
class LiveKitServer:
    """Runs `program` with `config`, which holds its keys: it travels in the environment, which only the owner
    can read. The program dies with this process."""

    program: str
    config: Mapping[str, Any] = field(repr=False)
    on_change: Callable[[], None]
    keeping: Keeping = field(init=False)
    _client: httpx.AsyncClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.keeping = Keeping(
            PROGRAM,
            self._begin,
            self._look,
            self.on_change,
            ready_deadline=READY_DEADLINE,
            stop_deadline=STOP_DEADLINE,
        )
        address = f"http://{LOOPBACK}:{self.config['port']}"
        self._client = httpx.AsyncClient(base_url=address, timeout=LOOK_DEADLINE, trust_env=False)

    async def run(self) -> None:
        """Until cancelled; then it has ended before this returns."""
        try:
            await self.keeping.run()
        finally:
            await self._client.aclose()

    async def _begin(self) -> Child:
        return await begin(
            lambda: ServerChild(ChildLog(LOG_NAME, server_line, MAX_LINE_BYTES)),
            (sys.executable, "-P", "-m", "sottovoce.processes.launch", self.program),
            server_environment(os.environ, self.config),
        )

    async def _look(self) -> Seen:
        """It is not ready while its view of its own machine is old."""
        try:
            reply = await self._client.get("/")
        except httpx.HTTPError:
            return "silent"
        return "ready" if reply.is_success else "starting"


def server_environment(environment: Mapping[str, str], config: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: environment[name] for name in _KEPT if name in environment}
    return {**kept, _CONFIG: json.dumps(config)}
