"""@openai/agents-realtime in Chromium, on a page of the server's own origin and on one elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Error, sync_playwright

from tests.chromium import launcher
from tests.clients.agents_talk import expect_calm, expect_sums, said
from tests.clients.browser_scenarios import Scenario, Stage
from tests.clients.microphone import SPOKEN_TIME
from tests.clients.servers import Live
from tests.clients.side_by_side import Played

pytestmark = pytest.mark.browser

QUESTION = "what is twelve times seven"
SCENARIOS = {
    "spoken here": Scenario("spoken", has_microphone=True),
    "spoken elsewhere": Scenario("spoken", has_microphone=True, is_elsewhere=True),
    "errors": Scenario("errors", is_elsewhere=True),
    "tools": Scenario("tools", is_elsewhere=True),
    "websocket": Scenario("text", is_elsewhere=True, transport="websocket"),
    "interruption": Scenario("interruption", says=SPOKEN_TIME),
    "stop": Scenario("stop"),
    "manual": Scenario("manual"),
}


@pytest.fixture(scope="module")
def played(live: Live, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Played:
    with sync_playwright() as playwright:
        stage = Stage(live, launcher(playwright, chromium, tmp_path_factory.mktemp("microphones")))
        found = stage.play_all(SCENARIOS)

    def played(name: str) -> Any:
        if isinstance(found[name], Error):
            raise found[name]
        return found[name]

    return played


def calm(found: Any) -> Any:
    expect_calm(found)
    return found


@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_a_question_asked_by_microphone_is_answered_aloud(played: Played, place: str) -> None:
    found = calm(played(f"spoken {place}"))
    user, assistant = found["history"]
    assert said(user) == QUESTION
    expect_sums(assistant)
    assert found["heard"] > 0
    assert "response.output_audio.delta" not in found["types"]
    started = found["types"].index("output_audio_buffer.started")
    assert found["types"].index("response.content_part.added") < started
    assert found["types"].index("response.done") < found["types"].index("output_audio_buffer.stopped")


def test_a_written_turn_and_a_tool(played: Played) -> None:
    found = calm(played("tools"))
    assert found["asked"] == [{"city": "Paris"}]
    assert "sunny" in said(found["history"][-1])


def test_a_written_turn_over_a_websocket_whose_key_is_a_subprotocol(played: Played) -> None:
    found = calm(played("websocket"))
    expect_sums(found["history"][-1])
    assert "response.output_audio.delta" in found["types"]


def test_speech_interrupts_and_the_server_truncates(played: Played) -> None:
    found = calm(played("interruption"))
    assert found["cut"]["status"] == "cancelled"
    assert found["cut"]["status_details"]["reason"] == "turn_detected"
    cleared = found["types"].index("output_audio_buffer.cleared")
    assert cleared < found["types"].index("response.done")
    _, counted, asked, told = found["history"]
    assert counted["status"] == "incomplete"
    assert "forty" not in said(counted)
    assert (said(asked), told["status"]) == ("what time is it", "completed")


def test_its_own_interrupt_leaves_it_able_to_ask(played: Played) -> None:
    found = calm(played("stop"))
    assert found["cut"]["status"] == "cancelled"
    assert "output_audio_buffer.cleared" in found["types"]
    expect_sums(found["history"][-1])


def test_a_turn_committed_by_hand(played: Played) -> None:
    found = calm(played("manual"))
    assert found["transcript"] == QUESTION
    expect_sums(found["history"][-1])


def test_errors_are_told_and_cost_nothing(played: Played) -> None:
    found = played("errors")
    assert found["error"]["event_id"] == "vain"
    assert found["response"]["status"] == "completed"
    assert "401" in found["refused"]
    assert "secret" in found["refused"] or "key" in found["refused"]
