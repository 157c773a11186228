"""The model objects of a service, and the names it goes by."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
from starlette.applications import Starlette

from sottovoce.errors import NotFoundError
from sottovoce.http.errors import EXCEPTION_HANDLERS
from sottovoce.services.models import Parameters, ServedModel

VOICES: list[str] = []


def facts() -> dict[str, Sequence[str]]:
    return {"voices": tuple(VOICES)}


MODEL = ServedModel(
    "org/engine:1",
    frozenset({"tts-1", "gpt-4o-mini-tts"}),
    family=re.compile(r"gpt-\d+-voice"),
    parameters=Parameters(honoured=("speed",), ignored=("instructions",)),
    facts=facts,
    created=7,
)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=MODEL.routes(), exception_handlers=EXCEPTION_HANDLERS)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(base_url="http://engine", transport=transport) as client:
        yield client


@pytest.mark.parametrize(
    "name",
    [
        *("org/engine:1", "tts-1", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1-latest"),
        *("tts-1-preview-2025-01-01", "tts-1-1106", "gpt-9-voice"),
    ],
)
def test_names_that_mean_the_model(name: str) -> None:
    MODEL.check(name)


@pytest.mark.parametrize(
    "name", ["", "engine:1", "tts-2", "tts-1-hd", "org/engine:1-latest", "gpt-9-voice-x"]
)
def test_names_that_do_not(name: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        MODEL.check(name)
    assert (raised.value.param, raised.value.code) == ("model", "model_not_found")


async def test_one_entry_is_listed_with_what_it_can_do(client: httpx.AsyncClient) -> None:
    VOICES[:] = ["nova"]
    assert (await client.get("/v1/models")).json() == {
        "object": "list",
        "data": [
            {
                "id": "org/engine:1",
                "object": "model",
                "created": 7,
                "owned_by": "sottovoce",
                "root": "org/engine:1",
                "aliases": ["gpt-4o-mini-tts", "tts-1"],
                "parameters": {"honoured": ["speed"], "ignored": ["instructions"]},
                "voices": ["nova"],
            }
        ],
    }


async def test_a_name_with_a_slash_is_looked_up(client: httpx.AsyncClient) -> None:
    for path in ("/v1/models/org/engine:1", "/v1/models/org%2Fengine%3A1"):
        assert (await client.get(path)).json()["id"] == "org/engine:1"


async def test_an_alias_is_looked_up_and_names_the_model_behind_it(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1/models/tts-1-2025-01-01")).json()
    assert (found["id"], found["root"]) == ("tts-1-2025-01-01", "org/engine:1")


async def test_an_unknown_name_is_not_found(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v1/models/org/other")
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "model_not_found"
