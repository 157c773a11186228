"""`/api/models`, what status and readiness tell of models, and `/metrics`, as page and programs see them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sottovoce.conversation.events import Latency, TurnMeasured
from sottovoce.gateway.engines import EngineStatus
from sottovoce.gateway.keys import KEYS_FILE, KeyStore
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.models.desk import ModelDesk
from sottovoce.models.download_errors import HubUnreachable
from sottovoce.models.download_job import Progress
from sottovoce.models.engine_room import EngineModel
from tests.contract.gateway_server import BEARER, Gateway, running
from tests.fake_models import FakeDownloads, FakeRoom, broken, put_in_place, settings_with_models
from tests.unit.models.model_files import write_gguf

HALF = Progress(step="fetching", bytes=500, total_bytes=1000, rate=50.0, file="model.onnx")


@dataclass
class Place:
    """A gateway with a desk, and what stands behind that."""

    gateway: Gateway
    desk: ModelDesk
    room: FakeRoom
    downloads: FakeDownloads

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.gateway.client.request(
            method, f"/api/models{path}", json=body, headers={**BEARER, **headers}
        )

    async def state(self, name: str) -> dict[str, Any]:
        listed = (await self.ask("GET", "")).json()["models"]
        return next(model for model in listed if model["id"] == name)


@asynccontextmanager
async def placed(folder: Path, limits: GatewayLimits | None = None, **given: Any) -> AsyncIterator[Place]:
    room, downloads = FakeRoom(), FakeDownloads(folder)
    limits = limits or GatewayLimits(wrong_key_hold=0, model_news_interval=0.01)
    settings = settings_with_models(folder, **given)
    async with (
        ModelDesk(settings, room, fetch=downloads) as desk,
        running(folder, limits, desk=desk) as gateway,
    ):
        yield Place(gateway, desk, room, downloads)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as place:
        yield place


async def test_every_model_is_listed_with_all_that_is_known_of_it(place: Place) -> None:
    reply = await place.ask("GET", "")
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == {"models", "machine", "is_offline", "may_change"}
    assert set(body["machine"]) == {"cores", "memory_bytes", "cpu", "gpu"}
    assert await place.state("ear") == {
        "id": "ear",
        "kind": "stt",
        "engine": "sherpa-streaming",
        "title": "ear",
        "languages": ["en"],
        "license": "MIT",
        "license_url": None,
        "quality": "",
        "download_bytes": 3000,
        "memory_bytes": 1000,
        "size_bytes": 0,
        "state": "absent",
        "progress": None,
        "reason": None,
        "bytes": 0,
        "total_bytes": 0,
        "rate": 0,
        "seconds_left": None,
        "step": None,
        "file": None,
        "in_use": False,
        "is_embedded": False,
        "is_installed": False,
        "has_source": True,
        "fit": {"verdict": "fits", "reason": "", "instead": None},
    }
    assert (await place.state("espeak-ng"))["in_use"]


async def test_a_model_is_pulled_watched_and_used(place: Place) -> None:
    reply = await place.ask("POST", "/pull", {"id": "mouth", "use": True})
    assert reply.status_code == 202
    place.downloads.advance("mouth", HALF)
    async with events(place) as news:
        async for models in news:
            if models.get("mouth", {}).get("step") == "fetching":
                break
        assert (models["mouth"]["progress"], models["mouth"]["seconds_left"]) == (0.5, 10)
        assert models["mouth"]["file"]["name"] == "model.onnx"
        status = (await place.gateway.client.get("/api/status", headers=BEARER)).json()
        assert status["models"]["mouth"] == {"state": "downloading", "progress": 0.5, "reason": None}
        ready = (await place.gateway.client.get("/readyz")).json()
        coming = {"model": "mouth", "state": "downloading", "progress": 0.5, "reason": None}
        assert coming in ready["models"]["tts"]
        place.downloads.finish("mouth")
        async for models in news:
            if models.get("mouth", {}).get("state") == "ready":
                break
    assert (await place.state("mouth"))["in_use"]
    assert place.room.used == [("tts", "mouth")]


@asynccontextmanager
async def events(place: Place, **headers: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The models of each event, by id."""
    client = place.gateway.client
    async with client.stream("GET", "/api/models/events", headers={**BEARER, **headers}) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")

        async def told(lines: AsyncIterator[str]) -> AsyncGenerator[dict[str, Any]]:
            async for line in lines:
                if line.startswith("data: "):
                    yield {model["id"]: model for model in json.loads(line[6:])["models"]}

        async with aclosing(reply.aiter_lines()) as lines, aclosing(told(lines)) as news:
            yield news


