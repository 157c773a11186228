"""Joining a real LiveKit server by the gateway's own address."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from google.protobuf.json_format import MessageToDict
from livekit import api, rtc
from livekit.protocol.models import ClientInfo, ParticipantInfo
from livekit.protocol.rtc import JoinRequest, WrappedJoinRequest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response

from sottovoce.config import Settings
from sottovoce.gateway.tls import ServerTls
from sottovoce.livekit.tokens import MAX_TOKEN_BYTES
from tests.contract.gateway_server import BEARER, running
from tests.livekit.gateway import LIMITS, Managed, Rooms, rooms
from tests.livekit.participant import Participant, present
from tests.livekit_server import LiveKitServer
from tests.recordings import recording

SIGNAL_PATHS = ("/rtc", "/rtc/validate", "/rtc/v1", "/rtc/v1/validate")

_JOIN = JoinRequest(client_info=ClientInfo(protocol=15))
JOIN_REQUEST = urlsafe_b64encode(
    WrappedJoinRequest(join_request=_JOIN.SerializeToString()).SerializeToString()
).decode()


@pytest.fixture
async def served(tmp_path: Path, livekit: LiveKitServer) -> AsyncIterator[Rooms]:
    async with rooms(tmp_path, livekit) as made:
        yield made


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[LiveKitServer]:
    """One to be killed."""
    server = LiveKitServer(tmp_path)
    server.start()
    yield server
    server.stop()


async def test_two_meet_in_a_room_and_hear_each_other(served: Rooms, room_name: str) -> None:
    assert (await served.details())["server_url"] == served.url
    async with (
        served.present(room_name=room_name, participant_identity="ann", participant_name="Ann") as ann,
        served.present(
            room_name=room_name, participant_identity="ben", participant_attributes={"colour": "blau"}
        ) as ben,
    ):
        assert ann.room.name == ben.room.name == room_name
        found = await ann.until(lambda: ann.room.remote_participants.get("ben"))
        assert (found.name, dict(found.attributes)) == ("user", {"colour": "blau"})
        await ann.speak(recording("dialogue-what-time-is-it-slt"))
        await ben.until(ben.first_loud)
        assert served.gateway.app.state.relay.slots.taken == 2
        metrics = await served.gateway.client.get("/metrics", headers=BEARER)
        assert "sottovoce_relayed_participants 2.0" in metrics.text
    async with asyncio.timeout(5):
        await served.gateway.app.state.relay.slots.wait_until_free()


async def test_the_longest_token_gets_through(served: Rooms, livekit: LiveKitServer) -> None:
    session = {"session": {"type": "realtime", "instructions": "e" * 7000}}
    asked = {
        "room_config": {"agents": [{"metadata": json.dumps(session)}]},
        "participant_metadata": "m" * 3900,
    }
    details = await served.details(**asked)
    assert MAX_TOKEN_BYTES * 0.9 < len(details["participant_token"]) <= MAX_TOKEN_BYTES
    participant = Participant("long")
    await participant.join(details["server_url"], details["participant_token"])
    assert participant.room.local_participant.metadata == "m" * 3900
    await participant.leave()
    offer = "x" * (8 << 10)  # of a client that sends it along, in the address
    query = f"?access_token={details['participant_token']}&join_request={JOIN_REQUEST}&more={offer}"
    async with connect(f"{served.url}/rtc/v1{query}", proxy=None) as socket:
        assert await socket.recv()


async def test_over_tls_the_address_is_wss(tmp_path: Path, livekit: LiveKitServer) -> None:
    tls = ServerTls(Settings(home=tmp_path / "home", tls=True))
    trusted = ssl.create_default_context(cafile=str(tls.certificate_file))
    managed = Managed(livekit)
    async with running(tmp_path, LIMITS, rooms=managed, tls=tls.context, trusted=trusted) as gateway:
        details = await Rooms(gateway, managed).details()
        assert details["server_url"] == f"wss://{gateway.host}"
        url = f"{details['server_url']}/rtc?access_token={details['participant_token']}&protocol=15&sdk=js"
        async with connect(url, proxy=None, ssl=trusted) as socket:
            assert await socket.recv()


async def test_a_room_has_our_limits(tmp_path: Path, livekit: LiveKitServer, room_name: str) -> None:
    settings = {"empty_timeout": 33, "departure_timeout": 11, "max_participants": 2}
    async with rooms(tmp_path, livekit, livekit=settings) as served, served.present(room_name=room_name):
        async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as admin:
            listed = await admin.room.list_rooms(api.ListRoomsRequest(names=[room_name]))
            dispatched = await admin.agent_dispatch.list_dispatch(room_name)
        made = listed.rooms[0]
        assert (made.empty_timeout, made.departure_timeout, made.max_participants) == (33, 11, 2)
        assert [each.agent_name for each in dispatched] == ["sottovoce"]
        async with (
            present(livekit, room_name, "agent-1", kind="agent"),  # is not counted
            served.present(room_name=room_name, participant_identity="second"),
        ):
            async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as admin:
                assert len(await admin.agent_dispatch.list_dispatch(room_name)) == 1
            with pytest.raises(rtc.ConnectError):
                async with served.present(room_name=room_name, participant_identity="third"):
                    pass


async def test_what_a_token_permits_as_livekit_reads_it(
    served: Rooms, livekit: LiveKitServer, room_name: str
) -> None:
    async with served.present(room_name=room_name, participant_identity="ann") as ann:
        with contextlib.suppress(RuntimeError, TimeoutError):  # the SDK says nothing, as yet
            await ann.room.local_participant.set_attributes({"lk.agent.state": "idle"})
        async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as admin:
            listed = await admin.room.list_participants(api.ListParticipantsRequest(room=room_name))
        found = listed.participants[0]
        assert not found.attributes
        assert found.kind == ParticipantInfo.Kind.STANDARD
        assert MessageToDict(found.permission) == {
            **{"canSubscribe": True, "canPublish": True, "canPublishData": True},
            "canPublishSources": ["MICROPHONE"],
        }


def forged(token: str, secret: str, **changes: Any) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims | changes, secret, algorithm="HS256")


def bad_tokens(token: str, server: LiveKitServer) -> dict[str, str]:
    other = api.AccessToken("APIother", "another-secret-that-is-long-enough-for-it")
    video = jwt.decode(token, options={"verify_signature": False})["video"]
    head, _, signature = token.split(".")
    swapped = forged(token, "x" * 40, video={**video, "room": "other", "roomAdmin": True}).split(".")[1]
    return {
        "none": "",
        "nonsense": "nonsense",
        "another key's": other.with_identity("ann")
        .with_grants(api.VideoGrants(room_join=True, room="r"))
        .to_jwt(),
        "signed by somebody else": forged(token, "a-secret-that-somebody-has-guessed-at"),
        "for another room than was signed": f"{head}.{swapped}.{signature}",
        "expired": forged(token, server.api_secret, nbf=1_000_000, exp=1_000_060),
        "without a room": forged(token, server.api_secret, video={"canPublish": True}),
        "not signed": jwt.encode(
            jwt.decode(token, options={"verify_signature": False}), "", algorithm="none"
        ),
    }


async def refusal(url: str, **options: Any) -> Response:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, proxy=None, **options):
            pass
    return caught.value.response


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
async def test_bad_tokens_are_refused_in_livekits_words(
    served: Rooms, livekit: LiveKitServer, path: str
) -> None:
    token = (await served.details())["participant_token"]
    for what, bad in bad_tokens(token, livekit).items():
        query = f"?access_token={bad}&auto_subscribe=1&sdk=python&protocol=15"
        if path == "/rtc/v1":
            query += f"&join_request={JOIN_REQUEST}"
        there, here = [await refusal(f"{url}{path}{query}") for url in (livekit.url, served.url)]
        assert (here.status_code, here.body) == (there.status_code, there.body), what
        assert here.status_code == 401, what
        why = await served.gateway.client.get(f"{path}/validate{query}")
        assert (why.status_code, why.content) == (here.status_code, here.body), what
        assert why.headers["cache-control"] == "no-store"
        rest = query.partition("&")[2]
        in_header = await refusal(
            f"{served.url}{path}?{rest}", additional_headers={"authorization": f"Bearer {bad}"}
        )
        assert in_header.status_code == 401, what
    await asyncio.wait_for(served.gateway.app.state.relay.slots.wait_until_free(), 5)


async def test_a_good_token_is_valid(served: Rooms) -> None:
    token = (await served.details())["participant_token"]
    reply = await served.gateway.client.get("/rtc/validate", params={"access_token": token})
    assert (reply.status_code, reply.text) == (200, "success")


async def test_the_sdk_says_that_an_expired_token_is_no_good(served: Rooms, livekit: LiveKitServer) -> None:
    token = (await served.details())["participant_token"]
    old = forged(token, livekit.api_secret, nbf=1_000_000, exp=1_000_060)
    participant = Participant("ann")
    with pytest.raises(rtc.ConnectError, match="401"):
        await participant.join(served.url, old)
    await participant.leave()


async def test_a_token_is_for_its_room_whatever_the_address_says(served: Rooms, room_name: str) -> None:
    details = await served.details(room_name=room_name, participant_identity="ann")
    query = f"?access_token={details['participant_token']}&room=another&protocol=15&sdk=js"
    async with connect(f"{served.url}/rtc{query}", proxy=None) as socket:
        joined = await socket.recv()
        assert isinstance(joined, bytes)
        assert room_name.encode() in joined
        assert b"another" not in joined


@pytest.mark.parametrize(
    "path",
    [
        "/twirp/livekit.RoomService/ListRooms",
        "/agent",
        "/rtc/../agent",
        "/rtc/..%2fagent",
        "/rtc%2f..%2fagent",
        "/rtc/v2",
        "/rtc/v1/validate/x",
        "/rtc%0a",
        "//agent",
        "/settings/regions",
        "/debug/pprof",
    ],
)
async def test_nothing_else_of_livekits_is_within_reach(served: Rooms, path: str) -> None:
    admin = api.AccessToken(served.livekit.server.api_key, served.livekit.server.api_secret)
    token = admin.with_grants(api.VideoGrants(room_list=True, agent=True, room_admin=True)).to_jwt()
    headers = {"authorization": f"Bearer {token}"}
    refused = await refusal(f"{served.url}{path}", additional_headers=headers)
    assert refused.status_code in (401, 404) if path == "/rtc%0a" else refused.status_code == 404
    for method in ("GET", "POST"):
        reply = await served.gateway.client.request(method, f"{served.gateway.url}{path}", headers=headers)
        assert reply.status_code in (404, 405)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"origin": "https://evil.example"}, "origin_not_allowed"),
        ({"origin": "null"}, "origin_not_allowed"),
        ({"sec-fetch-site": "cross-site"}, "origin_not_allowed"),
    ],
)
async def test_foreign_pages_are_kept_out(served: Rooms, headers: dict[str, str], code: str) -> None:
    token = (await served.details())["participant_token"]
    query = f"?access_token={token}&protocol=15&sdk=js"
    for path in ("/rtc", "/rtc/v1"):
        refused = await refusal(f"{served.url}{path}{query}", additional_headers=headers)
        assert refused.status_code == 403
        assert code in bytes(refused.body).decode()


async def test_another_name_for_the_server_is_refused(served: Rooms) -> None:
    for path in SIGNAL_PATHS:
        reply = await served.gateway.client.get(path, headers={"host": "rebound.example"})
        assert reply.status_code == 403


async def test_own_and_listed_pages_and_programs_get_in(tmp_path: Path, livekit: LiveKitServer) -> None:
    listed = "https://app.example"
    async with rooms(tmp_path, livekit, allowed_origins=(listed,)) as served:
        token = (await served.details())["participant_token"]
        query = f"?access_token={token}&protocol=15&sdk=js"
        for headers in ({}, {"origin": served.gateway.url}, {"origin": listed}):
            async with connect(f"{served.url}/rtc{query}", proxy=None, additional_headers=headers) as socket:
                assert await socket.recv()
        why = await served.gateway.client.get("/rtc/validate", headers={"origin": listed})
        assert (why.status_code, why.headers["access-control-allow-origin"]) == (401, listed)
        foreign = await served.gateway.client.get("/rtc/validate", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in foreign.headers


async def test_a_server_that_dies_ends_its_connections_and_is_found_again(
    tmp_path: Path, own_server: LiveKitServer
) -> None:
    async with rooms(tmp_path, own_server) as served:
        query = f"/rtc?access_token={(await served.details())['participant_token']}&protocol=15&sdk=js"
        async with connect(served.url + query, proxy=None) as socket:
            assert await socket.recv()
            own_server.kill()
            with contextlib.suppress(ConnectionClosed):
                async with asyncio.timeout(5):
                    while True:
                        await socket.recv()
            assert socket.close_code == 1012
        gone = await refusal(served.url + query)
        assert (gone.status_code, gone.headers["retry-after"]) == (503, "2")
        why = await served.gateway.client.get(query.replace("/rtc", "/rtc/validate"))
        assert (why.status_code, why.json()["error"]["code"]) == (503, "livekit_unavailable")
        own_server.start()
        async with connect(served.url + query, proxy=None) as socket:
            assert await socket.recv()


async def test_a_participant_survives_the_gateways_loss_of_livekit(
    tmp_path: Path, own_server: LiveKitServer, room_name: str
) -> None:
    """The SDK comes back by itself, through the same relay."""
    async with rooms(tmp_path, own_server) as served, served.present(room_name=room_name) as ann:
        reconnected = asyncio.Event()
        ann.room.on("reconnected", lambda: reconnected.set())
        own_server.kill()
        own_server.start()
        async with asyncio.timeout(30):
            await reconnected.wait()


async def test_everybody_is_told_when_the_gateway_stops(tmp_path: Path, livekit: LiveKitServer) -> None:
    async with rooms(tmp_path, livekit) as served:
        query = f"/rtc?access_token={(await served.details())['participant_token']}&protocol=15&sdk=js"
        socket = await connect(served.url + query, proxy=None)
        assert await socket.recv()
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.recv()
    assert socket.close_code == 1001


async def test_in_remote_mode_there_is_no_relay_and_the_page_may_reach_that_server_alone(
    tmp_path: Path, livekit: LiveKitServer
) -> None:
    elsewhere = Managed(livekit, "wss://rooms.example:7443/sub")
    async with running(tmp_path, LIMITS, rooms=elsewhere) as gateway:
        made = Rooms(gateway, elsewhere)
        assert (await made.details())["server_url"] == "wss://rooms.example:7443/sub"
        assert (await refusal(f"{made.url}/rtc")).status_code == 404
        page = await gateway.client.get("/", headers=BEARER)
        policy = page.headers["content-security-policy"]
        assert policy.endswith("; connect-src 'self' wss://rooms.example:7443 https://rooms.example:7443")
