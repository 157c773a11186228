"""Who is heard in a room, who is told what, and what coming and going does to a conversation."""

from __future__ import annotations

import asyncio

import pytest
from livekit import api, rtc

from sottovoce.errors import EngineUnavailable, ServerFullError, SottovoceError
from sottovoce.livekit.room.hearing import IS_HEARD, IS_NOT_HEARD
from sottovoce.livekit.room.options import RoomOptions, session_in
from tests.fake_session import TalkingSession
from tests.livekit.participant import EVENTS, present
from tests.livekit.rooms import Sessions, holding
from tests.livekit_server import LiveKitServer

pytestmark = pytest.mark.timeout(40)

SECOND = 16_000 * 2
ENDED = "sottovoce.session.ended"


def heard_by(session: TalkingSession) -> int:
    """Seconds of sound, as bytes, that came since this was asked last."""
    count = len(session.heard)
    session.heard.clear()
    return count


async def test_the_first_is_heard_and_the_second_listens_and_is_told_so(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        assert await ann.event("sottovoce.room.speaker", lambda told: told["is_you"])
        await ann.until(lambda: len(sessions.one.heard) > SECOND // 4)
        async with (
            present(livekit, room_name, "bob", speaks=True) as bob,
            present(livekit, room_name, "cleo", attributes=EVENTS, speaks=True) as cleo,
        ):
            assert (await bob.until(lambda: bob.chats))[0][2] == IS_NOT_HEARD
            told = await cleo.event("sottovoce.room.speaker")
            assert (told["participant_identity"], told["is_you"]) == ("ann", False)
            await bob.write("what time is it")
            for everybody in (ann, bob, cleo):
                await everybody.first_sound(0)
            await ann.leave()
            assert (await bob.until(lambda: bob.chats[1:]))[0][2] == IS_HEARD
            await cleo.event("sottovoce.room.speaker", lambda told: told["participant_identity"] == "bob")
            heard_by(sessions.one)
            await bob.until(lambda: len(sessions.one.heard) > SECOND // 4)
            assert {author for _, author, _ in cleo.chats} == {"bob"}


async def test_who_only_writes_is_read_before_livekit_has_told_of_them(
    livekit: LiveKitServer, room_name: str
) -> None:
    """Of those who publish nothing it tells every three seconds."""
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions) as held,
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        async with present(livekit, room_name, "bob") as bob:
            await bob.write("what time is it")
            assert "bob" not in held.room.remote_participants
            await ann.event("conversation.item.added", lambda told: told["item"]["role"] == "user")
            await bob.first_sound(0)


async def test_a_second_tab_of_the_same_identity_takes_the_place_of_the_first(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as first,
        present(livekit, room_name, "bob", attributes=EVENTS, speaks=True) as bob,
    ):
        await first.event("session.created")
        await first.write("what time is it")
        await first.event("response.done")
        await bob.event("response.done")
        async with present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as second:
            assert await first.until(lambda: first.left) == [rtc.DisconnectReason.DUPLICATE_IDENTITY]
            created = await second.event("session.created")
            assert created["session"]["id"] == (await first.event("session.created"))["session"]["id"]
            await second.until(lambda: len(second.events_of("conversation.item.added")) == 2)
            added = [event["item"]["role"] for event in second.events_of("conversation.item.added")]
            assert added == ["user", "assistant"]
            heard_by(sessions.one)
            await second.until(lambda: len(sessions.one.heard) > SECOND // 4)
            speakers = {event["participant_identity"] for event in bob.events_of("sottovoce.room.speaker")}
            assert speakers == {"ann"}
    assert len(sessions.made) == 1


async def test_agents_and_recorders_are_nobodys_users(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    options = RoomOptions(join_timeout=0.5)
    async with (
        holding(livekit, room_name, sessions, options) as held,
        present(livekit, room_name, "another", kind="agent", attributes=EVENTS, speaks=True) as agent,
    ):
        await held.over
        assert not agent.events
    assert not sessions.made


async def test_who_leaves_in_the_middle_of_an_answer_cancels_it_and_may_return(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions(frames=500)
    options = RoomOptions(departure_timeout=10)
    async with holding(livekit, room_name, sessions, options) as held:
        async with present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann:
            await ann.event("session.created")
            await ann.write("count to forty")
            await ann.first_sound(0)
        async with asyncio.timeout(5):
            while not sessions.one.interrupted:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        async with present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann:
            answer = await ann.event(
                "conversation.item.done", lambda told: told["item"]["role"] == "assistant"
            )
            assert answer["item"]["status"] == "incomplete"
            await ann.write("what time is it")
            await ann.event("response.created")
            assert not held.over.done()
    assert [message[1] for message in sessions.one.messages] == ["count to forty", "what time is it"]


async def test_it_is_over_when_all_have_left_for_long_enough(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with holding(livekit, room_name, sessions, RoomOptions(departure_timeout=0.3)) as held:
        async with present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann:
            await ann.event("session.created")
        async with asyncio.timeout(10):
            await held.over
    assert sessions.one.is_closed


async def test_it_is_over_when_nobody_comes(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with holding(livekit, room_name, sessions, RoomOptions(join_timeout=0.1)) as held:
        async with asyncio.timeout(10):
            await held.over
    assert not sessions.made


async def test_it_is_over_when_the_room_is_deleted(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions) as held,
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
        api.LiveKitAPI(livekit.url.replace("ws", "http"), livekit.api_key, livekit.api_secret) as server,
    ):
        await ann.event("session.created")
        await server.room.delete_room(api.DeleteRoomRequest(room=room_name))
        async with asyncio.timeout(10):
            await held.over
    assert sessions.one.is_closed


async def test_it_is_over_when_the_connection_is_lost_for_good(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions) as held,
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        await held.room.disconnect()
        async with asyncio.timeout(10):
            await held.over
    assert sessions.one.is_closed


async def test_it_is_over_also_where_nothing_but_the_state_of_the_connection_says_so(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions) as held,
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        held.room.emit("connection_state_changed", rtc.ConnectionState.CONN_DISCONNECTED)
        async with asyncio.timeout(10):
            await held.over
    assert sessions.one.is_closed


async def test_the_conversation_goes_on_when_its_connection_is_made_anew(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions) as held,
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        reconnected = asyncio.Event()
        held.room.on("reconnected", reconnected.set)
        await held.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
        async with asyncio.timeout(15):
            await reconnected.wait()
        heard_by(sessions.one)
        await ann.until(lambda: len(sessions.one.heard) > SECOND // 4)
        asked = len(ann.heard)
        await ann.write("what time is it")
        await ann.event("response.done")
        await ann.until(lambda: any(sound.is_loud for sound in ann.heard[asked:]))
        assert not held.over.done()
    assert len(sessions.made) == 1


async def test_who_is_there_is_told_when_the_worker_ends_it(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions) as held,
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        held.stop.set()
        assert (await ann.event(ENDED))["code"] == 1001
        async with asyncio.timeout(10):
            await held.over
    assert sessions.one.is_closed


@pytest.mark.parametrize(
    "error", [ServerFullError("Every place is taken."), EngineUnavailable("No recogniser.", engine="stt")]
)
async def test_a_session_that_cannot_begin_is_told_to_all_in_their_language(
    livekit: LiveKitServer, room_name: str, error: SottovoceError
) -> None:
    sessions = Sessions()
    sessions.error = error
    async with (
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
        present(livekit, room_name, "bob", speaks=True) as bob,
        holding(livekit, room_name, sessions) as held,
    ):
        assert (await ann.event("error"))["error"]["message"] == error.message
        assert (await ann.event(ENDED))["code"] == 1011
        await bob.until(lambda: error.message in [text for _, _, text in bob.chats])
        await ann.until(lambda: [state for _, state in ann.states if state == "failed"])
        with pytest.raises(type(error)):
            await held.over


async def test_the_rooms_metadata_lays_down_the_session(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    asked = session_in('{"session": {"type": "realtime", "instructions": "Speak of the sea."}}')
    async with (
        holding(livekit, room_name, sessions, RoomOptions(session=asked)),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        created = await ann.event("session.created")
        assert created["session"]["instructions"] == "Speak of the sea."
    assert sessions.one.options.instructions == "Speak of the sea."


async def test_metadata_that_asks_for_what_there_is_not_is_passed_over(
    livekit: LiveKitServer, room_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = Sessions()
    asked = session_in('{"session": {"type": "realtime", "audio": {"output": {"voice": "nobody"}}}}')
    async with (
        holding(livekit, room_name, sessions, RoomOptions(session=asked)),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
    assert "There is no voice 'nobody'" in caplog.text
