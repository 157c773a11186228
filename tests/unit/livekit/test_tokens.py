from __future__ import annotations

import json
import string
import uuid
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.api import TokenVerifier
from pydantic import ValidationError

from sottovoce.config import LiveKitSettings
from sottovoce.errors import InvalidRequestError
from sottovoce.http.errors import invalid_request
from sottovoce.livekit import token_request
from sottovoce.livekit.access import LiveKitAccess
from sottovoce.livekit.token_request import MAX_NAME_BYTES, TokenRequest
from sottovoce.livekit.tokens import MAX_TOKEN_BYTES, ParticipantToken, mint, session_of

ACCESS = LiveKitAccess("ws://127.0.0.1:7880", "APIkey", "a-secret-of-the-tests-that-is-long-enough")
SETTINGS = LiveKitSettings(
    agent_name="ours", token_ttl=120, empty_timeout=30, departure_timeout=7, max_participants=4
)


def asked(**fields: Any) -> TokenRequest:
    return TokenRequest.model_validate_json(json.dumps(fields))


def claims(token: ParticipantToken) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(
        token.jwt,
        ACCESS.api_secret,
        algorithms=["HS256"],
        issuer=ACCESS.api_key,
        options={"require": ["nbf"]},
    )
    return found


def minted(**fields: Any) -> dict[str, Any]:
    return claims(mint(asked(**fields), ACCESS, SETTINGS))


def fault(**fields: Any) -> InvalidRequestError:
    """What is wrong with it, as a client is told."""

    def attempt() -> None:
        request = asked(**fields)
        session_of(request)
        mint(request, ACCESS, SETTINGS)

    with pytest.raises((ValidationError, InvalidRequestError)) as caught:
        attempt()
    error = caught.value
    return invalid_request(error) if isinstance(error, ValidationError) else error


def test_nothing_asked_is_a_new_room_and_somebody_new() -> None:
    first, second = (mint(asked(), ACCESS, SETTINGS) for _ in range(2))
    for token in (first, second):
        room, identity = token.room_name.partition("-"), token.identity.partition("-")
        assert (room[0], identity[0], token.name) == ("room", "user", "user")
        assert uuid.UUID(room[2]).version == uuid.UUID(identity[2]).version == 4
    assert first.room_name != second.room_name
    assert first.identity != second.identity


def test_a_token_permits_a_conversation_in_its_room_and_nothing_else() -> None:
    found = minted(room_name="kitchen", participant_identity="ann", participant_name="Ann")
    assert found["video"] == {
        "room": "kitchen",
        "roomJoin": True,
        "canPublish": True,
        "canPublishSources": ["microphone"],
        "canPublishData": True,
        "canSubscribe": True,
        "canUpdateOwnMetadata": False,
    }
    assert set(found) == {
        *("video", "kind", "sub", "name", "iss", "nbf", "exp", "roomConfig", "attributes"),
    }
    assert (found["sub"], found["name"], found["kind"]) == ("ann", "Ann", "standard")
    assert found["iss"] == ACCESS.api_key


def test_a_token_is_short_lived() -> None:
    found = minted()
    assert found["exp"] - found["nbf"] == SETTINGS.token_ttl


def test_livekit_reads_what_was_written() -> None:
    token = mint(asked(participant_metadata="m", participant_attributes={"a": "1"}), ACCESS, SETTINGS)
    read = TokenVerifier(ACCESS.api_key, ACCESS.api_secret).verify(token.jwt)
    assert (read.identity, read.metadata, read.attributes) == (token.identity, "m", {"a": "1"})
    assert read.video is not None
    assert read.video.room == token.room_name


def test_every_room_has_our_limits_and_our_assistant() -> None:
    session = json.dumps({"session": {"type": "realtime", "instructions": "Be brief."}})
    ours = {"emptyTimeout": 30, "departureTimeout": 7, "maxParticipants": 4}
    assert minted()["roomConfig"] == {**ours, "agents": [{"agentName": "ours"}]}
    for agent in ({"metadata": session}, {"agent_name": "ours", "metadata": session}):
        found = minted(room_config={"agents": [agent]})
        assert found["roomConfig"] == {**ours, "agents": [{"agentName": "ours", "metadata": session}]}


