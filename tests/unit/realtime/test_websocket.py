"""The WebSocket shell in virtual time, its far end in memory."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sottovoce.conversation import events as told
from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import EngineUnavailable, LimitExceededError
from sottovoce.realtime import opening, outbox
from sottovoce.realtime.opening import SESSION
from sottovoce.realtime.pacing import FRAME, GROUP, LEAD
from sottovoce.realtime.patience import MAX_BAD_MESSAGES
from sottovoce.realtime.session_config import read_session
from sottovoce.realtime.websocket import RealtimeWebSocket
from sottovoce.realtime.websocket_line import CLOSE_DEADLINE
from sottovoce.realtime.websocket_stream import POLL
from tests import virtual_time
from tests.fake_session import FakeSession, TalkingSession
from tests.unit.realtime.asgi import Peer

Script = Callable[[Peer, Any], Awaitable[None]]


def converse(script: Script, session: FakeSession | None = None, **peer: Any) -> tuple[Peer, Any]:
    """Connect, run `script`, and wait until the server has let go of the connection."""
    session = session or TalkingSession()

    def made(options: SessionOptions) -> FakeSession:
        session.options = options
        return session

    async def main() -> Peer:
        client = Peer(**peer)
        app = RealtimeWebSocket(made)
        async with asyncio.TaskGroup() as group:
            group.create_task(client.meet(app))
            await script(client, session)
        assert len(asyncio.all_tasks()) == 1, "a task was left behind"
        return client

    return virtual_time.run(main()), session


async def leave(client: Peer, session: FakeSession) -> None:
    client.leave()


def samples(event: dict[str, Any]) -> float:
    """Seconds of sound in an audio delta."""
    return len(b64decode(event["delta"])) / 48_000


# -- handshake


def test_the_session_is_created_on_connecting_and_closed_on_leaving() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        await client.until("session.created")
        client.leave()

    client, session = converse(script, query="model=gpt-realtime")
    assert client.types == ["session.created"]
    assert client.events[0]["session"]["model"] == "gpt-realtime"
    assert session.is_started
    assert session.is_closed
    assert session.playout.output_delay == LEAD


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["realtime", "openai-insecure-api-key.secret"], "realtime"), (["chat"], None), ([], None)],
)
def test_only_the_realtime_subprotocol_is_chosen(offered: list[str], chosen: str | None) -> None:
    client, _ = converse(leave, subprotocols=offered)
    accept = client.told[0][1]
    assert (accept["type"], accept["subprotocol"]) == ("websocket.accept", chosen)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("call_id=rtc_1", "call_id"),
        ("intent=dictation", "intent"),
        ("extensions=other", "extensions"),
        ("model=" + "m" * 257, "model"),
    ],
)
def test_addresses_that_ask_too_much_are_refused_before_the_handshake(query: str, param: str) -> None:
    client, session = converse(leave, query=query)
    status, body = client.denial
    assert status == 400
    assert body["error"]["param"] == param
    assert not session.is_started


def test_a_session_may_be_asked_to_listen_only_by_the_address() -> None:
    client, session = converse(leave, query="intent=transcription&model=whisper-1")
    described = client.events[0]["session"]
    assert (described["type"], described["audio"]["input"]["transcription"]["model"]) == (
        "transcription",
        "whisper-1",
    )
    assert session.options.is_listening_only


def test_what_a_secret_lays_down_is_there_from_the_start() -> None:
    laid_down = read_session({"type": "realtime", "instructions": "Be kind.", "output_modalities": ["text"]})
    client, session = converse(leave, session=FakeSession(), scope={SESSION: laid_down})
    assert client.events[0]["session"]["instructions"] == "Be kind."
    assert (session.options.instructions, session.options.modality) == ("Be kind.", "text")


def test_a_secret_that_names_what_is_not_there_refuses_the_handshake() -> None:
    laid_down = read_session({"type": "realtime", "audio": {"output": {"voice": "nobody"}}})
    client, session = converse(leave, scope={SESSION: laid_down})
    assert client.denial[0] == 400
    assert not session.is_started


def test_an_engine_that_is_not_there_refuses_the_handshake() -> None:
    session = FakeSession()
    session.start_error = EngineUnavailable("The llm engine is loading.", engine="llm")
    client, _ = converse(leave, session)
    status, body = client.denial
    assert status == 503
    assert body["error"]["code"] == "engine_unavailable"
    assert session.is_closed


def test_a_session_that_is_never_ready_refuses_the_handshake_at_its_deadline() -> None:
    class Stuck(FakeSession):
        async def start(self) -> None:
            await asyncio.sleep(10 * opening.START_DEADLINE)

    client, session = converse(leave, Stuck())
    assert client.denial[0] == 503
    assert client.told[0][0] == opening.START_DEADLINE
    assert session.is_closed


def test_too_many_sessions_refuse_the_handshake() -> None:
    def full(options: SessionOptions) -> FakeSession:
        raise LimitExceededError("All places are taken.")

    async def main() -> Peer:
        client = Peer()
        await client.meet(RealtimeWebSocket(full))
        return client

    status, body = virtual_time.run(main()).denial
    assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")


# -- conversation


async def ask(client: Peer, session: FakeSession) -> None:
    client.send("response.create")
    await client.until("response.done")
    client.leave()


def test_a_reply_is_heard_from_first_to_last() -> None:
    client, session = converse(ask)
    deltas = client.of("response.output_audio.delta")
    assert sum(samples(delta) for _, delta in deltas) == pytest.approx(session.frames * FRAME)
    assert client.events[-2]["response"]["status"] == "completed"
    texts = [event["delta"] for _, event in client.of("response.output_audio_transcript.delta")]
    assert "".join(texts) == session.answer


def test_sound_goes_out_in_real_time_with_a_steady_lead() -> None:
    session = TalkingSession()
    session.frames = 3000
    client, _ = converse(ask, session)
    deltas = client.of("response.output_audio.delta")
    start, sent = deltas[0][0], 0.0
    for at, delta in deltas:
        ahead = sent - (at - start)
        assert sent == 0 or ahead > LEAD - GROUP - POLL - 1e-6, "the client ran dry"
        sent += samples(delta)
        assert sent - (at - start) < LEAD + 1e-6, "a burst"
        assert samples(delta) <= LEAD + 1e-6
    assert len(deltas) <= 3000 * FRAME / GROUP + 1


def test_the_first_sound_goes_out_at_once() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        session.tell(told.ReplyStarted("resp_a", "item_a"))
        await asyncio.sleep(0.8)
        session.queue_speech(1, "resp_a", "item_a")
        await client.until("response.output_audio.delta")
        client.leave()

    client, _ = converse(script, FakeSession())
    assert client.of("response.output_audio.delta")[0][0] - 0.8 <= POLL + 1e-9


def test_after_a_gap_there_is_no_burst() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        session.tell(told.ReplyStarted("resp_a", "item_a"))
        session.queue_speech(10, "resp_a", "item_a")
        await asyncio.sleep(2)
        session.queue_speech(100, "resp_a", "item_a")
        await asyncio.sleep(1)
        client.leave()

    client, _ = converse(script, FakeSession())
    late = [(at, delta) for at, delta in client.of("response.output_audio.delta") if at > 1.5]
    assert samples(late[0][1]) <= LEAD + 1e-6
    assert sum(samples(delta) for _, delta in late) <= 1 + LEAD + 1e-6


def test_an_interruption_silences_at_once_and_the_next_reply_has_its_lead() -> None:
    async def script(client: Peer, session: TalkingSession) -> None:
        client.send("response.create")
        await client.until("response.output_audio.delta")
        await asyncio.sleep(0.2)
        client.send("response.cancel")
        await client.until("response.done")
        client.send("response.create")
        await asyncio.sleep(0.001)
        client.leave()

    client, _ = converse(script)
    created = client.of("response.created")
    (done,) = client.of("response.done")
    assert done[1]["response"]["status"] == "cancelled"
    first, second = (event["response"]["id"] for _, event in created)
    cancelled_at = 0.2
    for at, delta in client.of("response.output_audio.delta"):
        assert at < cancelled_at + 0.01 or delta["response_id"] == second
    (again,) = [d for _, d in client.of("response.output_audio.delta") if d["response_id"] == second]
    assert samples(again) == pytest.approx(LEAD)
    assert first != second


def test_typed_words_are_answered() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        content = [{"type": "input_text", "text": "What time is it?"}]
        item = {"type": "message", "role": "user", "content": content}
        client.send("conversation.item.create", item=item)
        await ask(client, session)

    client, session = converse(script)
    assert session.messages[0][:2] == ("user", "What time is it?")
    assert client.types[1:4] == ["conversation.item.added", "conversation.item.done", "response.created"]


def test_binary_frames_are_read_like_text() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        client._sent.put_nowait(
            {"type": "websocket.receive", "bytes": b'{"type":"input_audio_buffer.clear"}'}
        )
        await client.until("input_audio_buffer.cleared")
        client.leave()

    converse(script)


# -- endings


def test_a_client_that_only_sends_nonsense_is_told_and_closed() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        for _ in range(MAX_BAD_MESSAGES):
            client.send_raw("nonsense")

    client, session = converse(script)
    assert client.types.count("error") == MAX_BAD_MESSAGES
    assert client.closing["code"] == 1008
    assert session.is_closed


def test_a_client_that_stops_reading_is_closed_with_1013(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox.Outbox.__init__, "__defaults__", (100_000,))

    class Endless(TalkingSession):
        frames = 5000

    ended: list[float] = []

    async def script(client: Peer, session: TalkingSession) -> None:
        await client.until("session.created")
        client.is_reading = False
        client.send("response.create")
        await session.closed.wait()
        ended.append(asyncio.get_running_loop().time())

    client, session = converse(script, Endless())
    assert session.is_closed
    assert client.types == ["session.created"]
    # 100 kB are some 1.5 s of base64 speech; then the close frame gets its deadline, and no more
    assert 1 < ended[0] < 3 + CLOSE_DEADLINE


def test_a_connection_that_breaks_while_it_is_told_frees_the_session() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        await client.until("session.created")
        client.is_broken = True
        client.send("input_audio_buffer.clear")

    client, session = converse(script)
    assert session.is_closed
    assert [message["type"] for _, message in client.told] == ["websocket.accept", "websocket.send"]


def test_a_connection_that_breaks_at_goodbye_frees_the_session() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        await client.until("session.created")
        client.is_broken = True
        await session.aclose()

    _, session = converse(script)
    assert session.is_closed


def test_what_comes_after_the_end_is_not_acted_upon() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        await client.until("session.created")
        await session.aclose()
        await asyncio.sleep(CLOSE_DEADLINE / 2)
        client.send("response.create")
        client.leave()

    client, session = converse(script)
    assert client.types == ["session.created"]
    assert session.asked == []


def test_a_session_that_ends_closes_the_connection() -> None:
    async def script(client: Peer, session: FakeSession) -> None:
        await client.until("session.created")
        await session.aclose()

    client, _ = converse(script)
    assert client.closing["code"] == 1001


def test_a_fault_is_told_and_closes_only_this_connection(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(FakeSession):
        async def events(self) -> AsyncIterator[told.SessionEvent]:
            yield told.StateChanged("idle")
            raise RuntimeError("a bug, with secret words")

    async def script(client: Peer, session: FakeSession) -> None:
        await client.until("error")

    client, session = converse(script, Faulty())
    assert client.types == ["session.created", "error"]
    assert client.events[-1]["error"]["type"] == "server_error"
    assert "secret" not in str(client.events)
    assert client.closing["code"] == 1011
    assert session.is_closed
    assert "sess_fake failed" in caplog.text


def test_a_server_that_goes_down_says_so() -> None:
    async def main() -> Peer:
        client, session = Peer(), FakeSession()
        app = RealtimeWebSocket(lambda options: session)
        async with asyncio.TaskGroup() as group:
            group.create_task(client.meet(app))
            await client.until("session.created")
            app.close()
        assert session.is_closed
        return client

    assert virtual_time.run(main()).closing["code"] == 1001


def test_a_cancelled_server_task_still_closes_its_session() -> None:
    async def main() -> bool:
        client, session = Peer(), FakeSession()
        task = asyncio.create_task(client.meet(RealtimeWebSocket(lambda options: session)))
        await client.until("session.created")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return session.is_closed

    assert virtual_time.run(main())


def test_nothing_that_is_said_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def script(client: Peer, session: FakeSession) -> None:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "canary"}]}
        client.send("conversation.item.create", item=item)
        client.send("session.update", session={"type": "realtime", "instructions": "canary", "x": "canary"})
        client.send_raw("canary")
        session.tell(told.Transcript("item_a", "canary", is_final=True))
        await client.until("conversation.item.input_audio_transcription.completed")
        client.leave()

    converse(script, FakeSession())
    assert "canary" not in caplog.text