async def test_the_first_event_has_all_models_and_later_ones_those_that_changed(place: Place) -> None:
    async with events(place) as news:
        assert {"ear", "mind", "mouth", "pocketsphinx"} <= (await anext(news)).keys()
        await place.ask("POST", "/pull", {"id": "mouth"})
        assert (await anext(news)).keys() == {"mouth"}


async def test_listeners_are_bounded_and_give_their_places_back(tmp_path: Path) -> None:
    limits = GatewayLimits(wrong_key_hold=0, model_listeners=1)
    async with placed(tmp_path, limits) as place:
        async with events(place) as news:
            await anext(news)
            reply = await place.ask("GET", "/events")
            assert (reply.status_code, reply.json()["error"]["code"]) == (503, "rate_limit_exceeded")
        async with asyncio.timeout(5):
            while (await _first_line(place)) != 200:
                pass


async def _first_line(place: Place) -> int:
    async with place.gateway.client.stream("GET", "/api/models/events", headers=BEARER) as reply:
        return reply.status_code


async def test_listeners_end_with_the_server(tmp_path: Path) -> None:
    async with placed(tmp_path) as place, events(place) as news:
        await anext(news)
        place.desk.end_news()
        assert [models async for models in news] == []


async def test_a_set_is_pulled_and_a_download_cancelled(place: Place) -> None:
    assert (await place.ask("POST", "/pull", {"ids": ["ear", "mind", "mouth"]})).status_code == 202
    assert {(await place.state(name))["state"] for name in ("ear", "mind", "mouth")} == {"downloading"}
    assert (await place.ask("POST", "/cancel", {"id": "mind"})).status_code == 200
    assert (await place.state("mind"))["state"] == "absent"
    reply = await place.ask("POST", "/cancel", {"id": "mind"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "not_downloading")


async def test_a_download_that_failed_tells_why(place: Place) -> None:
    await place.ask("POST", "/pull", {"id": "ear"})
    place.downloads.fail("ear", HubUnreachable("There is no connection."))
    async with events(place) as news:
        async for models in news:
            if models.get("ear", {}).get("state") == "failed":
                break
    assert models["ear"]["reason"] == "There is no connection."


async def test_using_a_model_is_begun_and_told(place: Place) -> None:
    await asyncio.to_thread(put_in_place, place.desk.settings.home, place.desk.state("ear").entry)
    place.room.gate.clear()
    reply = await place.ask("POST", "/use", {"kind": "stt", "model": "ear"})
    assert reply.status_code == 202
    assert (await place.state("ear"))["state"] == "loading"
    reply = await place.ask("DELETE", "/ear")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "model_in_use")
    place.room.refusal = broken("stt", "its metadata are wrong")
    place.room.gate.set()
    async with events(place) as news:
        async for models in news:
            if models.get("ear", {}).get("state") == "failed":
                break
    assert models["ear"]["reason"] == "its metadata are wrong"
    reply = await place.ask("DELETE", "/ear")
    assert (reply.status_code, reply.json()["deleted"]) == (200, True)
    assert (await place.state("ear"))["state"] == "absent"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/pull", {"id": "nobody"}, 404, "model_not_found"),
        ("POST", "/pull", {"id": "espeak-ng"}, 400, "invalid_value"),
        ("POST", "/pull", {"id": "../ear"}, 404, "model_not_found"),
        ("POST", "/pull", {}, 400, "invalid_value"),
        ("POST", "/pull", {"id": "ear", "ids": ["ear"]}, 400, "invalid_value"),
        ("POST", "/pull", {"ids": ["ear"] * 21}, 400, "invalid_value"),
        ("POST", "/pull", {"id": "ear", "from": "elsewhere"}, 400, None),
        ("POST", "/use", {"kind": "stt", "model": "ear"}, 404, "model_missing"),
        ("POST", "/use", {"kind": "ears", "model": "ear"}, 400, "invalid_value"),
        ("POST", "/use", {"kind": "stt", "model": "x" * 5000}, 400, "invalid_value"),
        ("POST", "/use", {"kind": "stt", "model": "nobody"}, 400, "invalid_value"),
        ("POST", "/use", {"kind": "stt", "model": "mouth"}, 400, "invalid_value"),
        ("POST", "/use", {"kind": "stt", "model": "/nowhere/\0"}, 400, "invalid_value"),
        ("DELETE", "/nobody", None, 404, "model_not_found"),
        ("DELETE", "/ear?force=perhaps", None, 400, "invalid_value"),
        ("POST", "/pull", {"id": "ear" * 10_000}, 413, "request_too_large"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_openai_s_form(
    place: Place, method: str, path: str, body: Any, status: int, code: str | None
) -> None:
    reply = await place.ask(method, path, body)
    error = reply.json()["error"]
    assert reply.status_code == status, error
    assert set(error) == {"message", "type", "param", "code"}
    assert code is None or error["code"] == code
    assert place.downloads.begun == {}


async def test_offline_downloads_are_refused(tmp_path: Path) -> None:
    async with placed(tmp_path, offline=True) as place:
        reply = await place.ask("POST", "/pull", {"id": "ear"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (409, "hub_offline")
        assert (await place.ask("GET", "")).json()["is_offline"]
        offer = (await place.ask("GET", "/offer")).json()
        assert (offer["is_offline"], offer["is_reachable"]) == (True, None)


async def test_the_page_of_this_machine_may_change_models_and_names_them_by_id(place: Place) -> None:
    client = place.gateway.client
    await client.get("/")  # which sets the page's cookie
    own = {"origin": place.gateway.url, "sec-fetch-site": "same-origin"}
    reply = await client.get("/api/models", headers=own)
    assert reply.json()["may_change"] is True
    reply = await client.post("/api/models/pull", json={"id": "ear"}, headers=own)
    assert reply.status_code == 202
    reply = await client.post("/api/models/use", json={"kind": "llm", "model": "/etc/x.gguf"}, headers=own)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "model")
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    for path, body in (("pull", {"id": "mouth"}), ("use", {"kind": "stt", "model": "embedded"})):
        reply = await client.post(f"/api/models/{path}", json=body, headers=foreign)
        assert reply.status_code == 403
    reply = await client.delete("/api/models/ear", headers=foreign)
    assert reply.status_code == 403
    assert "mouth" not in place.downloads.begun


async def test_a_page_names_no_file_that_lies_where_the_server_was_started(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gguf(tmp_path / "mine.gguf")
    monkeypatch.chdir(tmp_path)
    client = place.gateway.client
    await client.get("/")
    own = {"origin": place.gateway.url, "sec-fetch-site": "same-origin"}
    asked = {"kind": "llm", "model": "mine.gguf"}
    reply = await client.post("/api/models/use", json=asked, headers=own)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")
    assert (await place.ask("POST", "/use", asked)).status_code == 202  # a program, which has a key
    for model in ("embedded", "mine"):  # and now the page was told of it
        reply = await client.post("/api/models/use", json={"kind": "llm", "model": model}, headers=own)
        assert reply.status_code == 202
    async with asyncio.timeout(5):
        async for _ in place.desk.changes():
            if place.desk.state("mine").in_use:
                break


async def test_keys_see_models_and_only_those_for_administration_change_them(place: Place) -> None:
    store = KeyStore(place.desk.settings.home / KEYS_FILE)
    _, talker = await asyncio.to_thread(store.create, "phone", ("realtime", "audio", "chat"))
    _, owner = await asyncio.to_thread(store.create, "admin", ("admin",))
    bearer = f"Bearer {talker}"
    assert (await place.ask("GET", "", authorization=bearer)).json()["may_change"] is False
    for method, path, body in (
        ("POST", "/pull", {"id": "ear"}),
        ("POST", "/cancel", {"id": "ear"}),
        ("POST", "/use", {"kind": "stt", "model": "ear"}),
        ("DELETE", "/ear", None),
    ):
        reply = await place.ask(method, path, body, authorization=bearer)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "insufficient_scope")
    reply = await place.ask("POST", "/pull", {"id": "ear"}, authorization=f"Bearer {owner}")
    assert reply.status_code == 202


@pytest.mark.parametrize("path", ["/api/models", "/api/models/offer", "/api/models/events", "/metrics"])
async def test_nobody_reads_them_without_a_key(place: Place, path: str) -> None:
    assert (await place.gateway.client.get(path)).status_code == 401


async def test_without_a_desk_there_are_no_models_to_change(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        assert (await gateway.client.get("/api/models", headers=BEARER)).status_code == 404
        assert (await gateway.client.get("/metrics", headers=BEARER)).status_code == 200


async def read_metrics(gateway: Gateway) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and the values of its labels, in the order of the labels' names."""
    reply = await gateway.client.get("/metrics", headers=BEARER)
    assert reply.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


async def test_metrics_tell_of_engines_models_and_downloads(place: Place) -> None:
    await asyncio.to_thread(put_in_place, place.desk.settings.home, place.desk.state("ear").entry)
    await place.ask("POST", "/pull", {"id": "mouth"})
    place.downloads.advance("mouth", HALF.model_copy(update={"bytes": 100}))
    place.downloads.advance("mouth", HALF)
    async with events(place) as news:
        async for models in news:
            if models.get("mouth", {}).get("bytes") == 500:
                break
    found = await read_metrics(place.gateway)
    assert found["sottovoce_engine_state", "stt", "stt-model", "ready"] == 1
    assert found["sottovoce_engine_state", "stt", "stt-model", "failed"] == 0
    assert found["sottovoce_model_size_bytes", "stt", "ear"] == len(b"weights")
    assert found["sottovoce_download_progress", "tts", "mouth"] == 0.5
    assert found["sottovoce_download_bytes_per_second", "tts", "mouth"] == 50
    assert found["sottovoce_downloaded_bytes_total",] == 400
    assert found["sottovoce_engine_restarts_total", "tts", "espeak-ng"] == 0
    assert found["sottovoce_sessions",] == 0


async def test_a_model_that_is_loaded_anew_is_measured_once(place: Place) -> None:
    leaving = EngineModel("stt", "ear", "ready", restarts=2)
    place.room.show("stt", EngineModel("stt", "ear", "loading", is_preferred=True, restarts=1), leaving)
    place.gateway.engine.leaving = (EngineStatus("stt-model", "draining"),)
    text = (await place.gateway.client.get("/metrics", headers=BEARER)).text
    samples = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) == len(set(samples))
    found = await read_metrics(place.gateway)
    assert found["sottovoce_engine_state", "stt", "stt-model", "ready"] == 1
    assert found["sottovoce_engine_restarts_total", "stt", "ear"] == 3


async def test_requests_are_counted_by_route_and_never_by_what_clients_make_up(gateway: Gateway) -> None:
    await gateway.client.get("/livez")
    await gateway.client.get("/api/keys/key_123", headers=BEARER)
    await gateway.client.get("/wp-admin/1")
    await gateway.client.get("/wp-admin/2")
    await gateway.client.request("BREW", "/livez")
    found = await read_metrics(gateway)
    assert found["sottovoce_requests_total", "GET", "/livez", "200"] == 1
    assert found["sottovoce_requests_total", "other", "/livez", "405"] == 1
    assert found["sottovoce_requests_total", "GET", "/api/keys/{key}", "405"] == 1
    assert found["sottovoce_request_seconds_count", "/livez"] == 2
    routes = {key[2] for key in found if key[0] == "sottovoce_requests_total"}
    assert not any("wp-admin" in route or "key_123" in route for route in routes)


async def test_the_legs_of_spoken_turns_are_measured(gateway: Gateway) -> None:
    from websockets.asyncio.client import connect

    url = gateway.url.replace("http", "ws", 1) + "/v1/realtime"
    async with connect(url, additional_headers=BEARER) as socket:
        await socket.recv()
        latency = Latency(voice_to_voice=800.0, llm_first_token=120.0)
        gateway.sessions[0].tell(TurnMeasured("item_1", "resp_1", latency))
        async with asyncio.timeout(5):
            while ("sottovoce_turn_seconds_count", "voice_to_voice") not in await read_metrics(gateway):
                pass
    found = await read_metrics(gateway)
    assert found["sottovoce_turn_seconds_sum", "voice_to_voice"] == pytest.approx(0.8)
    assert found["sottovoce_turn_seconds_sum", "llm_first_token"] == pytest.approx(0.12)
    assert ("sottovoce_turn_seconds_count", "vad") not in found
