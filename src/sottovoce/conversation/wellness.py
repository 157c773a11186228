"""The cheap question that engines answer from memory: whether they could work. No work is asked for."""

from __future__ import annotations

import httpx
from pydantic import BaseModel, ValidationError

from sottovoce.config import EngineEndpoint

LOOK_DEADLINE = 1.5
"""Seconds for an answer."""


class _Readiness(BaseModel):
    status: str


async def is_well(endpoint: EngineEndpoint) -> bool:
    """By its `/readyz`, where there is one, and its list of models, which shows if our key is good, too."""
    try:
        has_tls = endpoint.url.startswith("https:")  # certificates take longer to load than to answer
        async with httpx.AsyncClient(verify=has_tls, timeout=LOOK_DEADLINE, trust_env=False) as client:
            reply = await client.get(f"{endpoint.url.removesuffix('/v1')}/readyz")
            if (readiness := _readiness(reply)) is not None and readiness.status != "ready":
                return False
            reply = await client.get(f"{endpoint.url}/models", headers=endpoint.headers)
            return reply.status_code < 500 and reply.status_code not in (401, 403)
    except httpx.HTTPError:
        return False


def _readiness(reply: httpx.Response) -> _Readiness | None:
    try:
        return _Readiness.model_validate_json(reply.content)
    except ValidationError:
        return None
