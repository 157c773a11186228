"""A llama.cpp server that says what a test wants, chunk by chunk."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

PING = ":"
"""A sign of life."""
CUT = "cut"
"""The connection breaks off."""
HOLD = "hold"
"""Nothing more comes until `release` is set."""

Step: TypeAlias = dict[str, Any] | str


def text(*pieces: str) -> list[Step]:
    return [delta(content=piece) for piece in pieces]


def delta(**given: Any) -> Step:
    return {"choices": [{"index": 0, "delta": given, "finish_reason": None}]}


def finish(reason: str = "stop", prompt: int = 9, completion: int = 3, cached: int = 4) -> list[Step]:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    return [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        {"choices": [], "usage": usage},
    ]


def call(index: int, arguments: str, name: str | None = None) -> Step:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return delta(tool_calls=[{"index": index, "id": "theirs", "function": function}])


def error(message: str, code: int = 500, kind: str = "server_error", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": kind, **more}}


@dataclass
class FakeLlama:
    """`scripts` has the events of each request in turn, or a status and the body of an error."""

    scripts: deque[list[Step] | tuple[int, dict[str, Any]]] = field(default_factory=deque)
    asked: list[dict[str, Any]] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client leaves in the middle."""

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    async def _chat(self, request: Request) -> Response:
        self.asked.append(await request.json())
        script = self.scripts.popleft()
        if isinstance(script, tuple):
            return JSONResponse(script[1], script[0])
        return StreamingResponse(self._events(script), media_type="text/event-stream")

    async def _events(self, script: list[Step]) -> AsyncIterator[str]:
        try:
            for step in script:
                if step == HOLD:
                    await self.release.wait()
                elif step == CUT:
                    raise ConnectionError("cut by the test")
                elif isinstance(step, str):
                    yield f"{step}\n\n"
                else:
                    yield f"data: {json.dumps(step)}\n\n"
            yield "data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.left.set()
            raise