@pytest.mark.parametrize(
    "body",
    [
        {
            "roomName": "kitchen",
            "participantIdentity": "ann",
            "roomConfig": {"agents": [{"agentName": "ours"}]},
        },
        {
            "room_name": "kitchen",
            "participant_identity": "ann",
            "room_config": {"agents": [{"agent_name": "ours"}]},
        },
        {"room_name": "kitchen", "participantIdentity": "ann", "participant_name": None, "room_config": None},
        {
            "room_name": "kitchen",
            "participant_identity": "ann",
            "participant_metadata": "",
            "room_config": {},
        },
        {
            "room_name": "kitchen",
            "participant_identity": "ann",
            "room_config": {
                "agents": [],
                "max_participants": 0,
                "egress": None,
                "tags": {},
                "syncStreams": False,
            },
        },
    ],
)
def test_both_spellings_and_what_is_not_given(body: dict[str, Any]) -> None:
    found = minted(**body)
    assert (found["video"]["room"], found["sub"]) == ("kitchen", "ann")


LONG = "x" * (MAX_NAME_BYTES + 1)


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"nonsense": 1}, "nonsense", "Unknown parameter"),
        ({"room_name": "a", "roomName": "b"}, "roomName", "Unknown parameter"),
        ({"room_name": 7}, "room_name", "string"),
        ({"room_name": LONG}, "room_name", "256"),
        ({"room_name": "é" * 200}, "room_name", "256 bytes"),
        ({"room_name": "a\nb"}, "room_name", "control"),
        ({"participant_name": "a\u2028b"}, "participant_name", "control"),
        ({"participant_identity": LONG}, "participant_identity", "256"),
        ({"participantIdentity": "agent-7"}, "participantIdentity", "agent-"),
        ({"participant_identity": "AGENT-7"}, "participant_identity", "agent-"),
        ({"participant_metadata": "x" * 4097}, "participant_metadata", "4096"),
        ({"participant_metadata": {"a": 1}}, "participant_metadata", "string"),
        ({"participant_attributes": {"a": 1}}, "participant_attributes.a", "string"),
        ({"participant_attributes": {"a": None}}, "participant_attributes.a", "string"),
        ({"participant_attributes": {"a" * 129: "1"}}, None, "128"),
        ({"participant_attributes": {"a": "x" * 1025}}, "participant_attributes.a", "1024"),
        (
            {"participant_attributes": {str(n): "x" * 1000 for n in range(5)}},
            "participant_attributes",
            "4096",
        ),
        ({"participant_attributes": {str(n): "" for n in range(33)}}, "participant_attributes", "32"),
        ({"participant_attributes": {"lk.agent.state": "idle"}}, "participant_attributes", "reserved"),
        ({"participant_attributes": {"LK.x": "1"}}, "participant_attributes", "reserved"),
        ({"participant_attributes": {"sip.phoneNumber": "1"}}, "participant_attributes", "reserved"),
        ({"participant_attributes": {"sottovoce.else": "1"}}, "participant_attributes", "reserved"),
        ({"participant_attributes": {"sottovoce.realtime": "yes"}}, "participant_attributes", "'true'"),
        ({"room_config": []}, "room_config", "object"),
        ({"room_config": {"bogus": 1}}, "room_config.bogus", "Unknown parameter"),
        ({"room_config": {"egress": {"room": {}}}}, "room_config.egress", "recorded"),
        ({"room_config": {"emptyTimeout": 9}}, "room_config.emptyTimeout", "EMPTY_TIMEOUT"),
        ({"room_config": {"departure_timeout": 9}}, "room_config.departure_timeout", "DEPARTURE_TIMEOUT"),
        ({"room_config": {"max_participants": 900}}, "room_config.max_participants", "MAX_PARTICIPANTS"),
        ({"room_config": {"metadata": "m"}}, "room_config.metadata", "participant_metadata"),
        ({"room_config": {"agents": [{}, {}]}}, "room_config.agents", "1 item"),
        ({"room_config": {"agents": {}}}, "room_config.agents", "array"),
        (
            {"room_config": {"agents": [{"agent_name": "theirs"}]}},
            "room_config.agents.0.agent_name",
            "'ours'",
        ),
        (
            {"room_config": {"agents": [{"deployment": "d"}]}},
            "room_config.agents.0.deployment",
            "leave it out",
        ),
        (
            {"room_config": {"agents": [{"attributes": {"a": "1"}}]}},
            "room_config.agents.0.attributes",
            "assistant",
        ),
    ],
)
def test_what_is_refused_is_named(body: dict[str, Any], param: str | None, words: str) -> None:
    error = fault(**body)
    assert words in error.message
    if param is not None:
        assert error.param == param


