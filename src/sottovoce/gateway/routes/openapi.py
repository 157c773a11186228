"""`/openapi.json`: the REST calls in OpenAPI's form, made by `scripts/make_openapi.py`."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

DOCUMENT = Path(__file__).parents[1] / "openapi.json"


def routes() -> list[Route]:
    async def openapi(request: Request) -> Response:
        return FileResponse(DOCUMENT, media_type="application/json")

    return [Route("/openapi.json", openapi)]
