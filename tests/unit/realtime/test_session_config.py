from __future__ import annotations

import json
from typing import Any

import pytest

from sottovoce.conversation.options import ClientTool, SessionOptions, ToolNamed, TurnOptions
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.protocol import ProtocolOptions
from sottovoce.realtime.session_config import (
    TranscriptionConfig,
    effective,
    read_session,
    session_object,
)
from tests.unit.realtime.client import Client, only_error


def test_the_first_event_shows_the_whole_effective_session() -> None:
    session = Client(defaults=SessionOptions(instructions="Be brief.", voice="sage")).open()["session"]
    assert session["type"] == "realtime"
    assert session["object"] == "realtime.session"
    assert session["id"] == "sess_fake"
    assert session["instructions"] == "Be brief."
    assert session["output_modalities"] == ["audio"]
    assert session["audio"]["output"]["voice"] == "sage"
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert session["audio"]["input"]["turn_detection"]["interrupt_response"] is True


def test_a_session_with_manual_turns_shows_them_as_null() -> None:
    session = Client(defaults=SessionOptions(turns=None)).open()["session"]
    assert session["audio"]["input"]["turn_detection"] is None


def test_transcription_has_no_key_that_strict_clients_do_not_know() -> None:
    session = Client().open()["session"]
    assert set(session["audio"]["input"]["transcription"]) <= {"model", "language", "prompt"}


def test_an_update_is_merged_deeply_and_answered_with_everything() -> None:
    client = Client()
    client.update(instructions="Be kind.", audio={"output": {"speed": 1.25}})
    answer = client.update(audio={"output": {"voice": "verse"}})
    assert answer["type"] == "session.updated"
    assert answer["session"]["instructions"] == "Be kind."
    assert answer["session"]["audio"]["output"] == {
        "format": {"type": "audio/pcm", "rate": 24000},
        "voice": "verse",
        "speed": 1.25,
    }
    assert client.session.options.instructions == "Be kind."
    assert client.session.options.voice == "verse"
    assert client.session.options.speed == 1.25


def test_server_vad_ends_turns_by_silence_alone() -> None:
    client = Client()
    detection = {"type": "server_vad", "silence_duration_ms": 700, "threshold": 0.7, "create_response": False}
    answer = client.update(audio={"input": {"turn_detection": detection}})
    assert answer["session"]["audio"]["input"]["turn_detection"] == {
        **detection,
        "prefix_padding_ms": 300,
        "interrupt_response": True,
        "idle_timeout_ms": None,
    }
    assert client.session.options.turns == TurnOptions(
        threshold=0.7, silence=0.7, max_wait=0.7, prefix_padding_ms=300, should_reply=False
    )


def test_a_second_server_vad_update_keeps_what_the_first_set() -> None:
    client = Client()
    client.update(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}})
    client.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 200}}})
    turns = client.session.options.turns
    assert turns is not None
    assert (turns.threshold, turns.silence) == (0.7, 0.2)


@pytest.mark.parametrize(("eagerness", "max_wait"), [("low", 4.0), ("high", 0.6), ("auto", 0.9)])
def test_semantic_vad_waits_as_eagerly_as_asked(eagerness: str, max_wait: float) -> None:
    default = TurnOptions(silence=0.25, max_wait=0.9)
    client = Client(defaults=SessionOptions(turns=default))
    client.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": eagerness}}})
    assert client.session.options.turns == TurnOptions(silence=0.25, max_wait=max_wait)


