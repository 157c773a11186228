"""The parts apart, wired as the compose file wires them: one spoken conversation goes through all of them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import psutil
import pytest

from deploy.as_compose.project import read_project
from deploy.as_compose.stack import Stack
from tests.deploy.example import good_settings
from tests.livekit.participant import Participant
from tests.livekit_server import livekit_program
from tests.recordings import RECORDINGS, recording

TRIPWIRE = {"LIVEKIT_INFERENCE_URL": "http://127.0.0.1:9"}
PARTS = {"gateway": 8080, "worker": 8081, "stt": 9001, "llm": 9002, "tts": 9003}

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    programs = {"docker.io/livekit/livekit-server": [livekit_program()]}
    settings = good_settings() | {"SOTTOVOCE_LIVEKIT_DEPARTURE_TIMEOUT": "1"}
    stack = Stack(read_project(settings), tmp_path_factory.mktemp("stack"), programs, TRIPWIRE)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def gateway(stack: Stack) -> httpx.Client:
    key = stack.project.services["gateway"].environment["SOTTOVOCE_API_KEY"]
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=stack.url("gateway", PARTS["gateway"]), headers=headers, trust_env=False)


async def test_a_whole_conversation(stack: Stack) -> None:
    with gateway(stack) as client:
        reply = client.post("/api/connection-details", json={})
    assert reply.status_code == 201, reply.text
    details = reply.json()
    assert details["server_url"] == stack.url("livekit", 7880, "ws")
    user = Participant("whoever the token says")
    try:
        await user.join(details["server_url"], details["participant_token"])
        await user.until(lambda: user.assistant and "listening" in [state for _, state in user.states])
        ended = await user.speak(recording("dialogue-what-time-is-it-slt"))
        me = user.room.local_participant.identity
        await user.until(lambda: " ".join(user.said_by(me)) == "what time is it")
        assert await user.first_sound(ended) > ended
        await user.until(lambda: any("it is" in said.lower() for said in user.said_by(user.assistant)))
    finally:
        await user.leave()


def test_an_api_client_reaches_the_same_engines(stack: Stack) -> None:
    with gateway(stack) as client:
        asked = {"model": "tts-1", "voice": "alloy", "input": "Dinner is ready.", "response_format": "wav"}
        speech = client.post("/v1/audio/speech", json=asked, timeout=30)
        assert speech.content.startswith(b"RIFF"), speech.text
        heard = client.post(
            "/v1/audio/transcriptions",
            data={"model": "whisper-1"},
            files={"file": ("question.wav", recording_file())},
            timeout=30,
        )
        assert heard.json()["text"] == "what time is it"
        assert client.get("/api/status").json()["livekit"]["is_ready"]


def recording_file() -> bytes:
    return (RECORDINGS / "dialogue-what-time-is-it-slt.wav").read_bytes()


@pytest.mark.parametrize("part", ["stt", "llm", "tts"])
def test_an_engine_answers_to_its_key_alone_and_tells_anybody_how_it_is(stack: Stack, part: str) -> None:
    url = stack.url(part, PARTS[part])
    key = stack.project.services["gateway"].environment[f"SOTTOVOCE_{part.upper()}_API_KEY"]
    with httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get("/livez").status_code == client.get("/readyz").status_code == 200
        assert client.get("/v1/models").status_code == 401
        assert client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_the_parts_run_what_they_are_and_nothing_else(stack: Stack) -> None:
    """Without engines of their own, gateway and worker have no children."""
    for name in ("gateway", "worker"):
        assert psutil.Process(stack.running[name].process.pid).children(recursive=True) == []


def test_the_worker_tells_prometheus_its_load(stack: Stack) -> None:
    """By which it is scaled, as deploy/chart says."""
    text = httpx.get(f"{stack.url('worker', PARTS['worker'])}/metrics", trust_env=False).text
    assert "\nsottovoce_worker_load " in text


def test_the_end_is_in_order_and_in_time(stack: Stack) -> None:
    """The last of these tests: nobody has to be killed, and all but LiveKit say that it went well."""
    took = stack.stop()
    assert set(took) == {*PARTS, "livekit"}
    assert None not in took.values()
    assert {name: stack.running[name].process.returncode for name in PARTS} == dict.fromkeys(PARTS, 0)
