"""OpenAI's REST calls that an engine service answers; paths are those under `/v1`."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.routing import Route

from sottovoce.config import ENGINE_KINDS
from sottovoce.conversation.failover import Failover
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.gateway.model_names import ModelNames
from sottovoce.gateway.passthrough import EngineRoute, Passthrough
from sottovoce.gateway.places import Places
from sottovoce.http.engine_client import EngineClient

UPLOAD_SETTING = "SOTTOVOCE_MAX_UPLOAD_BYTES"


def routes(
    client: EngineClient,
    failover: Failover,
    names: ModelNames,
    limits: GatewayLimits,
    *,
    is_behind_proxy: bool,
) -> list[Route]:
    places = {
        kind: Places(limits.requests[kind], limits.client_share, limits.place_patience)
        for kind in ENGINE_KINDS
    }
    return [
        Route(
            route.path,
            Passthrough(
                route,
                client,
                failover,
                names,
                places[route.kind],
                grace=limits.body_grace,
                is_behind_proxy=is_behind_proxy,
            ),
            methods=[route.method],
        )
        for route in engine_routes(limits)
    ]


def engine_routes(limits: GatewayLimits) -> Iterator[EngineRoute]:
    """Every call that is passed on."""
    for path in ("/audio/transcriptions", "/audio/translations"):
        yield EngineRoute(
            "stt", path, "form", limits.transcription_patience, limits.upload_bytes, UPLOAD_SETTING
        )
    yield EngineRoute("tts", "/audio/speech", "json", limits.speech_patience, limits.json_bytes)
    yield EngineRoute("tts", "/audio/voices", "none", limits.voices_patience)
    yield EngineRoute("llm", "/chat/completions", "json", limits.reply_patience, limits.json_bytes)
