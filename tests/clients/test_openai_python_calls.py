"""openai-python: ephemeral secrets, and WebRTC calls made, watched and hung up."""

from __future__ import annotations

import asyncio

import openai
import pytest
from aiortc import RTCSessionDescription
from openai import AsyncOpenAI

from tests.clients.caller import Caller
from tests.clients.openai_conversation import DEADLINE, conversation
from tests.clients.servers import Live


async def test_a_secret_opens_the_session_it_was_made_for(async_client: AsyncOpenAI, live: Live) -> None:
    minted = await async_client.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 60},
        session={"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "sage"}}},
    )
    assert minted.value.startswith("ek_")
    assert minted.session.type == "realtime"
    async with AsyncOpenAI(base_url=live.base_url, api_key=minted.value, max_retries=0) as guest:
        for _ in range(2):
            async with conversation(guest.realtime.connect(model="gpt-realtime")) as talk:
                session = talk.events[0].session
                assert (session.instructions, session.audio.output.voice) == ("Be brief.", "sage")
        with pytest.raises(openai.APIStatusError) as caught:
            await guest.realtime.client_secrets.create()
        assert caught.value.status_code in (401, 403)
        with pytest.raises(openai.APIStatusError) as caught:
            await guest.models.list()
        assert caught.value.status_code in (401, 403)
    with pytest.raises(openai.BadRequestError):
        await async_client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 1}
        )


async def test_a_call_is_made_watched_and_hung_up(async_client: AsyncOpenAI) -> None:
    caller = Caller()
    try:
        answer = await async_client.realtime.calls.create(
            sdp=await caller.offer(),
            session={"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."},
        )
        assert answer.response.status_code == 201
        assert answer.response.headers["content-type"] == "application/sdp"
        call_id = answer.response.headers["location"].rsplit("/", 1)[-1]
        assert call_id.startswith("rtc_")
        await caller.peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        created = await caller.expect("session.created")
        assert created["session"]["instructions"] == "Be brief."
        async with async_client.realtime.connect(call_id=call_id) as sideband:
            await sideband.session.update(session={"type": "realtime", "instructions": "Be loud."})
            updated = await caller.expect("session.updated")
            assert updated["session"]["instructions"] == "Be loud."
        await async_client.realtime.calls.hangup(call_id)
        async with asyncio.timeout(DEADLINE):
            await caller.is_closed.wait()
        with pytest.raises(openai.NotFoundError):
            await async_client.realtime.calls.hangup(call_id)
    finally:
        await caller.peer.close()


async def test_an_offer_that_is_none_is_a_bad_request(async_client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await async_client.realtime.calls.create(sdp="hello", session={"type": "realtime"})
    assert caught.value.type == "invalid_request_error"
