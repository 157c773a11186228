"""What conversations are told of an engine that is not there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sottovoce.cli.hosting import _absent
from sottovoce.conversation.engines import Absent
from sottovoce.services.status import EngineState, EngineStatus


def absent(preferred: EngineStatus | None) -> Absent | None:
    used = EngineStatus("tts", "espeak-ng", "ready", preferred=preferred)
    supervisor: Any = SimpleNamespace(status=lambda kind: used)
    return _absent(supervisor, "tts")


def test_nobody_is_where_the_preferred_one_is_in_use() -> None:
    assert absent(None) is None


@pytest.mark.parametrize("state", ["loading", "warming"])
def test_one_on_its_first_way_to_ready_is_coming(state: EngineState) -> None:
    preferred = EngineStatus("tts", "kokoro", state)
    assert absent(preferred) == Absent("kokoro", f"it is {state}", is_coming=True)


@pytest.mark.parametrize(
    "lost",
    [
        EngineStatus("tts", "kokoro", "loading", reason="it ended", restarts=1),
        EngineStatus("tts", "kokoro", "restarting", reason="it ended"),
        EngineStatus("tts", "kokoro", "failed", reason="it ended"),
    ],
)
def test_one_that_was_lost_is_not(lost: EngineStatus) -> None:
    assert absent(lost) == Absent("kokoro", "it ended")
