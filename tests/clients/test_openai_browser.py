"""npm `openai` in Chromium, on a page elsewhere: its WebRTC connection, and its native WebSocket over TLS."""

from __future__ import annotations

from typing import Any

import pytest
from openai import OpenAI

from tests.chromium import LaunchBrowser
from tests.clients.pages import PREFIX, elsewhere
from tests.clients.servers import Live, Secured

pytestmark = pytest.mark.browser


def played(launch: LaunchBrowser, live: Live, scenario: str, secret: str) -> Any:
    browser = launch(flags=("--use-fake-ui-for-media-stream",))
    # whether a certificate is trusted is for the browser's owner to say, who has been asked
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    with elsewhere(live.other_origin):
        page.goto(f"{live.other_origin}{PREFIX}openai_page.html")
        page.wait_for_function("document.title === 'Ready'")
        settings = {"baseURL": live.base_url, "secret": secret}
        found = page.evaluate("([name, settings]) => play(name, settings)", [scenario, settings])
        context.close()
    return found


def expect_sums(found: Any) -> None:
    assert found["status"] == "completed"
    assert "84" in found["words"] or "eighty" in found["words"]


def test_a_written_turn_over_webrtc(live: Live, launch: LaunchBrowser) -> None:
    with OpenAI(base_url=live.base_url, api_key=live.key) as client:
        secret = client.realtime.client_secrets.create().value
    found = played(launch, live, "webrtc", secret)
    expect_sums(found)
    assert "output_audio_buffer.started" in found["types"]
    assert "response.output_audio.delta" not in found["types"]


def test_a_written_turn_over_a_websocket(secured: Secured, launch: LaunchBrowser) -> None:
    found = played(launch, secured.live, "websocket", secured.secret())
    expect_sums(found)
    assert found["protocol"] == "realtime"
    assert "response.output_audio.delta" in found["types"]
