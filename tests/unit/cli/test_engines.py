"""What a command hears of an engine that refuses or does not come up."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sottovoce.cli import engines
from sottovoce.errors import EngineTimeout, EngineUnavailable, InvalidRequestError
from sottovoce.services.status import EngineState, EngineStatus

IN_FORM = {
    "error": {"message": "The file is empty.", "type": "invalid_request_error", "param": None, "code": None}
}


class Supervised:
    """A supervisor whose engine goes through `states` and stays in the last."""

    def __init__(self, *states: EngineState) -> None:
        self.states = states

    async def changes(self) -> AsyncIterator[dict[str, EngineStatus]]:
        for state in self.states:
            yield {"tts": EngineStatus("tts", "espeak-ng", state, reason="no library")}
        raise TimeoutError


async def test_a_good_answer_passes() -> None:
    await engines.check(httpx.Response(200), "tts")


async def test_what_the_client_did_wrong_is_told_in_the_server_s_words() -> None:
    with pytest.raises(InvalidRequestError, match="The file is empty"):
        await engines.check(httpx.Response(400, json=IN_FORM), "stt")


@pytest.mark.parametrize("reply", [httpx.Response(503, json=IN_FORM), httpx.Response(500, text="<html>")])
async def test_what_the_engine_did_wrong_names_the_engine(reply: httpx.Response) -> None:
    with pytest.raises(EngineUnavailable, match=r"stt.*(empty|HTTP 500)"):
        await engines.check(reply, "stt")


async def test_an_engine_that_loads_is_waited_for() -> None:
    await engines._until_ready(Supervised("loading", "restarting", "ready"), "tts", 60)  # type: ignore[arg-type]


async def test_one_that_fails_says_why() -> None:
    with pytest.raises(EngineUnavailable, match="no library"):
        await engines._until_ready(Supervised("loading", "failed"), "tts", 60)  # type: ignore[arg-type]


async def test_one_that_never_gets_ready_is_given_up() -> None:
    with pytest.raises(EngineTimeout, match="sottovoce doctor"):
        await engines._until_ready(Supervised("loading"), "tts", 60)  # type: ignore[arg-type]
