"""Speak, read what was understood, hear the answer, interrupt it; over each of the transports."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.talk_page import SOON_MS, TalkPage
from tests.live_server import Server

LEAD = {"livekit": 4.0, "webrtc": 2.5, "websocket": 8.0}
"""Seconds until the user speaks: an assistant has to come; the fallback comes after WebRTC had its time."""

NO_UDP = """
const Native = window.RTCPeerConnection;
const firewalled = (options) => ({ ...options, iceTransportPolicy: "relay" }); // and there is no relay
window.RTCPeerConnection = class extends Native {
  constructor(options) {
    super(firewalled(options));
  }
  setConfiguration(options) {
    super.setConfiguration(firewalled(options));
  }
};
"""

TRANSPORTS = pytest.mark.parametrize("transport", ["webrtc", "websocket", "livekit"])
EMBEDDED = pytest.mark.parametrize("transport", ["webrtc", "websocket"])


@pytest.fixture
def server(request: pytest.FixtureRequest, transport: str) -> Server:
    name = "room_server" if transport == "livekit" else "shared_server"
    chosen: Server = request.getfixturevalue(name)
    return chosen


def begin(page: TalkPage, transport: str) -> None:
    if transport == "websocket":
        page.page.add_init_script(NO_UDP)
        page.page.reload()
    page.start()
    page.expect_connected(transport)


@TRANSPORTS
def test_a_question_is_read_answered_and_heard(open_page: OpenPage, server: Server, transport: str) -> None:
    page = open_page(LEAD[transport], "command-what-time-is-it-in-tokyo-rms", server=server)
    begin(page, transport)
    expect(page.spoken).to_contain_text(re.compile("tokyo", re.IGNORECASE), timeout=SOON_MS)
    expect(page.finished_replies).to_contain_text(re.compile("tokyo", re.IGNORECASE), timeout=SOON_MS)
    page.expect_sound()
    page.page.get_by_role("button", name="Where the time went").click()
    names = {"livekit": "LiveKit", "webrtc": "WebRTC", "websocket": "WebSocket"}
    expect(page.page.get_by_text(f"Connected over {names[transport]}.")).to_be_visible()
    has_livekit = any("/assets/livekit-" in url for url in page.requested)
    assert has_livekit == (transport == "livekit")  # a script as large as the rest of the page


@TRANSPORTS
def test_speaking_interrupts_the_answer(open_page: OpenPage, server: Server, transport: str) -> None:
    page = open_page(
        LEAD[transport], "dialogue-count-to-forty-slt", 5.0, "dialogue-what-time-is-it-slt", server=server
    )
    begin(page, transport)
    page.expect_sound()
    unheard = page.page.locator("[data-entry=unheard]")
    expect(unheard).to_contain_text(re.compile("forty|40", re.IGNORECASE), timeout=SOON_MS)
    expect(page.spoken.nth(1)).to_contain_text(re.compile("time", re.IGNORECASE), timeout=SOON_MS)
    expect(page.finished_replies.nth(1)).to_be_visible(timeout=SOON_MS)
    expect(page.finished_replies.first).to_contain_text(re.compile("one", re.IGNORECASE))


@EMBEDDED
def test_escape_silences_the_assistant_at_once(open_page: OpenPage, transport: str) -> None:
    page = open_page()
    begin(page, transport)
    page.count_aloud()
    page.page.locator("body").click(position={"x": 5, "y": 300})
    page.page.keyboard.press("Escape")
    page.expect_silence(within_ms=1_000)
    expect(page.page.locator("[data-entry=unheard]")).to_be_visible(timeout=SOON_MS)
    page.expect_answer("what is twelve times seven", has="eighty-four|84")


def test_holding_space_is_heard_though_muted(open_page: OpenPage) -> None:
    page = open_page(4.0, "command-roll-two-dice-slt")
    page.page.keyboard.down(" ")
    page.expect_connected()
    page.expect_presence("listening")
    expect(page.spoken).to_contain_text(re.compile("dice", re.IGNORECASE), timeout=SOON_MS)
    page.page.keyboard.up(" ")
    expect(page.finished_replies).to_be_visible(timeout=SOON_MS)
    page.expect_presence("muted")


def test_a_muted_microphone_is_not_heard(open_page: OpenPage) -> None:
    page = open_page(4.0, "dialogue-stop-slt")
    page.start()
    page.page.keyboard.press("m")
    page.expect_presence("muted")
    page.count_aloud()
    # Aloud it takes some eight seconds to get there: "stop" was said meanwhile, to a muted microphone.
    expect(page.replies).to_contain_text("fifteen", ignore_case=True, timeout=SOON_MS)
    assert page.spoken.all_inner_texts() == ["count to forty"]
    expect(page.page.locator("[data-entry=unheard]")).to_have_count(0)


def test_an_example_is_asked_and_its_tool_call_can_be_read(open_page: OpenPage) -> None:
    page = open_page()
    page.page.get_by_role("button", name="What time is it in Tokyo?").click()
    expect(page.finished_replies).to_contain_text(re.compile("tokyo", re.IGNORECASE), timeout=SOON_MS)
    page.expect_sound()
    row = page.page.locator("[data-entry=tool]").get_by_role("button")
    row.click()
    expect(page.page.locator("[data-entry=tool]")).to_contain_text("Asked with")
