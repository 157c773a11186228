"""Real models by the page: the offer of a first run, their coming, choosing and failing, while one talks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests import fake_hub
from tests.browser import made_hub
from tests.browser.conftest import OpenPage
from tests.browser.made_hub import EAR, MIND, VOICE
from tests.browser.talk_page import SOON_MS, TalkPage
from tests.browser.test_access import PHONE, expect_accessible
from tests.fake_hub import FakeHub, Fault
from tests.live_server import Server

ARRIVAL_MS = 60_000
"""Three processes load, on a machine that may be busy."""


@pytest.fixture(scope="module")
def idle_server(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Server]:
    """For tests that bring no model: it stays at its first run."""
    home = tmp_path_factory.mktemp("idle")
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    with fake_hub.running() as hub:
        server = made_hub.server_of(hub, home, home)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with fake_hub.running() as hub:
        made_hub.stock(hub, tmp_path)
        yield hub


@pytest.fixture
def server(hub: FakeHub, home: Path, tmp_path: Path) -> Iterator[Server]:
    server = made_hub.server_of(hub, home, tmp_path)
    server.start()
    yield server
    server.stop()


def offer_of(page: TalkPage) -> Locator:
    return page.page.locator("[data-models=offer]")


def arrivals_of(page: TalkPage) -> Locator:
    return page.page.locator("[data-models=arrivals]")


def row_of(page: TalkPage, model: str) -> Locator:
    return page.page.locator(f"[data-model='{model}']")


def press(page: TalkPage, model: str, words: str) -> None:
    row_of(page, model).get_by_role("button", name=re.compile(f"^{words}")).click()


def open_models(page: TalkPage) -> None:
    page.page.get_by_role("button", name="Models", exact=True).click()
    expect(row_of(page, EAR)).to_be_visible(timeout=SOON_MS)


def expect_state(page: TalkPage, model: str, state: str) -> None:
    expect(row_of(page, model)).to_have_attribute("data-state", state, timeout=ARRIVAL_MS)


def test_one_button_brings_real_models_and_the_next_turn_uses_them(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(3.0, made_hub.QUESTION, server=server)
    offer = offer_of(page)
    expect(offer).to_contain_text("Made voice")
    expect(offer).to_contain_text("4.0 MB")
    expect(offer).to_contain_text(re.compile(r"6\.0 MB to download from 127\.0\.0\.1; .* free"))
    licence = offer.get_by_role("link", name="MIT, licence of Made ear")
    expect(licence).to_have_attribute("href", "https://example.org/mit")
    page.expect_answer("what is twelve times seven", has="eighty-four|84")  # it is in nobody's way

    offer.get_by_role("button", name="Have a look").click()
    offer.get_by_role("button", name="Download and use").click()
    arrivals = arrivals_of(page)
    expect(arrivals.get_by_role("progressbar").first).to_be_visible(timeout=SOON_MS)
    done = "Used from your next turn: Made ear, Made mind and Made voice."
    expect(arrivals.get_by_role("status")).to_have_text(done, timeout=ARRIVAL_MS)
    expect_accessible(page)
    arrivals.get_by_role("button", name="Close").click()
    expect(arrivals).to_be_hidden()
    expect(offer).to_be_hidden()

    page.start()
    expect(page.spoken.last).to_have_text(made_hub.SAID, timeout=SOON_MS)
    expect(page.finished_replies.last).to_contain_text(made_hub.REPLY, timeout=SOON_MS)
    page.expect_sound()
    expect(page.replies.last).to_contain_text(re.compile(r"\d+ ms"))
    page.page.get_by_role("button", name="Where the time went").click()
    for model in (EAR, MIND, VOICE):
        expect(page.page.get_by_test_id("used")).to_contain_text(model)


def test_a_download_is_called_off_and_gone_on_with(open_page: OpenPage, server: Server, hub: FakeHub) -> None:
    hub.faults["model.onnx"] = [Fault(hangs_after=1000)]
    page = open_page(server=server)
    open_models(page)
    press(page, VOICE, "Only download")
    expect(row_of(page, VOICE)).to_contain_text(re.compile(r"kB of [\d.]+ MB"), timeout=SOON_MS)
    assert hub.hanging.wait(15)
    page.page.keyboard.press("Escape")
    arrivals_of(page).get_by_role("button", name="Cancel").click()
    expect(offer_of(page)).to_be_visible(timeout=SOON_MS)  # as before
    open_models(page)
    expect_state(page, VOICE, "absent")
    press(page, VOICE, "Go on downloading and use")
    expect(row_of(page, VOICE)).to_contain_text("in use", timeout=ARRIVAL_MS)


def test_a_declined_offer_does_not_come_back(open_page: OpenPage, idle_server: Server) -> None:
    page = open_page(server=idle_server)
    offer_of(page).get_by_role("button", name="Not now").click()
    expect(offer_of(page)).to_be_hidden()
    with page.page.expect_response("**/api/status"):
        page.page.reload()
    expect(page.page.get_by_role("button", name="Nothing leaves this machine")).to_be_visible()
    expect(offer_of(page)).to_be_hidden()
    assert sum("/api/models/offer" in url for url in page.requested) == 1


def test_what_cannot_be_used_says_why_and_changes_nothing(
    open_page: OpenPage, server: Server, hub: FakeHub
) -> None:
    """A file that the hub itself has cut is what it should be, as far as downloading goes."""
    whole = hub.repos["me/voice"]["model.onnx"]
    hub.repos["me/voice"]["model.onnx"] = whole[: len(whole) // 2]
    page = open_page(server=server)
    open_models(page)
    press(page, VOICE, "Download and use")
    expect_state(page, VOICE, "failed")
    expect(row_of(page, VOICE)).to_contain_text("model.onnx")
    expect_accessible(page)
    expect(row_of(page, "espeak-ng")).to_contain_text("in use")
    press(page, VOICE, "Remove")
    row_of(page, VOICE).get_by_role("button", name="Remove").click()
    expect_state(page, VOICE, "absent")
    page.page.keyboard.press("Escape")
    page.expect_answer("what is twelve times seven", has="eighty-four|84")


def test_models_come_are_mended_and_go_without_a_stream_of_events(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server=server)
    page.page.route("**/api/models/events", lambda route: route.fulfill(status=503))
    page.page.get_by_role("button", name="Nothing leaves this machine").click()
    page.page.get_by_role("button", name="Choose models").click()
    press(page, VOICE, "Only download")
    expect_state(page, VOICE, "installed")
    model = server.home / "models" / VOICE / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    press(page, VOICE, "Use")
    expect_state(page, VOICE, "failed")
    expect(row_of(page, VOICE)).to_contain_text("damaged")
    press(page, VOICE, "Download again")
    expect(row_of(page, VOICE)).to_contain_text("in use", timeout=ARRIVAL_MS)
    press(page, VOICE, "Go back")
    expect(row_of(page, "espeak-ng")).to_contain_text("in use", timeout=ARRIVAL_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_offer_and_dialog_are_for_everybody(open_page: OpenPage, idle_server: Server, scheme: str) -> None:
    page = open_page(server=idle_server, color_scheme=scheme, viewport=PHONE)
    expect(offer_of(page)).to_be_visible()
    expect_accessible(page)
    for name in ("Start talking", "Send"):
        expect(page.page.get_by_role("button", name=name)).to_be_in_viewport()
    page.page.get_by_role("button", name="Models", exact=True).focus()
    page.page.keyboard.press("Enter")
    expect(row_of(page, EAR)).to_be_visible(timeout=SOON_MS)
    expect_accessible(page)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("button", name="Models", exact=True)).to_be_focused()


def test_the_dialog_outlives_the_server(open_page: OpenPage, idle_server: Server) -> None:
    page = open_page(server=idle_server, is_in_trouble=True)
    open_models(page)
    idle_server.kill()
    complaint = page.page.get_by_role("dialog").get_by_role("alert")
    expect(complaint).to_contain_text("did not answer", timeout=SOON_MS)
    expect(row_of(page, EAR)).to_be_visible()
    idle_server.start()
    expect(complaint).to_be_hidden(timeout=ARRIVAL_MS)
    press(page, EAR, "Only download")  # which that hub does not have
    expect(row_of(page, EAR)).to_contain_text(re.compile("not downloaded", re.IGNORECASE), timeout=SOON_MS)
