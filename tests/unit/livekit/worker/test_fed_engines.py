from __future__ import annotations

import asyncio

from sottovoce.config import ENGINE_KINDS, EngineEndpoint
from sottovoce.livekit.engine_lines import write_line
from sottovoce.livekit.worker.fed_engines import FedEngines


def _chains(model: str) -> dict[str, tuple[EngineEndpoint, ...]]:
    return {kind: (EngineEndpoint(kind, "http://127.0.0.1:1/v1", "key", model),) for kind in ENGINE_KINDS}


async def test_engines_are_as_the_last_line_said() -> None:
    changes = 0

    def changed() -> None:
        nonlocal changes
        changes += 1

    engines, lines = FedEngines(changed), asyncio.StreamReader()
    assert engines.chain("llm") == ()
    lines.feed_data(write_line(_chains("first")) + write_line(_chains("second")))
    lines.feed_eof()
    await engines.read(lines)
    assert [one.model for one in engines.chain("llm")] == ["second"]
    assert changes == 2


async def test_reading_ends_with_the_pipe_and_with_nonsense() -> None:
    for wrong in (b"", b"{}\n", b'{"stt"', b"x" * 100):
        engines, lines = FedEngines(), asyncio.StreamReader(limit=50)
        lines.feed_data(wrong)
        lines.feed_eof()
        await engines.read(lines)
        assert engines.chain("stt") == ()
