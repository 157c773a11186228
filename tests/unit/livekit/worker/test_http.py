from __future__ import annotations

import httpx
import pytest

from sottovoce.livekit.worker.http import face


def _client(host: str, reasons: list[str], name: str = "127.0.0.1:8081") -> httpx.AsyncClient:
    app = face(host, lambda: reasons, lambda: b"sottovoce_sessions 0\n")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{name}")


async def test_it_says_what_is_missing() -> None:
    reasons = ["not registered at the LiveKit server"]
    async with _client("127.0.0.1", reasons) as client:
        reply = await client.get("/readyz")
        assert (reply.status_code, reply.json()) == (503, {"status": "loading", "reasons": reasons})
        reasons.clear()
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/metrics")).text == "sottovoce_sessions 0\n"


@pytest.mark.parametrize("name", ["localhost:8081", "127.0.0.1"])
async def test_a_browser_cannot_be_led_here_by_another_name(name: str) -> None:
    async with _client("127.0.0.1", [], name) as client:
        assert (await client.get("/metrics")).status_code == 200
    async with _client("127.0.0.1", [], "evil.example.com") as client:
        assert (await client.get("/metrics")).status_code == 400
    async with _client("0.0.0.0", [], "10.0.0.7:8081") as client:
        assert (await client.get("/metrics")).status_code == 200


async def test_there_is_nothing_else() -> None:
    async with _client("127.0.0.1", []) as client:
        reply = await client.get("/v1/models")
        assert reply.status_code == 404
        assert reply.json()["error"]["type"] == "invalid_request_error"
