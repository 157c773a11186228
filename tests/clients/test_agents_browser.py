"""@openai/agents-realtime in Chromium, on a page of the server's own origin and on one elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from openai import OpenAI

from tests.chromium import LaunchBrowser
from tests.clients.agents_talk import expect_calm, expect_rewritten, expect_sums, said
from tests.clients.conftest import Live
from tests.clients.pages import PREFIX, elsewhere, here

pytestmark = pytest.mark.browser

QUESTION = "what is twelve times seven"
SPOKEN_QUESTION = "dialogue-what-is-twelve-times-seven-slt"
LEAD = 3.0
"""Seconds until the fake microphone speaks: the call is up by then."""

ORIGINS = pytest.mark.parametrize("origin", ["same", "other"])
Play = Callable[..., Any]


@pytest.fixture
def secret(live: Live) -> str:
    """A page holds no key that can do more than talk."""
    with OpenAI(base_url=live.base_url, api_key=live.key) as client:
        return client.realtime.client_secrets.create(session={"type": "realtime"}).value


@pytest.fixture
def play(live: Live, launch: LaunchBrowser, secret: str) -> Iterator[Play]:
    """Plays a scenario on a page at `origin`: `says` is the recording that its microphone hears."""
    with ExitStack() as running:

        def play(
            scenario: str,
            *,
            origin: str = "same",
            says: str = SPOKEN_QUESTION,
            has_microphone: bool = False,
            transport: str = "webrtc",
        ) -> Any:
            heard = (LEAD, says) if has_microphone else ()
            browser = launch(*heard, flags=("--use-fake-ui-for-media-stream",))
            context = browser.new_context()
            if origin == "same":
                here(context, live.url)
            else:
                running.enter_context(elsewhere(live.other_origin))
            home = live.url if origin == "same" else live.other_origin
            page = context.new_page()
            page.goto(f"{home}{PREFIX}agents_page.html")
            page.wait_for_function("document.title === 'Ready'")
            calls, socket = f"{live.base_url}/realtime/calls", f"{live.realtime_url}?model=gpt-realtime"
            settings = {
                "transport": transport,
                "url": calls if transport == "webrtc" else socket,
                "secret": secret,
                "speech": f"{home}{PREFIX}recordings/{says}.wav",
                "hasMicrophone": has_microphone,
            }
            found = page.evaluate("([name, settings]) => play(name, settings)", [scenario, settings])
            context.close()
            return found

        yield play


@ORIGINS
def test_a_question_asked_by_microphone_is_answered_aloud(play: Play, origin: str) -> None:
    found = play("spoken", origin=origin, has_microphone=True)
    expect_calm(found)
    user, assistant = found["history"]
    assert said(user) == QUESTION
    expect_sums(assistant)
    assert found["heard"] > 0
    assert "response.output_audio.delta" not in found["types"]
    started = found["types"].index("output_audio_buffer.started")
    assert found["types"].index("response.content_part.added") < started
    assert found["types"].index("response.done") < found["types"].index("output_audio_buffer.stopped")


def test_a_written_turn_and_a_tool(play: Play) -> None:
    found = play("tools", origin="other")
    expect_calm(found)
    assert found["asked"] == [{"city": "Paris"}]
    assert "sunny" in said(found["history"][-1])


def test_a_written_turn_over_a_websocket_whose_key_is_a_subprotocol(play: Play) -> None:
    found = play("text", origin="other", transport="websocket")
    expect_calm(found)
    expect_sums(found["history"][-1])
    assert "response.output_audio.delta" in found["types"]


def test_speech_interrupts_and_the_server_truncates(play: Play) -> None:
    found = play("interruption", says="dialogue-what-time-is-it-slt")
    expect_calm(found)
    assert (found["cut"]["status"], found["cut"]["status_details"]["reason"]) == (
        "cancelled",
        "turn_detected",
    )
    cleared = found["types"].index("output_audio_buffer.cleared")
    assert cleared < found["types"].index("response.done")
    _, counted, asked, told = found["history"]
    assert counted["status"] == "incomplete"
    assert "forty" not in said(counted)
    assert (said(asked), told["status"]) == ("what time is it", "completed")


def test_its_own_interrupt_leaves_it_able_to_ask(play: Play) -> None:
    found = play("stop")
    expect_calm(found)
    assert found["cut"]["status"] == "cancelled"
    assert "output_audio_buffer.cleared" in found["types"]
    expect_sums(found["history"][-1])


def test_a_turn_committed_by_hand(play: Play) -> None:
    found = play("manual")
    expect_calm(found)
    assert found["transcript"] == QUESTION
    expect_sums(found["history"][-1])


def test_its_history_can_be_rewritten(play: Play) -> None:
    found = play("history")
    expect_calm(found)
    expect_rewritten(found)


@ORIGINS
def test_errors_are_told_and_cost_nothing(play: Play, origin: str) -> None:
    found = play("errors", origin=origin)
    assert found["error"]["event_id"] == "vain"
    assert found["response"]["status"] == "completed"
    assert "401" in found["refused"]
    assert "secret" in found["refused"] or "key" in found["refused"]
