"""OpenAI's REST calls that an engine service answers; paths are those under `/v1`."""

from __future__ import annotations

import httpx
from starlette.routing import Route

from sottovoce.config import EngineKind
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.gateway.passthrough import Passthrough


def routes(client: httpx.AsyncClient, engines: EngineDirectory, limits: GatewayLimits) -> list[Route]:
    def passed_on(kind: EngineKind, path: str, limit_bytes: int) -> Route:
        endpoint = Passthrough(
            client, engines, kind, path, limit_bytes=limit_bytes, deadline=limits.body_deadline
        )
        return Route(path, endpoint, methods=["POST"])

    return [
        passed_on("stt", "/audio/transcriptions", limits.upload_bytes),
        passed_on("tts", "/audio/speech", limits.json_bytes),
        passed_on("llm", "/chat/completions", limits.json_bytes),
    ]
