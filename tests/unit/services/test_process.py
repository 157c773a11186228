from __future__ import annotations

import socket
import sys
from pathlib import Path

from sottovoce.config import EngineKind
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.services.child import SERVICE_MODEL
from sottovoce.services.process import Spawner


async def printed_by(kind: EngineKind, model: InstalledModel) -> str:
    """What a program sees of the environment that a service is started with."""
    script = f"import os; print(os.environ.get({SERVICE_MODEL!r}))"
    with socket.create_server(("127.0.0.1", 0)) as sock:
        child = await Spawner({}, (sys.executable, "-c", script))(kind, sock, "service-key", model)
        assert await child.wait() == 0
        await child.kill()
    return child.last_words


async def test_a_service_is_told_its_model() -> None:
    given = InstalledModel(entry=EMBEDDED["tts"].entry.model_copy(update={"id": "mine"}), path=Path("/m/x"))
    assert InstalledModel.model_validate_json(await printed_by("tts", given)) == given


async def test_the_embedded_model_needs_no_telling() -> None:
    assert await printed_by("tts", EMBEDDED["tts"]) == "None"