def test_changing_the_kind_of_detection_starts_from_its_defaults() -> None:
    client = Client()
    client.update(audio={"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}})
    answer = client.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    assert answer["session"]["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }


def test_null_turn_detection_means_manual_turns_and_an_absent_one_means_no_change() -> None:
    client = Client()
    client.update(audio={"input": {"turn_detection": None}})
    assert client.session.options.turns is None
    client.update(instructions="x")
    assert client.session.options.turns is None
    client.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert client.session.options.turns is not None


def test_null_where_it_says_nothing_changes_nothing() -> None:
    client = Client()
    client.update(instructions="Be brief.", audio={"output": {"voice": "echo"}})
    answer = client.update(instructions=None, tool_choice=None, audio={"output": {"voice": None}})
    assert answer["session"]["instructions"] == "Be brief."
    assert answer["session"]["audio"]["output"]["voice"] == "echo"


def test_the_language_of_the_transcription_is_the_sessions() -> None:
    client = Client(defaults=SessionOptions(language="en"))
    client.update(audio={"input": {"transcription": {"language": "de"}}})
    assert client.session.options.language == "de"
    answer = client.update(audio={"input": {"transcription": None}})
    assert answer["session"]["audio"]["input"]["transcription"] is None
    assert client.session.options.language == "en"


def test_the_recogniser_finds_the_language_unless_one_is_given() -> None:
    client = Client()
    assert client.session.options.language == ""
    client.update(audio={"input": {"transcription": {"language": "de"}}})
    answer = client.update(audio={"input": {"transcription": {"language": None}}})
    assert "language" not in answer["session"]["audio"]["input"]["transcription"]
    assert client.session.options.language == ""


def test_what_agents_js_sends_by_default_is_accepted() -> None:
    answer = Client().update(
        instructions="You are helpful.",
        model="gpt-realtime-2.1",
        output_modalities=["audio"],
        audio={
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "noise_reduction": None,
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {"type": "semantic_vad"},
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1},
        },
    )
    assert answer["type"] == "session.updated"
    assert answer["session"]["model"] == "gpt-realtime-2.1"
    assert answer["session"]["audio"]["input"]["transcription"] == {"model": "gpt-4o-mini-transcribe"}


def test_tracing_is_kept_and_shown() -> None:
    client = Client()
    assert client.update(tracing="auto")["session"]["tracing"] == "auto"
    tracing = {"workflow_name": "demo", "group_id": "g", "metadata": {"n": 1}}
    assert client.update(tracing=tracing)["session"]["tracing"] == tracing
    assert client.update(tracing=None)["session"]["tracing"] is None


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"output_modalities": []}, "session.output_modalities"),
        ({"output_modalities": ["text", "audio"]}, "session.output_modalities"),
        ({"output_modalities": ["smell"]}, "session.output_modalities.0"),
        ({"tools": [{"type": "function"}]}, "session.tools.0.name"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "session.tools.0.type"),
        ({"tools": [{"type": "function", "name": "f", "strict": True}]}, "session.tools.0.strict"),
        ({"tools": [{"type": "function", "name": "f"}] * 2}, "session.tools"),
        ({"tool_choice": "sometimes"}, "session.tool_choice"),
        ({"tool_choice": {"type": "mcp", "server_label": "x"}}, "session.tool_choice.type"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "session.tool_choice"),
        ({"max_output_tokens": 0}, "session.max_output_tokens"),
        ({"max_output_tokens": 5000}, "session.max_output_tokens"),
        ({"prompt": {"id": "pmpt_1"}}, "session.prompt"),
        ({"include": ["item.input_audio_transcription.logprobs"]}, "session.include"),
        ({"truncation": "disabled"}, "session.truncation"),
        (
            {"truncation": {"type": "retention_ratio", "retention_ratio": 2}},
            "session.truncation.retention_ratio",
        ),
        ({"audio": {"input": {"format": {"type": "audio/opus"}}}}, "session.audio.input.format.type"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcmu", "rate": 8000}}}},
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"input": {"noise_reduction": {"type": "no_field"}}}},
            "session.audio.input.noise_reduction.type",
        ),
        (
            {"audio": {"input": {"transcription": {"prompt": "x" * 5000}}}},
            "session.audio.input.transcription.prompt",
        ),
        (
            {"audio": {"input": {"transcription": {"language": "klingon!"}}}},
            "session.audio.input.transcription.language",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "magic"}}}},
            "session.audio.input.turn_detection.type",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5}}}},
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "idle_timeout_ms": 5000}}}},
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
        ({"audio": {"output": {"voice": "../../etc"}}}, "session.audio.output.voice"),
        ({"instructions": "x" * 65_537}, "session.instructions"),
        ({"nonsense": 1}, "session.nonsense"),
        ({"audio": 5}, "session.audio"),
        ({"type": "robot"}, "session.type"),
    ],
)
def test_what_is_not_supported_is_refused_by_name_and_changes_nothing(
    session: dict[str, Any], param: str
) -> None:
    client = Client()
    before = client.update(instructions="Keep me.")["session"]
    error = only_error(client.send("session.update", event_id="e1", session={"type": "realtime", **session}))
    assert error["param"] == param
    assert error["event_id"] == "e1"
    assert error["type"] == "invalid_request_error"
    assert client.update()["session"] == before


