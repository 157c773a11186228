"""Engine services as child processes: started with a socket, a key and a model."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sottovoce.config import EngineKind
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.processes.child import Child, SystemChild, begin
from sottovoce.processes.environment import child_environment
from sottovoce.processes.logs import ChildLog
from sottovoce.services.child import SERVICE_KEY, SERVICE_MODEL


class Spawn(Protocol):
    """Starts one child that serves `model`. Raises OSError."""

    async def __call__(
        self, kind: EngineKind, sock: socket.socket, key: str, model: InstalledModel
    ) -> Child: ...


@dataclass(frozen=True, slots=True)
class Spawner:
    """Starts `python -m sottovoce.services KIND --fd N`.

    The key travels in the environment, which only the owner can read, and so do the model and the `settings`
    that a service needs.
    """

    settings: Mapping[str, str]
    program: Sequence[str] = (sys.executable, "-P", "-m", "sottovoce.services")

    async def __call__(
        self, kind: EngineKind, sock: socket.socket, key: str, model: InstalledModel
    ) -> SystemChild:
        own = {**self.settings, **_model(kind, model), SERVICE_KEY: key}
        return await begin(
            lambda: SystemChild(engine_log(kind)),
            (*self.program, kind, "--fd", str(sock.fileno())),
            child_environment(os.environ, own),
            pass_fds=[sock.fileno()],
        )


def engine_log(kind: EngineKind) -> ChildLog:
    return ChildLog(f"sottovoce.engine.{kind}")


def _model(kind: EngineKind, model: InstalledModel) -> dict[str, str]:
    """A service that is told of no model takes the embedded one."""
    return {} if model == EMBEDDED[kind] else {SERVICE_MODEL: model.model_dump_json()}
