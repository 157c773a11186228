"""A running server's models, changed from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from sottovoce.cli import desk
from sottovoce.cli.desk import remove_running, use_running
from sottovoce.cli.running import RunningServer
from sottovoce.errors import EngineUnavailable, InvalidRequestError

SERVER = RunningServer("http://127.0.0.1:1", "the-key")
State = dict[str, object]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[httpx.Request]]:
    monkeypatch.setattr(desk, "ASKED_EVERY", 0.0)

    def install(*states: State | None, begun: httpx.Response | None = None) -> list[httpx.Request]:
        """Answers to GET /api/models in turn, the last for ever."""
        asked: list[httpx.Request] = []
        left = list(states)

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            if request.method != "GET":
                return begun or httpx.Response(202, json={"models": []})
            state = left.pop(0) if len(left) > 1 else left[0]
            models = [] if state is None else [{"id": "kokoro-v1.0", **state}]
            return httpx.Response(200, json={"models": models, "machine": {}})

        def client(server: RunningServer) -> httpx.AsyncClient:
            return httpx.AsyncClient(base_url=f"{server.url}/api/", transport=httpx.MockTransport(answer))

        monkeypatch.setattr(desk, "client_of", client)
        return asked

    return install


async def test_a_load_is_waited_for(serve: Callable[..., list[httpx.Request]]) -> None:
    asked = serve({"state": "loading", "progress": 0.5}, {"state": "warming"}, {"state": "ready"})
    await use_running(SERVER, "tts", "kokoro-v1.0", "kokoro-v1.0")
    assert asked[0].url.path == "/api/models/use"
    assert json.loads(asked[0].content) == {"kind": "tts", "model": "kokoro-v1.0"}
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"state": "failed", "reason": "model.onnx is cut off"}, "model.onnx is cut off"),
        ({"state": "installed"}, "it is installed"),
        (None, "not known here"),
    ],
)
async def test_a_load_that_fails_is_told(
    serve: Callable[..., list[httpx.Request]], state: State | None, message: str
) -> None:
    serve({"state": "loading"}, state)
    with pytest.raises(EngineUnavailable, match=message):
        await use_running(SERVER, "tts", "kokoro-v1.0", "kokoro-v1.0")


async def test_a_refusal_is_told_in_the_servers_words(serve: Callable[..., list[httpx.Request]]) -> None:
    serve(None, begun=httpx.Response(409, json={"error": {"message": "SOTTOVOCE_TTS_MODEL is set"}}))
    with pytest.raises(InvalidRequestError, match="SOTTOVOCE_TTS_MODEL is set"):
        await use_running(SERVER, "tts", "kokoro-v1.0", "kokoro-v1.0")


async def test_removing_says_what_it_freed(serve: Callable[..., list[httpx.Request]]) -> None:
    asked = serve(None, begun=httpx.Response(200, json={"freed_bytes": 5, "deleted": True}))
    assert await remove_running(SERVER, "kokoro-v1.0", "tts", is_forced=True) == 5
    assert (asked[0].method, str(asked[0].url)) == (
        "DELETE",
        "http://127.0.0.1:1/api/models/kokoro-v1.0?force=true",
    )


async def test_an_answer_in_another_form_is_a_fault(serve: Callable[..., list[httpx.Request]]) -> None:
    serve(None, begun=httpx.Response(200, text="<html>"))
    with pytest.raises(EngineUnavailable, match="not known here"):
        await remove_running(SERVER, "kokoro-v1.0", "tts", is_forced=False)


async def test_a_server_that_goes_meanwhile_is_told() -> None:
    with pytest.raises(EngineUnavailable, match="does not answer any more"):
        await use_running(SERVER, "tts", "kokoro-v1.0", "kokoro-v1.0")  # nobody listens there
    with pytest.raises(EngineUnavailable, match="does not answer any more"):
        await remove_running(SERVER, "kokoro-v1.0", "tts", is_forced=False)


async def test_the_key_goes_to_the_server() -> None:
    async with desk.client_of(SERVER) as client:
        assert client.headers["authorization"] == "Bearer the-key"
        assert str(client.base_url) == "http://127.0.0.1:1/api/"
