"""How an engine is asked whether it is well: never for work."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.config import EngineEndpoint
from sottovoce.conversation.wellness import is_well
from tests.serving import served


async def look(ready: Response | None, models: Response, seen: list[str]) -> bool:
    async def answer(request: Request) -> Response:
        seen.append(f"{request.method} {request.url.path} {request.headers.get('authorization', '')}".strip())
        if request.url.path == "/readyz":
            return ready or Response("<html>none</html>", 404)
        return models

    async with served(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])) as url:
        return await is_well(EngineEndpoint("llm", f"{url}/v1", "k", "m"))


async def test_our_own_engines_say_so_themselves() -> None:
    seen: list[str] = []
    assert await look(JSONResponse({"status": "ready"}), JSONResponse({"data": []}), seen)
    assert not await look(JSONResponse({"status": "loading"}, 503), Response(), seen)
    assert seen == ["GET /readyz", "GET /v1/models Bearer k", "GET /readyz"]


async def test_one_that_refuses_our_key_is_of_no_use_however_ready_it_is() -> None:
    assert not await look(JSONResponse({"status": "ready"}), Response(status_code=401), [])
    assert not await look(JSONResponse({"status": "ready"}), Response(status_code=403), [])


async def test_engines_of_others_are_asked_for_their_models() -> None:
    seen: list[str] = []
    assert await look(None, JSONResponse({"data": []}), seen)
    assert seen == ["GET /readyz", "GET /v1/models Bearer k"]
    assert await look(Response("<html>a page for all</html>"), JSONResponse({"data": []}), seen)
    assert await look(None, Response(status_code=404), seen)  # some have no list
    assert not await look(None, Response(status_code=401), seen)
    assert not await look(None, Response(status_code=502), seen)


async def test_silence_is_an_answer_too() -> None:
    assert not await is_well(EngineEndpoint("llm", "http://127.0.0.1:9/v1", "", "m"))
