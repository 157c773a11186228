"""What goes wrong is shown, costs little, and is over when its cause is."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.talk_page import SOON_MS
from tests.live_server import Server

RECOVERY_MS = 30_000
"""Backoff grows to eight seconds, and a restarted server needs some for its engines."""


def test_without_a_microphone_writing_is_answered_aloud(open_page: OpenPage) -> None:
    page = open_page(has_microphone=False)
    page.start()
    expect(page.page.get_by_role("alert")).to_contain_text("The microphone is blocked")
    page.expect_answer("what is twelve times seven", has="eighty-four|84")


def test_an_insecure_page_explains_itself_and_still_answers(
    open_page: OpenPage, shared_server: Server
) -> None:
    page = open_page(
        url=shared_server.url.replace("127.0.0.1", "voice.lan"),
        key=shared_server.key,
        flags=("--host-resolver-rules=MAP voice.lan 127.0.0.1",),
    )
    help_card = page.page.get_by_role("alert")
    expect(help_card).to_contain_text(f"ssh -L {shared_server.port}:127.0.0.1:{shared_server.port} voice.lan")
    page.write("what is twelve times seven")
    expect(page.replies).to_contain_text(re.compile("eighty-four|84", re.IGNORECASE), timeout=SOON_MS)


def test_a_killed_engine_costs_a_turn_and_not_the_conversation(
    open_page: OpenPage, own_server: Server
) -> None:
    page = open_page(server=own_server, is_in_trouble=True)
    page.expect_answer("what is twelve times seven", has="eighty-four|84")
    expect(page.finished_replies).to_have_count(1, timeout=SOON_MS)
    own_server.kill_engine("tts")
    page.write("count to three")
    expect(
        page.page.locator("[data-entry=notice], [data-entry=assistant][data-done=true] >> nth=1")
    ).to_be_visible(timeout=SOON_MS)
    own_server.wait_until_ready()
    page.expect_answer("what is three times five", has="fifteen|15")
    page.expect_connected()


def test_a_killed_server_is_announced_and_returned_to(open_page: OpenPage, own_server: Server) -> None:
    page = open_page(server=own_server, is_in_trouble=True)
    page.start()
    page.expect_answer("what is twelve times seven", has="eighty-four|84")
    own_server.kill()
    expect(page.banner).to_be_visible(timeout=SOON_MS)
    page.expect_presence("reconnecting")
    own_server.start()
    expect(page.banner).to_be_hidden(timeout=RECOVERY_MS)
    page.expect_connected()
    page.expect_presence("listening")
    expect(page.page.get_by_text("what is twelve times seven")).to_be_visible()
    page.expect_answer("repeat that", has="eighty-four|84")  # the new session was told what had been said
    page.expect_answer("what is three times five", has="fifteen|15")
    assert page.page.locator("[data-entry=notice]").all_inner_texts() == ["Connected again."]


def test_a_server_that_is_not_there_is_announced_before_talking(
    open_page: OpenPage, own_server: Server
) -> None:
    page = open_page(server=own_server)
    own_server.kill()
    expect(page.banner).to_contain_text("cannot be reached", timeout=SOON_MS)