@pytest.mark.parametrize("value", ["true", "false"])
def test_realtime_events_may_be_asked_for(value: str) -> None:
    found = minted(participant_attributes={"sottovoce.realtime": value, "colour": "blau"})
    assert found["attributes"] == {"sottovoce.realtime": value, "colour": "blau"}


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        ("no json", ""),
        ("[]", ""),
        ('{"example": "agent metadata here"}', ""),
        ('{"session": 7}', "session"),
        ('{"session": {"type": "nonsense"}}', "session"),
        (
            '{"session": {"type": "realtime", "audio": {"output": {"speed": "fast"}}}}',
            "session.audio.output.speed",
        ),
        ('{"session": {"type": "realtime", "bogus": 1}}', "session.bogus"),
        ("[" * 4000, ""),
    ],
)
def test_a_malformed_session_is_named_by_its_path(metadata: str, path: str) -> None:
    error = fault(room_config={"agents": [{"metadata": metadata}]})
    where = "room_config.agents.0.metadata"
    assert error.param is not None
    assert error.param.startswith(f"{where}.{path}" if path else where)
    assert error.message.startswith(where)


def test_a_session_is_read() -> None:
    session = {"session": {"type": "realtime", "instructions": "Be brief."}}
    found = session_of(asked(room_config={"agents": [{"metadata": json.dumps(session)}]}))
    assert found is not None
    assert found.model_dump(include={"instructions"}) == {"instructions": "Be brief."}
    assert session_of(asked()) is None
    assert session_of(asked(room_config={"agents": [{"metadata": "  "}]})) is None


def test_a_token_has_room_in_the_address_of_a_connection() -> None:
    """Each part is within its bounds, all of them together are not."""
    session = json.dumps({"session": {"type": "realtime", "instructions": "é" * 3900}}, ensure_ascii=False)
    error = fault(room_config={"agents": [{"metadata": session}]})
    assert str(MAX_TOKEN_BYTES) in error.message
    assert "session.update" in error.message
    plain = json.dumps({"session": {"type": "realtime", "instructions": "e" * 8000}})
    token = mint(
        asked(participant_metadata="x" * 3000, room_config={"agents": [{"metadata": plain}]}),
        ACCESS,
        SETTINGS,
    )
    assert len(token.jwt) <= MAX_TOKEN_BYTES


def test_a_token_is_never_shown_by_accident() -> None:
    token = mint(asked(), ACCESS, SETTINGS)
    assert token.jwt not in repr(token)
    assert ACCESS.api_secret not in repr(ACCESS)


names = st.text(max_size=300)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from([*TokenRequest.model_fields, "roomName", "roomConfig", "participantAttributes", "x"])
configs = st.sampled_from([*token_request.RoomConfig.model_fields, "emptyTimeout", "agents"])
agents = st.sampled_from([*token_request.AgentDispatch.model_fields, "agentName"])
bodies = st.dictionaries(
    fields,
    json_values
    | st.dictionaries(
        configs, json_values | st.lists(st.dictionaries(agents, json_values), max_size=2), max_size=3
    ),
    max_size=4,
)


@given(bodies)
def test_whatever_is_asked_a_token_permits_no_more(body: dict[str, Any]) -> None:
    try:
        request = TokenRequest.model_validate_json(json.dumps(body))
        session_of(request)
        token = mint(request, ACCESS, SETTINGS)
    except (ValidationError, InvalidRequestError):
        return
    found = claims(token)
    assert found["video"] == {
        **minted()["video"],
        "room": token.room_name,
    }
    assert found["kind"] == "standard"
    assert {
        name: found["roomConfig"][name] for name in ("emptyTimeout", "departureTimeout", "maxParticipants")
    } == {
        "emptyTimeout": 30,
        "departureTimeout": 7,
        "maxParticipants": 4,
    }
    assert [agent["agentName"] for agent in found["roomConfig"]["agents"]] == ["ours"]
    assert len(token.room_name.encode()) <= MAX_NAME_BYTES
    assert len(token.jwt) <= MAX_TOKEN_BYTES
    assert set(token.jwt) <= set(string.ascii_letters + string.digits + "-_.")


def test_thousands_of_tokens_never_meet() -> None:
    made = [mint(TokenRequest(), ACCESS, SETTINGS) for _ in range(5000)]
    assert len({token.room_name for token in made}) == len({token.identity for token in made}) == 5000
