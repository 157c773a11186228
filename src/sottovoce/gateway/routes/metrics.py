"""`/metrics`: for Prometheus, with a key."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sottovoce.gateway.metrics import Metrics


def routes(metrics: Metrics) -> list[Route]:
    async def read(request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/metrics", read)]
