"""For every hand, eye and screen: keyboard alone, axe, phone width, by day and by night."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.talk_page import SOON_MS, TalkPage
from tests.chromium import LaunchBrowser
from tests.live_server import Server

SERIOUS = {"serious", "critical"}
PHONE = {"width": 360, "height": 640}
DESK = {"width": 1280, "height": 800}
TARGET_PX = 44

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
SIZES = pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])


def expect_accessible(page: TalkPage) -> None:
    violations = Axe().run(page.page).response["violations"]
    serious = [
        f"{violation['id']}: {node['html']}"
        for violation in violations
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]
    assert serious == []


@SCHEMES
@SIZES
def test_axe_finds_nothing_serious(open_page: OpenPage, scheme: str, viewport: dict[str, int]) -> None:
    page = open_page(color_scheme=scheme, viewport=viewport)
    expect_accessible(page)
    page.page.get_by_role("button", name="Microphone and loudspeaker").click()
    page.page.get_by_role("button", name="Check the microphone").click()
    expect(page.page.get_by_role("meter")).to_be_visible()
    expect_accessible(page)
    page.page.keyboard.press("Escape")
    page.start()
    page.expect_presence("listening")
    expect(
        page.page.get_by_role("meter")
    ).to_be_visible()  # motion is not wanted here: a bar instead of the orb
    expect_accessible(page)
    page.count_aloud()
    page.expect_presence("speaking")
    expect_accessible(page)
    page.page.get_by_role("button", name="Stop").click()
    expect(page.page.locator("[data-entry=unheard]")).to_be_visible(timeout=SOON_MS)
    expect_accessible(page)


@SCHEMES
def test_axe_finds_nothing_serious_in_dialogs_and_trouble(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme, has_microphone=False)
    page.page.keyboard.press("?")
    expect(page.page.get_by_role("dialog")).to_be_visible()
    expect_accessible(page)
    page.page.keyboard.press("Escape")
    page.page.get_by_role("button", name="Nothing leaves this machine").click()
    expect(page.page.get_by_text("Hears you with")).to_be_visible()
    expect_accessible(page)
    page.page.keyboard.press("Escape")
    page.start()
    expect(page.page.get_by_role("alert")).to_be_visible()
    expect_accessible(page)


@SCHEMES
def test_a_phone_shows_everything_without_scrolling_sideways(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme, viewport=PHONE)
    expect_fits(page)
    page.start()
    page.count_aloud()
    page.expect_presence("speaking")
    expect_fits(page)
    for name in ("Stop", "End", "Send"):
        expect(page.page.get_by_role("button", name=name, exact=True)).to_be_in_viewport()
    expect(page.replies).to_be_in_viewport()


def expect_fits(page: TalkPage) -> None:
    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    for control in page.page.locator("button:visible, input:visible").all():
        box = control.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= TARGET_PX, control.evaluate("element => element.outerHTML")


def test_the_keyboard_alone_does_everything(open_page: OpenPage) -> None:
    page = open_page()
    keyboard = page.page.keyboard
    for _ in range(20):
        keyboard.press("Tab")
        if page.orb.evaluate("element => element === document.activeElement"):
            break
    expect(page.orb).to_be_focused()
    keyboard.press("Space")  # presses the button that has the focus
    page.expect_connected()
    page.expect_presence("listening")
    keyboard.press("m")
    page.expect_presence("muted")
    keyboard.press("Space")  # still the button: it unmutes
    page.expect_presence("listening")

    keyboard.press("/")
    box = page.page.get_by_role("textbox")
    expect(box).to_be_focused()
    keyboard.type("mm? /")
    expect(box).to_have_value("mm? /")
    page.expect_presence("listening")
    box.fill("count to forty")
    keyboard.press("Enter")
    expect(page.replies).to_contain_text("three", ignore_case=True, timeout=SOON_MS)
    keyboard.press("Escape")  # leaves the text box
    keyboard.press("Escape")  # stops the assistant
    expect(page.page.locator("[data-entry=unheard]")).to_be_visible(timeout=SOON_MS)


def test_single_keys_can_be_switched_off(open_page: OpenPage) -> None:
    page = open_page()
    page.start()
    page.expect_presence("listening")
    page.page.keyboard.press("?")
    switch = page.page.get_by_role("switch", name="Single keys")
    switch.focus()
    page.page.keyboard.press("Space")
    expect(switch).not_to_be_checked()
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("dialog")).to_be_hidden()
    page.page.keyboard.press("m")
    page.page.keyboard.press("/")
    expect(page.page.get_by_role("textbox")).not_to_be_focused()
    page.expect_presence("listening")
    page.page.reload()
    page.page.keyboard.press("?")
    expect(page.page.get_by_role("dialog")).to_be_hidden()


def test_appearance_can_be_chosen_and_is_kept(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    by_day = page.page.evaluate(background)
    for _ in range(2):  # as the system, light, dark
        page.page.get_by_role("button", name="Appearance").click()
    page.page.evaluate("Promise.all(document.getAnimations().map((fading) => fading.finished))")
    by_night = page.page.evaluate(background)
    assert by_night != by_day
    page.page.reload()
    expect(page.page.locator("body")).to_have_css("background-color", by_night)


def test_the_microphone_is_seen_to_work_before_connecting(open_page: OpenPage) -> None:
    page = open_page(1.0, "free-the-old-man-walked-slowly-down-the-road-slt")
    page.page.get_by_role("button", name="Microphone and loudspeaker").click()
    page.page.get_by_role("button", name="Check the microphone").click()
    page.page.wait_for_function(
        "() => Number(document.querySelector('[role=meter]')?.ariaValueNow) > 30", timeout=SOON_MS
    )
    assert page.page.get_by_label("Microphone", exact=True).locator("option").count() > 1
    assert page.page.locator("[data-transport]").count() == 0


def test_the_form_that_asks_for_a_key_is_for_everybody_too(
    launch: LaunchBrowser, shared_server: Server
) -> None:
    browser = launch(flags=("--host-resolver-rules=MAP voice.lan 127.0.0.1",))
    page = TalkPage(browser.new_page(), shared_server.url.replace("127.0.0.1", "voice.lan"))
    page.page.goto(page.url)
    expect_accessible(page)
    page.sign_in("sk-sottovoce-of-nobody")
    expect(page.page.get_by_role("alert")).to_contain_text("key")
    expect_accessible(page)
    page.sign_in(shared_server.key)
    expect(page.orb).to_be_visible()
