"""The page in a room: what is left of it when a part of LiveKit goes, and when there is none at first."""

from __future__ import annotations

import json

from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.talk_page import SOON_MS, TalkPage
from tests.browser.test_talking import NO_UDP
from tests.live_server import Server

NOTICED_MS = 20_000
"""A lost server is tried for again for three seconds, a silent assistant noticed within eight."""

RECOVERY_MS = 30_000
"""LiveKit and the worker are started again after a pause, and the page tries again ever more rarely."""


def say_not_ready(route: Route) -> None:
    response = route.fetch()
    livekit = {"is_on": True, "is_ready": False, "reason": "the worker is starting"}
    route.fulfill(response=response, body=json.dumps({**response.json(), "livekit": livekit}))


def expect_recovery(page: TalkPage) -> None:
    """The conversation goes on where it was."""
    again = page.page.locator("[data-entry=notice]").filter(has_text="Connected again.")
    expect(again).to_be_visible(timeout=NOTICED_MS + RECOVERY_MS)
    expect(page.banner).to_be_hidden(timeout=RECOVERY_MS)
    page.expect_connected()
    page.expect_answer("repeat that", has="eighty-four|84")


def test_a_server_that_was_killed_is_missed_and_returned_to(open_page: OpenPage, room_server: Server) -> None:
    page = open_page(server=room_server, is_in_trouble=True)
    page.start()
    page.expect_connected("livekit")
    page.expect_answer("what is twelve times seven", has="eighty-four|84")
    room_server.kill_child("livekit-server")
    expect(page.banner).to_be_visible(timeout=NOTICED_MS)
    expect_recovery(page)
    room_server.wait_until_ready()


def test_who_takes_the_place_of_a_worker_that_was_killed_goes_on(
    open_page: OpenPage, room_server: Server
) -> None:
    """In the same room where it is there in time; else the banner comes, and another room."""
    page = open_page(server=room_server, is_in_trouble=True)
    page.start()
    page.expect_connected("livekit")
    page.expect_answer("what is twelve times seven", has="eighty-four|84")
    room_server.kill_child("worker", "--fed")
    expect_recovery(page)
    room_server.wait_until_ready()


def test_a_muted_microphone_is_not_heard_in_a_room_and_escape_silences_it(
    open_page: OpenPage, room_server: Server
) -> None:
    """LiveKit's client opens the track that it is given to publish: it must never be the microphone's."""
    page = open_page(5.0, "dialogue-stop-slt", server=room_server)
    page.page.keyboard.down(" ")
    page.expect_connected("livekit")
    page.page.keyboard.up(" ")
    page.expect_presence("muted")
    page.count_aloud()
    expect(page.replies).to_contain_text("fifteen", ignore_case=True, timeout=SOON_MS)
    assert page.spoken.all_inner_texts() == ["count to forty"]
    page.page.keyboard.press("Escape")
    page.expect_silence(within_ms=1_000)
    expect(page.page.locator("[data-entry=unheard]")).to_contain_text("forty", timeout=SOON_MS)


def test_the_page_does_without_a_livekit_that_is_not_ready(open_page: OpenPage, room_server: Server) -> None:
    page = open_page(server=room_server)
    page.page.route("**/api/status", say_not_ready)
    page.start()
    page.expect_connected("webrtc")
    page.expect_answer("what is twelve times seven", has="eighty-four|84")
    assert not any("livekit" in url for url in page.requested)
    page.page.get_by_role("button", name="Nothing leaves this machine").click()
    expect(page.page.get_by_text("LiveKit is not ready (the worker is starting)")).to_be_visible()


def test_the_page_does_without_media_that_do_not_get_through(
    open_page: OpenPage, room_server: Server
) -> None:
    page = open_page(server=room_server)
    page.page.add_init_script(NO_UDP)
    page.page.reload()
    page.page.get_by_role("button", name="Start talking").click()
    expect(page.page.locator('[data-transport="websocket"]')).to_be_attached(timeout=2 * SOON_MS)
    page.expect_answer("what is twelve times seven", has="eighty-four|84")
    assert any("/assets/livekit-" in url for url in page.requested)  # it was tried first
