"""Sidebands: WebSockets that join a live call, against the served gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from sottovoce.conversation.events import SpeechStarted
from sottovoce.gateway.app import end_sessions
from sottovoce.realtime.audience import MAX_GUESTS
from tests.contract.caller import Caller, all_free, calling
from tests.contract.gateway_server import BEARER, KEY, Gateway

ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


class Sideband:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.told: list[str] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def expect(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                event: dict[str, Any] = json.loads(await self.connection.recv())
                self.told.append(event["type"])
                if event["type"] == kind:
                    return event

    async def closing(self) -> int | None:
        """The code that the server closes with."""
        async with asyncio.timeout(10):
            async for _ in self.connection:
                pass
        return self.connection.close_code


def address(gateway: Gateway, call_id: str, more: str = "") -> str:
    return f"ws://{gateway.host}/v1/realtime?call_id={call_id}{more}"


@asynccontextmanager
async def joining(gateway: Gateway, caller: Caller) -> AsyncIterator[Sideband]:
    url = address(gateway, caller.call_id)
    async with connect(url, additional_headers=BEARER, proxy=None) as connection:
        sideband = Sideband(connection)
        await sideband.expect("session.created")
        yield sideband


async def refusal(url: str, headers: dict[str, str] = BEARER) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, additional_headers=headers, proxy=None):
            raise AssertionError("it was let in")
    reply = refused.value.response
    return reply.status_code, json.loads(reply.body or b"")["error"]


async def test_a_sideband_finds_the_session_as_it_is(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        caller.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        await caller.expect("session.updated")
        async with connect(
            address(gateway, caller.call_id), additional_headers=BEARER, proxy=None
        ) as connection:
            created = json.loads(await connection.recv())
    assert (created["type"], created["session"]["instructions"]) == ("session.created", "Be brief.")
    assert created["session"]["id"] == gateway.sessions[0].id


async def test_a_sideband_steers_the_call_and_both_are_told(gateway: Gateway) -> None:
    async with calling(gateway) as caller, joining(gateway, caller) as sideband:
        gateway.sessions[0].tell(SpeechStarted("item_1", 40))
        await caller.expect("input_audio_buffer.speech_started")
        await sideband.expect("input_audio_buffer.speech_started")
        await sideband.send("session.update", session={"type": "realtime", "instructions": "Be kind."})
        assert (await caller.expect("session.updated"))["session"]["instructions"] == "Be kind."
        await sideband.send("conversation.item.create", item=ITEM)
        await sideband.send("response.create")
        heard_by_both = [(await listener.expect("response.done")) for listener in (caller, sideband)]
        await sideband.expect("output_audio_buffer.stopped")
    assert heard_by_both[0] == heard_by_both[1]
    assert heard_by_both[0]["response"]["status"] == "completed"
    assert gateway.sessions[0].messages[0][1] == "hello"
    assert "response.output_audio.delta" not in sideband.told  # sound goes to the caller, on its track
    await all_free(gateway)


async def test_faults_are_told_to_who_made_them(gateway: Gateway) -> None:
    async with calling(gateway) as caller, joining(gateway, caller) as sideband:
        await sideband.send("nothing", event_id="mine")
        await sideband.send("input_audio_buffer.append", audio="AAAA", event_id="sound")
        errors = [(await sideband.expect("error"))["error"] for _ in range(2)]
        assert [error["event_id"] for error in errors] == ["mine", "sound"]
        assert "track" in errors[1]["message"]
        caller.send("conversation.item.create", item=ITEM)
        async with asyncio.timeout(10):
            event = await caller.events.get()
            while event["type"] != "conversation.item.done":
                assert event["type"] != "error"
                event = await caller.events.get()
    assert not gateway.sessions[0].refusal


async def test_a_sideband_that_leaves_does_not_end_the_call(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        for _ in range(MAX_GUESTS + 1):  # and its place is given back
            async with joining(gateway, caller):
                pass
        caller.send("response.create")
        assert (await caller.expect("response.done"))["response"]["status"] == "completed"
    await all_free(gateway)


async def test_the_end_of_the_call_closes_its_sidebands(gateway: Gateway) -> None:
    async with (
        calling(gateway) as caller,
        joining(gateway, caller) as first,
        joining(gateway, caller) as second,
    ):
        await gateway.client.post(f"{caller.location}/hangup", headers=BEARER)
        assert [await first.closing(), await second.closing()] == [1000, 1000]
    await all_free(gateway)


async def test_a_caller_that_hangs_up_takes_the_sideband_along(gateway: Gateway) -> None:
    async with calling(gateway) as caller, joining(gateway, caller) as sideband:
        await caller.peer.close()
        assert await sideband.closing() == 1000
    await all_free(gateway)


async def test_shutting_down_says_so_to_sidebands(gateway: Gateway) -> None:
    async with calling(gateway) as caller, joining(gateway, caller) as sideband:
        await end_sessions(gateway.app)
        assert await sideband.closing() == 1001


async def test_openai_python_joins_a_call(gateway: Gateway) -> None:
    async with (
        calling(gateway) as caller,
        openai.AsyncOpenAI(api_key=KEY, base_url=f"{gateway.url}/v1") as client,
        client.realtime.connect(call_id=caller.call_id) as connection,
    ):
        assert (await connection.recv()).type == "session.created"
        await connection.response.create()
        async with asyncio.timeout(10):
            while (event := await connection.recv()).type != "response.done":
                pass
        assert event.response.status == "completed"
    await all_free(gateway)


async def test_who_may_not_join_is_told_before_the_handshake(gateway: Gateway) -> None:
    status, error = await refusal(address(gateway, "rtc_nobody"))
    assert (status, error["code"]) == (404, "call_not_found")
    async with calling(gateway) as caller:
        made = await gateway.client.post("/v1/realtime/client_secrets", json={}, headers=BEARER)
        foreign = {"authorization": f"Bearer {made.json()['value']}"}
        status, error = await refusal(address(gateway, caller.call_id), foreign)
        assert (status, error["code"]) == (404, "call_not_found")
        status, error = await refusal(address(gateway, caller.call_id), {})
        assert (status, error["code"]) == (401, "invalid_api_key")
        status, error = await refusal(address(gateway, caller.call_id, "&intent=transcription"))
        assert (status, error["param"]) == (400, "intent")


async def test_sidebands_of_a_call_are_counted(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        url = address(gateway, caller.call_id)
        joined = [await connect(url, additional_headers=BEARER, proxy=None) for _ in range(MAX_GUESTS)]
        status, error = await refusal(url)
        assert (status, error["code"]) == (429, "rate_limit_exceeded")
        for connection in joined:
            await connection.close()
    await all_free(gateway)
