"""How a call begins: offers alone and in forms, sessions that are asked for, and offers that are none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sottovoce.errors import EngineUnavailable
from sottovoce.gateway.call_request import MAX_FORM_BYTES, MAX_SESSION_BYTES
from sottovoce.realtime.webrtc_offer import MAX_OFFER_BYTES
from tests.contract.caller import CALLS, SDP, Caller, all_free
from tests.contract.gateway_server import BEARER, KEY, Gateway, running
from tests.fake_session import TalkingSession

OFFERS = Path(__file__).parents[1] / "data" / "offers"
BRIEF = {"type": "realtime", "instructions": "Be brief."}
ELSEWHERE = "https://app.example"


@pytest.fixture
async def caller(gateway: Gateway) -> AsyncIterator[Caller]:
    caller = Caller(gateway)
    yield caller
    await gateway.app.state.calls.aclose()
    await caller.peer.close()
    await all_free(gateway)


def part(name: str, content: str, kind: str, *, is_file: bool) -> tuple[str, tuple[str | None, str, str]]:
    return name, (f"{name}.txt" if is_file else None, content, kind)


async def post_form(gateway: Gateway, *parts: tuple[str, Any], query: str = "") -> httpx.Response:
    return await gateway.client.post(f"{CALLS}{query}", files=list(parts), headers=BEARER)


@pytest.mark.parametrize("is_file", [True, False])
async def test_a_form_brings_the_session_with_it(gateway: Gateway, caller: Caller, is_file: bool) -> None:
    reply = await post_form(
        gateway,
        part("sdp", await caller.offer(), "application/sdp", is_file=is_file),
        part("session", json.dumps(BRIEF), "application/json", is_file=is_file),
    )
    assert (reply.status_code, reply.headers["content-type"]) == (201, "application/sdp")
    await caller.hear_answer(reply.text, reply.headers["location"])
    session = (await caller.expect("session.created"))["session"]
    assert session["instructions"] == "Be brief."
    assert gateway.sessions[0].options.instructions == "Be brief."


async def test_openai_python_opens_a_call(gateway: Gateway, caller: Caller) -> None:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{gateway.url}/v1") as client:
        reply = await client.realtime.calls.with_raw_response.create(
            sdp=await caller.offer(), session={"type": "realtime", "model": "gpt-realtime", "tools": []}
        )
        await caller.hear_answer(reply.text, reply.headers["location"])
        assert (await caller.expect("session.created"))["session"]["model"] == "gpt-realtime"
        await client.realtime.calls.hangup(caller.call_id)
    await all_free(gateway)


async def test_an_offer_without_candidates_is_answered_and_connects(gateway: Gateway, caller: Caller) -> None:
    """As agents-js posts it; where the caller is shows when its packets come."""
    lines = (await caller.offer()).splitlines()
    bare = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    assert len(bare) < len(lines)
    reply = await gateway.client.post(CALLS, content="\r\n".join([*bare, ""]), headers=SDP)
    await caller.hear_answer(reply.text, reply.headers["location"])
    await caller.expect("session.created")


async def test_the_address_names_the_model(gateway: Gateway, caller: Caller) -> None:
    await caller.call("?model=gpt-realtime-mini")
    assert (await caller.expect("session.created"))["session"]["model"] == "gpt-realtime-mini"


async def test_a_secret_brings_its_session_and_the_form_lies_over_it(
    gateway: Gateway, caller: Caller
) -> None:
    bound = {"type": "realtime", "instructions": "Be polite.", "audio": {"output": {"speed": 1.2}}}
    made = await gateway.client.post("/v1/realtime/client_secrets", json={"session": bound}, headers=BEARER)
    bearer = {"authorization": f"Bearer {made.json()['value']}"}
    form = {
        "sdp": (None, await caller.offer(), "application/sdp"),
        "session": (None, json.dumps(BRIEF), "application/json"),
    }
    reply = await gateway.client.post(CALLS, files=form, headers=bearer)
    await caller.hear_answer(reply.text, reply.headers["location"])
    session = (await caller.expect("session.created"))["session"]
    assert (session["instructions"], session["audio"]["output"]["speed"]) == ("Be brief.", 1.2)
    form["session"] = (None, '{"type": "transcription"}', "application/json")
    other = await gateway.client.post(CALLS, files=form, headers=bearer)
    assert (other.status_code, other.json()["error"]["param"]) == (400, "session.type")


async def test_a_secret_reaches_its_own_calls_only(gateway: Gateway, caller: Caller) -> None:
    secrets = [
        (await gateway.client.post("/v1/realtime/client_secrets", json={}, headers=BEARER)).json()["value"]
        for _ in range(2)
    ]
    mine, other = ({"authorization": f"Bearer {secret}"} for secret in secrets)
    offer = await caller.offer()
    reply = await gateway.client.post(
        CALLS, content=offer, headers={**mine, "content-type": "application/sdp"}
    )
    address = f"{reply.headers['location']}/hangup"
    assert (await gateway.client.post(address, headers=other)).status_code == 404
    assert (await gateway.client.post(address, headers=mine)).status_code == 200


async def test_pages_of_listed_origins_read_the_location(tmp_path: Path) -> None:
    async with running(tmp_path, allowed_origins=(ELSEWHERE,)) as gateway:
        asking = {"origin": ELSEWHERE, "access-control-request-method": "POST"}
        wanted = "authorization, content-type, x-openai-agents-sdk"
        preflight = await gateway.client.options(
            CALLS, headers={**asking, "access-control-request-headers": wanted}
        )
        assert preflight.status_code == 200
        assert set(wanted.split(", ")) <= set(
            preflight.headers["access-control-allow-headers"].lower().split(", ")
        )
        caller = Caller(gateway)
        reply = await gateway.client.post(
            CALLS, content=await caller.offer(), headers={**SDP, "origin": ELSEWHERE}
        )
        await caller.peer.close()
        assert reply.headers["access-control-allow-origin"] in ("*", ELSEWHERE)
        assert "location" in reply.headers["access-control-expose-headers"].lower()
        await gateway.app.state.calls.aclose()
        await all_free(gateway)
        refused = await gateway.client.post(CALLS, content="v=1", headers={**SDP, "origin": ELSEWHERE})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) in [
            (400, "*"),
            (400, ELSEWHERE),
        ]


@pytest.mark.parametrize("verb", ["accept", "reject", "refer"])
async def test_what_is_for_sip_says_so(gateway: Gateway, caller: Caller, verb: str) -> None:
    await caller.call()
    reply = await gateway.client.post(f"{caller.location}/{verb}", json={}, headers=BEARER)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "sip_not_supported")
    assert "SIP" in reply.json()["error"]["message"]
    unknown = await gateway.client.post(f"{CALLS}/rtc_nobody/{verb}", json={}, headers=BEARER)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "call_not_found")


# -- what cannot be used


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([("session", json.dumps(BRIEF))], "sdp"),
        ([("sdp", "v=0"), ("sdp", "v=0")], "sdp"),
        ([("sdp", "v=0"), ("voice", "alloy")], "voice"),
        ([("sdp", "OFFER"), ("session", "{")], "session"),
        ([("sdp", "OFFER"), ("session", "[]")], "session"),
        ([("sdp", "OFFER"), ("session", '{"type": "realtime", "instructions": 5}')], "session.instructions"),
        (
            [("sdp", "OFFER"), ("session", '{"type": "realtime", "audio": {"output": {"voice": "nobody"}}}')],
            "session.audio.output.voice",
        ),
        ([("sdp", "v=0"), ("session", json.dumps(BRIEF))], "sdp"),
    ],
)
async def test_a_form_that_is_wrong_is_refused_with_the_part_at_fault(
    gateway: Gateway, caller: Caller, parts: list[tuple[str, str]], param: str
) -> None:
    offer = await caller.offer()
    kinds = {"sdp": "application/sdp", "session": "application/json"}
    made = [
        (name, (None, offer if text == "OFFER" else text, kinds.get(name, "text/plain")))
        for name, text in parts
    ]
    reply = await post_form(gateway, *made)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param), reply.text
    assert gateway.sessions == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"nothing of the kind"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nv=0\r\n--x--\r\n"),
    ],
)
async def test_a_form_that_is_none_is_refused(gateway: Gateway, content_type: str, body: bytes) -> None:
    reply = await gateway.client.post(CALLS, content=body, headers={**BEARER, "content-type": content_type})
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("sdp_bytes", "session_bytes"),
    [(MAX_OFFER_BYTES + 1, 99), (99, MAX_SESSION_BYTES + 1), (MAX_FORM_BYTES, 99)],
)
async def test_a_form_over_its_limits_is_413(gateway: Gateway, sdp_bytes: int, session_bytes: int) -> None:
    reply = await post_form(
        gateway,
        part("sdp", "v=0".ljust(sdp_bytes), "application/sdp", is_file=True),
        part("session", json.dumps(BRIEF).ljust(session_bytes), "application/json", is_file=False),
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "request_too_large")


async def test_a_form_that_was_cut_off_opens_no_call(gateway: Gateway) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="sdp"\r\n\r\nv=0\r\n--x\r\nContent-Dispo'
    headers = {**BEARER, "content-type": "multipart/form-data; boundary=x"}
    reply = await gateway.client.post(CALLS, content=body, headers=headers)
    assert (reply.status_code, gateway.sessions) == (400, [])
    assert "cut off, its last boundary is missing" in reply.json()["error"]["message"]


async def test_a_form_without_an_end_is_cut_off(gateway: Gateway) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="sdp"; filename="a"\r\n\r\n'
        for _ in range(MAX_FORM_BYTES // 4096 + 1):
            yield b"x" * 4096

    headers = {**BEARER, "content-type": "multipart/form-data; boundary=x"}
    reply = await gateway.client.post(CALLS, content=endless(), headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "request_too_large")


async def test_the_offer_must_be_sdp(gateway: Gateway) -> None:
    reply = await gateway.client.post(CALLS, json={"sdp": "v=0"}, headers=BEARER)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unsupported_content_type")
    big = await gateway.client.post(CALLS, content=b"v=0" + b"x" * (64 << 10), headers=SDP)
    assert (big.status_code, big.json()["error"]["code"]) == (413, "request_too_large")
    assert gateway.sessions == []


async def test_a_session_that_cannot_start_costs_the_caller_a_503_and_nobody_a_place(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(session: TalkingSession) -> None:
        raise EngineUnavailable("The stt engine cannot be reached.", engine="stt")

    monkeypatch.setattr(TalkingSession, "start", fail)
    caller = Caller(gateway)
    offer = await caller.offer()
    reply = await gateway.client.post(CALLS, content=offer, headers=SDP)
    await caller.peer.close()
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "engine_unavailable")
    await all_free(gateway)


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
async def test_mutated_offers_never_leak_a_peer(gateway: Gateway, browser: str) -> None:
    """aiortc parses what our own check lets through: it is met with documented errors, and leaves nothing."""
    offer = (OFFERS / f"{browser}.sdp").read_bytes()
    assert (await gateway.client.post(CALLS, content=offer, headers=SDP)).status_code == 201
    await gateway.app.state.calls.aclose()
    await all_free(gateway)
    sockets, tasks = udp_sockets(), len(asyncio.all_tasks())
    loop = asyncio.get_running_loop()

    async def probe(mutated: bytes) -> None:
        reply = await gateway.client.post(CALLS, content=mutated, headers=SDP)
        if reply.status_code == 201:
            await gateway.client.delete(reply.headers["location"], headers=BEARER)
        else:
            assert reply.status_code in (400, 413), reply.text
            assert reply.json()["error"]["param"] == "sdp" or reply.status_code == 413
        await all_free(gateway)
        assert udp_sockets() == sockets

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(mutations(offer.decode()) | cuts(offer))
    def fuzz(mutated: bytes) -> None:
        asyncio.run_coroutine_threadsafe(probe(mutated), loop).result(15)

    await asyncio.to_thread(fuzz)
    assert len(asyncio.all_tasks()) <= tasks + 1  # the connection that the probes came over


def udp_sockets() -> int:
    return len(psutil.Process().net_connections(kind="udp"))


def cuts(offer: bytes) -> st.SearchStrategy[bytes]:
    """The offer without some of its bytes, or with other ones in their place."""
    places = st.integers(0, len(offer) - 1)
    return st.builds(
        lambda start, length, junk: offer[:start] + junk + offer[start + length :],
        places,
        st.integers(0, 60),
        st.binary(max_size=8) | st.sampled_from([b"\r\n", b" ", b"a=", b"\x00", b"-1", b"9" * 30]),
    )


def mutations(offer: str) -> st.SearchStrategy[bytes]:
    """The offer with some of its lines dropped, doubled, swapped or spoilt."""
    lines = offer.splitlines()
    numbers = st.integers(0, len(lines) - 1)
    spoilt = st.sampled_from(
        [
            *("", "a=", "m=audio", "m=audio 9 UDP/TLS/RTP/SAVPF", "a=setup:x", "a=mid:", "a=rtpmap:x"),
            *("a=sctp-port:-1", "c=IN", "a=group:BUNDLE", "a=group:BUNDLE 0 0 1 2", "a=inactive"),
            *("a=recvonly", "a=fingerprint:sha-256", "a=fingerprint:md5 00", "a=ice-lite", "a=setup:active"),
            *("a=extmap:99999 x", "a=ssrc:x cname", "a=max-message-size:-5", "a=sctpmap:5000 x 0"),
            *("a=fmtp:111 x", "a=rtcp:x", "a=candidate:1 1 udp 1 192.0.2.1 99999 typ host", "a=ice-pwd:x"),
        ]
    )

    @st.composite
    def mutate(draw: st.DrawFn) -> bytes:
        mutated = list(lines)
        for number in draw(st.lists(numbers, min_size=1, max_size=4)):
            number %= len(mutated)
            match draw(st.sampled_from(["drop", "double", "swap", "spoil", "cut", "grow"])):
                case "drop" if len(mutated) > 1:
                    del mutated[number]
                case "double":
                    mutated.insert(number, mutated[number])
                case "swap":
                    mutated[number], mutated[0] = mutated[0], mutated[number]
                case "spoil":
                    mutated[number] = draw(spoilt)
                case "cut":
                    mutated[number] = mutated[number][: draw(st.integers(0, 20))]
                case "grow":
                    mutated[number] += draw(
                        st.sampled_from([" 1", ":99999999999999999999", "\u2603", " -1 x", ";;="])
                    )
        return "\r\n".join([*mutated, ""]).encode()

    return mutate()
