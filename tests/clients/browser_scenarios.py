"""Scenarios in pages of Chromium, some at a time: mostly they wait for somebody to finish a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openai import OpenAI
from playwright.sync_api import Browser, Error, Page

from tests.chromium import LaunchBrowser
from tests.clients.microphone import SPOKEN_QUESTION
from tests.clients.pages import PREFIX, elsewhere, here
from tests.clients.servers import Live

LEAD = 3.0
"""Seconds until a fake microphone speaks: the call is up by then."""
AT_ONCE = 2
"""Pages; but one with a browser's own microphone is alone, for that stutters on a busy machine."""
MAY_LISTEN = ("--use-fake-ui-for-media-stream",)


@dataclass(frozen=True)
class Scenario:
    """`name` is the page's; `says` is what its microphone hears, the browser's own where `has_microphone`."""

    name: str
    is_elsewhere: bool = False
    says: str = SPOKEN_QUESTION
    has_microphone: bool = False
    transport: str = "webrtc"


class Stage:
    """Browsers for the scenarios of agents_page.html: one for all, and one for each that has a microphone."""

    def __init__(self, live: Live, launch: LaunchBrowser) -> None:
        self.live = live
        self.launch = launch
        self.shared = launch(flags=MAY_LISTEN)
        with OpenAI(base_url=live.base_url, api_key=live.key) as client:  # a page holds no more than a secret
            self.secret = client.realtime.client_secrets.create(session={"type": "realtime"}).value

    def play_all(self, scenarios: Mapping[str, Scenario]) -> dict[str, Any]:
        """What each found, or the `Error` that it ended with."""
        found: dict[str, Any] = {}
        alone = [[name] for name in scenarios if scenarios[name].has_microphone]
        others = [name for name in scenarios if not scenarios[name].has_microphone]
        with elsewhere(self.live.other_origin):
            for names in [*alone, *(others[at : at + AT_ONCE] for at in range(0, len(others), AT_ONCE))]:
                pages = {name: self.begin(scenarios[name]) for name in names}
                found |= {name: self.ended(page) for name, page in pages.items()}
        return found

    def begin(self, scenario: Scenario) -> Page:
        page = self.browser(scenario).new_context().new_page()
        home = self.live.other_origin if scenario.is_elsewhere else self.live.url
        if not scenario.is_elsewhere:
            here(page.context, home)
        page.goto(f"{home}{PREFIX}agents_page.html")
        page.wait_for_function("document.title === 'Ready'")
        start = "([name, settings]) => { window.playing = play(name, settings); }"
        page.evaluate(start, [scenario.name, self.settings(scenario, home)])
        return page

    def browser(self, scenario: Scenario) -> Browser:
        return self.launch(LEAD, scenario.says, flags=MAY_LISTEN) if scenario.has_microphone else self.shared

    def settings(self, scenario: Scenario, home: str) -> dict[str, Any]:
        calls, socket = f"{self.live.base_url}/realtime/calls", f"{self.live.realtime_url}?model=gpt-realtime"
        return {
            "transport": scenario.transport,
            "url": calls if scenario.transport == "webrtc" else socket,
            "secret": self.secret,
            "speech": f"{home}{PREFIX}recordings/{scenario.says}.wav",
            "hasMicrophone": scenario.has_microphone,
        }

    def ended(self, page: Page) -> Any:
        try:
            return page.evaluate("playing")
        except Error as error:
            return error
        finally:
            page.context.close()