def test_a_session_update_without_a_type_is_refused() -> None:
    error = only_error(Client().send("session.update", session={"instructions": "x"}))
    assert error["code"] == "missing_required_parameter"
    assert error["param"] == "session.type"


def test_a_voice_may_be_given_by_id() -> None:
    answer = Client().update(audio={"output": {"voice": {"id": "coral"}}})
    assert answer["session"]["audio"]["output"]["voice"] == "coral"


def test_what_is_only_a_hint_is_kept_and_shown() -> None:
    hints = {
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
        "include": [],
    }
    heard = {"noise_reduction": {"type": "near_field"}, "transcription": {"delay": "low"}}
    session = Client().update(**hints, audio={"input": heard})["session"]
    assert {name: session[name] for name in hints} == hints
    assert session["audio"]["input"]["noise_reduction"] == {"type": "near_field"}
    assert session["audio"]["input"]["transcription"]["delay"] == "low"


def test_tools_and_limits_reach_the_conversation() -> None:
    client = Client()
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"type": "function", "name": "weather", "description": "Rain?", "parameters": parameters}
    named = {"type": "function", "name": "weather"}
    session = client.update(tools=[tool], tool_choice=named, max_output_tokens=50)["session"]
    assert (session["tools"], session["tool_choice"], session["max_output_tokens"]) == ([tool], named, 50)
    options = client.session.options
    assert options.tools == (ClientTool("weather", "Rain?", parameters),)
    assert options.tool_choice == ToolNamed("weather")
    assert options.max_output_tokens == 50
    session = client.update(tools=[], tool_choice="auto", max_output_tokens="inf")["session"]
    assert (session["tools"], session["max_output_tokens"]) == ([], "inf")
    assert client.session.options == SessionOptions()


def test_a_tool_that_must_be_called_cannot_be_taken_away() -> None:
    client = Client()
    tool = {"type": "function", "name": "weather"}
    client.update(tools=[tool], tool_choice={"type": "function", "name": "weather"})
    error = only_error(client.send("session.update", session={"type": "realtime", "tools": []}))
    assert error["param"] == "session.tool_choice"


def test_what_the_recogniser_is_told_reaches_the_conversation() -> None:
    client = Client()
    told = {"prompt": "A cooking show.", "keywords": ["roux", "velouté"], "languages": ["fr", "en"]}
    client.update(audio={"input": {"transcription": told | {"language": "fr"}}})
    assert client.session.options.prompt == "A cooking show., roux, velouté"
    assert client.session.options.language == "fr"


def test_the_first_of_several_languages_is_the_sessions() -> None:
    config = read_session(
        {"type": "transcription", "audio": {"input": {"transcription": {"languages": ["fr"]}}}}
    )
    assert config.audio.input.transcription is not None
    assert config.audio.input.transcription.spoken_language == "fr"


