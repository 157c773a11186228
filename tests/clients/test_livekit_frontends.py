"""LiveKit's own front ends, unmodified, in rooms of `serve --livekit`; none of them knows Sottovoce."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from livekit import rtc

from tests.chromium import LaunchBrowser
from tests.clients.frontend import OpenFrontEnd, opener
from tests.clients.microphone import SPOKEN_QUESTION
from tests.clients.node_client import Scenarios
from tests.clients.servers import Live
from tests.livekit.participant import FINAL, SEGMENT, TRACK, Participant
from tests.recordings import recording

PAGE = Path(__file__).parents[2] / "web/src"
IMPORTED = re.compile(r"import \{([^}]*)\} from \"livekit-client\"")
QUESTION = "what is twelve times seven"
SUM = re.compile("84|eighty[ -]four")
TURN = ["listening", "thinking", "speaking", "listening"]
RECORDING = 1.5
"""Seconds in which a page that loads has begun to record, and on a busy machine nobody has come yet."""
AUDIBLE = 0.05
"""Of 1; silence, as Opus decodes it, is a thousand times fainter."""


@pytest.fixture
def front_end(rooms: Live, launch: LaunchBrowser, tmp_path: Path) -> OpenFrontEnd:
    return opener(rooms, launch, tmp_path)


def said_by(seen: dict[str, Any], identity: str) -> list[dict[str, Any]]:
    return [one for one in seen["transcriptions"] if one["from"] == identity]


def expect_turn(states: list[str]) -> None:
    begun = states.index("listening")
    assert states[begun : begun + len(TURN)] == TURN
    assert not [pair for pair in pairwise(states) if pair == ("connecting", "disconnected")]


@pytest.mark.browser
def test_a_starter_of_livekits_talks_and_writes(front_end: OpenFrontEnd) -> None:
    """As agent-starter-react is made: useSession on TokenSource.endpoint, useAgent, useSessionMessages. It
    records before the room is there: the user may speak before the assistant has come."""
    page = front_end(SPOKEN_QUESTION, RECORDING)
    seen = page.answered(1)
    expect_turn(seen["states"])
    expect_turn(seen["agentStates"])
    (asked,) = said_by(seen, seen["identity"])
    (answer,) = said_by(seen, seen["agent"]["identity"])
    assert asked["text"] == QUESTION
    assert asked["attributes"][FINAL] == "true"
    assert SUM.search(answer["text"])
    assert answer["attributes"][TRACK] == seen["track"]["sid"]
    assert asked["attributes"][SEGMENT] != answer["attributes"][SEGMENT]
    assert seen["track"]["source"] == "microphone"
    assert seen["segments"] == [{"text": answer["text"], "final": True}]
    assert seen["loudest"] > AUDIBLE

    page.write("what is two plus two")
    seen = page.answered(2)
    expect_turn(seen["states"][seen["states"].index("speaking") + 1 :])
    kinds = ["userTranscript", "agentTranscript", "chatMessage", "agentTranscript"]
    assert [message["type"] for message in seen["messages"]] == kinds
    assert re.search("4|four", seen["messages"][-1]["message"])
    assert (seen["failures"], seen["errors"]) == (None, [])


@pytest.mark.browser
def test_an_older_front_end_writes_and_is_answered_aloud(front_end: OpenFrontEnd) -> None:
    """LiveKitRoom with the fields that local-voice-ai's page reads, and useVoiceAssistant; no microphone."""
    page = front_end(is_classic=True)
    page.until("seen.states.at(-1) === 'listening'")
    page.write(QUESTION)
    seen = page.answered(1)
    expect_turn(seen["states"])
    (answer,) = seen["transcriptions"]
    assert SUM.search(answer["text"])
    assert answer["from"] == seen["agent"]["identity"]
    assert [message["message"] for message in seen["chat"]] == [QUESTION]
    assert seen["loudest"] > AUDIBLE
    assert seen["errors"] == []


async def test_a_client_of_the_python_sdk(rooms: Live) -> None:
    """It joins with the token endpoint's reply, through the server's own address."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {rooms.key}"}) as http:
        reply = await http.post(f"{rooms.url}/api/connection-details", json={"participant_identity": "ann"})
    assert reply.status_code == 201
    ann = Participant("ann")
    try:
        await ann.join(reply.json()["server_url"], reply.json()["participant_token"])
        await ann.until(lambda: ann.states and ann.states[-1][1] == "listening")
        ended = await ann.speak(recording(SPOKEN_QUESTION))
        assert await ann.until(lambda: ann.said_by("ann")) == [QUESTION]
        (answer,) = await ann.until(lambda: ann.said_by(ann.assistant))
        assert SUM.search(answer)
        assert await ann.first_sound(ended) > ended
        await ann.until(lambda: ann.states[-1][1] == "listening")
        expect_turn([state for _, state in ann.states])
        assert ann.events == []  # it did not ask for those
        assistant = ann.room.remote_participants[ann.assistant]
        (voice,) = assistant.track_publications.values()
        assert voice.source == rtc.TrackSource.SOURCE_MICROPHONE
        captions = [caption for caption in ann.captions if caption.speaker == ann.assistant]
        assert {caption.track for caption in captions} == {voice.sid}
    finally:
        await ann.leave()


def test_the_token_endpoint_is_livekits(rooms: Live, tmp_path: Path) -> None:
    endpoint = {"TOKEN_ENDPOINT": f"{rooms.url}/api/connection-details", "AGENT": "sottovoce"}
    found = Scenarios("livekit_tokens.mjs", rooms, tmp_path, **endpoint).play("tokens", SPOKEN_QUESTION)
    empty, forced, asked = (found[name]["claims"] for name in ("empty", "forced", "asked"))
    assert found["again"] == found["empty"]  # the client's own cache: the token says until when it is good
    assert (empty["video"]["room"], empty["sub"]) != (forced["video"]["room"], forced["sub"])
    assert found["empty"]["serverUrl"] == rooms.url.replace("http", "ws")
    assert [agent["agentName"] for agent in empty["roomConfig"]["agents"]] == ["sottovoce"]
    assert (asked["video"]["room"], asked["sub"], asked["name"]) == ("the-kitchen", "ann", "Ann")
    assert (asked["metadata"], asked["attributes"]) == ("of the kitchen", {"colour": "red"})
    (agent,) = asked["roomConfig"]["agents"]
    assert json.loads(agent["metadata"])["session"]["instructions"] == "Be brief."
    assert "400" in found["refused"]
    assert "metadata" in found["refused"]


def test_livekit_client_exports_what_the_page_uses(rooms: Live, tmp_path: Path) -> None:
    files = [path for path in PAGE.rglob("*.ts*") if ".test." not in path.name]
    texts = [text for path in files if "livekit-client" in (text := path.read_text())]
    named = {name for text in texts for name in used(text)}
    assert ("Room",) in named
    assert ("RoomEvent", "Disconnected") in named
    environment = {"NAMES": json.dumps(sorted(named)), "TOKEN_ENDPOINT": "", "AGENT": ""}
    assert (
        Scenarios("livekit_tokens.mjs", rooms, tmp_path, **environment).play("names", SPOKEN_QUESTION) == []
    )


def used(text: str) -> set[tuple[str, ...]]:
    """Values, not types, that a file imports of livekit-client, and the members of them that it names."""
    imported = [part.strip() for names in IMPORTED.findall(text) for part in names.split(",")]
    values = {name for name in imported if name and not name.startswith("type ")}
    members = {(name, member) for name in values for member in re.findall(rf"\b{name}\.([A-Za-z]+)", text)}
    return {(name,) for name in values} | members
