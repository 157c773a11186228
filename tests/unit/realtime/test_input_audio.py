from __future__ import annotations

from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.input_audio import MAX_BUFFERED
from tests.unit.realtime.client import Client, only_error, types

SECOND = bytes(48_000)


def test_audio_reaches_the_session_and_is_never_acknowledged() -> None:
    client = Client()
    assert client.append(b"\1\2\3\4") == []
    assert client.session.heard == b"\1\2\3\4"


def test_half_a_sample_waits_for_its_other_half() -> None:
    client = Client()
    for chunk in (b"\1", b"\2\3", b"", b"\4\5"):
        assert client.append(chunk) == []
    assert client.session.heard == b"\1\2\3\4"


def test_clearing_is_told_and_forgets_half_a_sample() -> None:
    client = Client()
    client.append(b"\1\2\3")
    assert types(client.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    client.append(b"\4\5")
    assert client.session.clears == 1
    assert client.session.heard == b"\4\5"


def test_a_commit_goes_to_the_session_whose_event_answers_it() -> None:
    client = Client()
    assert client.send("input_audio_buffer.commit") == []
    assert client.session.commits == 1


def test_an_empty_commit_is_refused_by_the_session() -> None:
    client = Client()
    client.session.refusal = InvalidRequestError("Empty.", code="input_audio_buffer_commit_empty")
    error = only_error(client.send("input_audio_buffer.commit", event_id="e"))
    assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "e")


def test_uncommitted_audio_is_bounded_however_long_it_took() -> None:
    client = Client()
    client.update(audio={"input": {"turn_detection": None}})
    for _ in range(round(MAX_BUFFERED)):
        assert client.append(SECOND) == []
        client.now += 1
    error = only_error(client.append(SECOND))
    assert error["code"] == "input_audio_buffer_overflow"
    assert "commit or clear" in error["message"]
    assert len(client.session.heard) == 48_000 * MAX_BUFFERED
    client.send("input_audio_buffer.commit")
    assert client.append(SECOND) == []


def test_with_turn_detection_audio_may_go_on_for_ever_in_real_time() -> None:
    client = Client()
    for _ in range(round(MAX_BUFFERED) + 10):
        assert client.append(SECOND) == []
        client.now += 1


def test_with_turn_detection_audio_may_not_run_far_ahead_of_real_time() -> None:
    client = Client()
    for _ in range(round(MAX_BUFFERED)):
        assert client.append(SECOND) == []
    assert only_error(client.append(SECOND))["code"] == "input_audio_buffer_overflow"
    client.now += 1
    assert client.append(SECOND) == []


def test_what_is_no_base64_is_refused() -> None:
    client = Client()
    for audio in ("not base64!", "AAA", "AAAA\n", "\u00e9"):
        error = only_error(client.send("input_audio_buffer.append", event_id="e", audio=audio))
        assert (error["param"], error["event_id"]) == ("audio", "e")
    assert client.session.heard == b""