def test_written_replies_are_the_sessions() -> None:
    client = Client()
    assert client.update(output_modalities=["text"])["session"]["output_modalities"] == ["text"]
    assert client.session.options.modality == "text"


def test_an_idle_timeout_is_the_turns_and_null_ends_it() -> None:
    client = Client()
    detection = {"type": "server_vad", "idle_timeout_ms": 6000}
    client.update(audio={"input": {"turn_detection": detection}})
    assert client.session.options.turns is not None
    assert client.session.options.turns.idle_timeout == 6
    client.update(audio={"input": {"turn_detection": detection | {"idle_timeout_ms": None}}})
    assert client.session.options.turns.idle_timeout is None


# -- sessions that only listen

TRANSCRIBE = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}


def test_a_session_may_become_one_that_only_listens_before_anything_was_said() -> None:
    client = Client()
    (updated,) = client.send("session.update", session=TRANSCRIBE)
    session = updated["session"]
    assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")
    assert set(session["audio"]) == {"input"}
    assert session["audio"]["input"]["transcription"]["model"] == "gpt-4o-transcribe"
    assert session["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
    assert client.session.options.is_listening_only


def test_a_session_in_which_something_was_said_stays_what_it_is() -> None:
    client = Client()
    client.write("hi")
    error = only_error(client.send("session.update", session=TRANSCRIBE))
    assert error["param"] == "session.type"
    assert not client.session.options.is_listening_only


def test_a_session_that_only_listens_never_talks() -> None:
    client = Client(ProtocolOptions(session=TranscriptionConfig(type="transcription")))
    assert client.open()["session"]["type"] == "transcription"
    error = only_error(client.send("session.update", session={"type": "realtime"}))
    assert error["param"] == "session.type"


@pytest.mark.parametrize("model", ["gpt-realtime-whisper", "gpt-live-transcribe-2026"])
def test_models_whose_clients_end_turns_themselves_have_manual_turns(model: str) -> None:
    client = Client(ProtocolOptions(session=TranscriptionConfig(type="transcription")))
    heard: dict[str, Any] = {"transcription": {"model": model}}
    (updated,) = client.send("session.update", session={"type": "transcription", "audio": {"input": heard}})
    assert updated["session"]["audio"]["input"]["turn_detection"] is None
    assert client.session.options.turns is None
    heard["turn_detection"] = {"type": "server_vad"}
    (updated,) = client.send("session.update", session={"type": "transcription", "audio": {"input": heard}})
    assert updated["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"


# -- read, completed and shown without a connection


def test_a_session_is_read_from_json_and_from_a_mapping() -> None:
    given = {"type": "realtime", "audio": {"output": {"voice": "coral"}}}
    assert read_session(given) == read_session(json.dumps(given).encode())
    assert read_session(given).model_fields_set == {"type", "audio"}


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"model": "x"}, "session.type"),
        ({"type": "realtime", "audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
        ({"type": "realtime", "nonsense": 1}, "session.nonsense"),
        ({"type": "transcription", "instructions": "x"}, "session.instructions"),
        (b"[]", "session"),
        (b"{", "session"),
        ({"type": object()}, "session"),
    ],
)
def test_a_session_at_fault_is_refused_by_name(given: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_session(given)
    assert caught.value.param == param


def test_a_whole_session_is_made_of_the_defaults_and_what_was_asked() -> None:
    asked = read_session({"type": "realtime", "model": "gpt-realtime", "instructions": "Be kind."})
    config = effective(asked, SessionOptions(voice="sage"), "other")
    shown = session_object(config, "sess_1", 1_700_000_000).model_dump()
    assert (shown["model"], shown["instructions"]) == ("gpt-realtime", "Be kind.")
    assert shown["audio"]["output"]["voice"] == "sage"
    assert (shown["id"], shown["expires_at"]) == ("sess_1", 1_700_000_000)
    assert effective(None, SessionOptions(), "m").model == "m"  # type: ignore[union-attr]
