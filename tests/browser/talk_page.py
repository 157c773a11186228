"""The page as a person sees and hears it."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

PROBE = (Path(__file__).parent / "probe.js").read_text()
SOON_MS = 15_000
"""A turn takes a second; a busy machine several."""

AUDIBLE = 0.01
"""Root mean square, of full scale 1: far over noise, far under speech."""


class TalkPage:
    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.requested: list[str] = []
        self.errors: list[str] = []
        page.add_init_script(PROBE)
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("websocket", lambda socket: self.requested.append(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._note(message.text))

    def _note(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.errors.append(text)

    def open(self, key: str | None = None) -> None:
        """A browser that came over a network is asked for `key` first."""
        self.page.goto(self.url)
        if key is not None:
            self.sign_in(key)
        expect(self.orb).to_be_visible()

    def sign_in(self, key: str) -> None:
        self.page.get_by_role("textbox", name="Key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()

    def start(self) -> None:
        self.page.get_by_role("button", name="Start talking").click()
        self.expect_connected()

    def write(self, text: str) -> None:
        self.page.get_by_role("textbox", name="Write to the assistant").fill(text)
        self.page.get_by_role("button", name="Send").click()

    @property
    def orb(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile("Start talking|ute microphone"))

    @property
    def banner(self) -> Locator:
        return self.page.get_by_role("alert").filter(has_text="server")

    @property
    def presence(self) -> Locator:
        return self.page.locator("[data-presence]")

    @property
    def replies(self) -> Locator:
        return self.page.locator("[data-entry=assistant]")

    @property
    def finished_replies(self) -> Locator:
        return self.page.locator("[data-entry=assistant][data-done=true]")

    @property
    def spoken(self) -> Locator:
        """What the user said, once it is final."""
        return self.page.locator("[data-entry=user][data-final=true]")

    def expect_connected(self, transport: str | None = None) -> None:
        connected = f'[data-transport="{transport}"]' if transport else "[data-transport]"
        expect(self.page.locator(connected)).to_be_attached(timeout=SOON_MS)

    def expect_presence(self, presence: str) -> None:
        expect(self.presence).to_have_attribute("data-presence", presence, timeout=SOON_MS)

    def expect_sound(self) -> None:
        """Something is heard at the `<audio>` element, which is neither muted nor paused."""
        self.page.wait_for_function("level => window.probe.loudest > level", arg=AUDIBLE, timeout=SOON_MS)

    def expect_silence(self, within_ms: int) -> None:
        self.page.wait_for_function("level => window.probe.level < level", arg=AUDIBLE, timeout=within_ms)

    def count_aloud(self) -> None:
        """Have the assistant speak for long; returns when some of it was spoken."""
        self.write("count to forty")
        self.expect_sound()
        expect(self.replies.last).to_contain_text("three", ignore_case=True, timeout=SOON_MS)

    def forget_sound(self) -> None:
        self.page.evaluate("window.probe.loudest = 0")

    def expect_answer(self, text: str, *, has: str) -> None:
        """Ask in writing; the answer is shown, heard, and ended."""
        answered = self.replies.count()
        self.forget_sound()
        self.write(text)
        expect(self.replies.nth(answered)).to_contain_text(re.compile(has, re.IGNORECASE), timeout=SOON_MS)
        self.expect_sound()
        expect(self.replies.nth(answered)).to_have_attribute("data-done", "true", timeout=SOON_MS)

    def foreign_requests(self) -> list[str]:
        own = (self.url, self.url.replace("http", "ws", 1), "data:", "blob:")
        return [url for url in self.requested if not url.startswith(own)]
