from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.opening import asked_for, session_options
from sottovoce.realtime.protocol import ProtocolOptions
from sottovoce.realtime.session_config import AnyConfig, read_session


def asked(query: str, session: AnyConfig | None = None) -> ProtocolOptions:
    return asked_for(QueryParams(query), "websocket", session=session)


def test_without_a_wish_all_is_as_the_server_has_it() -> None:
    options = asked("")
    assert (options.model, options.session) == ("sottovoce", None)
    assert session_options(options, SessionOptions(voice="sage")) == SessionOptions(voice="sage")


def test_transcription_may_be_intended_with_the_recognisers_model() -> None:
    options = asked("intent=transcription&model=gpt-4o-mini-transcribe")
    assert options.session is not None
    assert options.session.type == "transcription"
    assert options.session.audio.input.transcription is not None
    assert options.session.audio.input.transcription.model == "gpt-4o-mini-transcribe"
    assert session_options(options, SessionOptions()).is_listening_only


def test_the_session_that_a_secret_is_bound_to_decides_until_the_address_names_a_model() -> None:
    bound = read_session({"type": "realtime", "model": "gpt-realtime", "instructions": "Be kind."})
    assert asked("", bound).model == "gpt-realtime"
    options = asked("model=gpt-realtime-2.1", bound)
    assert options.model == "gpt-realtime-2.1"
    assert options.session == read_session(
        {"type": "realtime", "model": "gpt-realtime-2.1", "instructions": "Be kind."}
    )
    assert session_options(options, SessionOptions()).instructions == "Be kind."


def test_a_secret_for_listening_keeps_its_model_and_its_turns() -> None:
    heard = {"transcription": {"model": "whisper-1"}, "turn_detection": None}
    bound = read_session({"type": "transcription", "audio": {"input": heard}})
    options = asked("intent=transcription&model=other", bound)
    assert options.session == bound
    assert session_options(options, SessionOptions()).turns is None


@pytest.mark.parametrize("intent", ["transcription", "conversation"])
def test_an_intent_may_not_contradict_the_session(intent: str) -> None:
    other = "realtime" if intent == "transcription" else "transcription"
    with pytest.raises(InvalidRequestError) as caught:
        asked(f"intent={intent}", read_session({"type": other}))
    assert caught.value.param == "intent"


def test_an_intended_conversation_is_an_ordinary_one() -> None:
    assert asked("intent=conversation").session is None


def test_a_bound_session_may_not_name_a_voice_that_is_not_there() -> None:
    bound = read_session({"type": "realtime", "audio": {"output": {"voice": "nobody"}}})
    with pytest.raises(InvalidRequestError) as caught:
        session_options(asked("", bound), SessionOptions())
    assert caught.value.param == "session.audio.output.voice"
