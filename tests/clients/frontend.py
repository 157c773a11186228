"""A front end of LiveKit's React components, bundled, and opened in Chromium on the server's own origin."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route

from tests.chromium import LaunchBrowser
from tests.clients.node_client import NODE
from tests.clients.servers import Live

PREFIX = "/clients/"
FLAGS = ("--use-fake-ui-for-media-stream", "--disable-features=LocalNetworkAccessChecks")
"""The second is for a page that comes from the test: Chromium takes it for one of the internet, which may
open no WebSocket to this machine."""
DEADLINE_MS = 40_000
"""For one answer, on a machine that may be busy with other browsers."""

Seen = dict[str, Any]


def bundle(folder: Path) -> Path:
    """The page and its script, as a web server would have them."""
    if not (NODE / "node_modules/esbuild").is_dir():
        pytest.fail("The stock front end is not installed: `make clients`.")
    flags = ["--bundle", "--format=esm", "--jsx=automatic", '--define:process.env.NODE_ENV="production"']
    command = [str(NODE / "node_modules/.bin/esbuild"), str(NODE / "livekit_page.jsx"), *flags]
    done = subprocess.run(
        [*command, f"--outfile={folder / 'livekit_page.js'}", "--log-level=error"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "livekit_page.html").write_bytes((NODE / "livekit_page.html").read_bytes())
    return folder


class FrontEnd:
    """One page, and what its hooks have seen."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def seen(self) -> Seen:
        found: Seen = self.page.evaluate("window.seen")
        return found

    def until(self, condition: str) -> Seen:
        """What is seen as soon as `condition`, a JavaScript expression over `seen`, is true."""
        try:
            self.page.wait_for_function(f"(() => {{ const seen = window.seen; return {condition}; }})()")
        except Error as error:
            raise AssertionError(f"never: {condition}; seen: {self.seen}") from error
        return self.seen

    def answered(self, answers: int) -> Seen:
        """What is seen when so many answers were given, and their words are final."""
        by_assistant = "seen.transcriptions.filter((one) => one.from === seen.agent?.identity)"
        finals = f"{by_assistant}.filter((one) => one.attributes['lk.transcription_final'] === 'true')"
        return self.until(f"{finals}.length >= {answers} && seen.states.at(-1) === 'listening'")

    def write(self, text: str) -> None:
        self.page.evaluate("text => { window.send(text); }", text)


OpenFrontEnd = Callable[..., FrontEnd]


def opener(live: Live, launch: LaunchBrowser, folder: Path) -> OpenFrontEnd:
    """`open(says=…, lead=…)` has a microphone that says a recording, `open()` none."""
    bundled = bundle(folder)

    def fulfil(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        kind = "text/html" if name.endswith(".html") else "text/javascript"
        route.fulfill(path=bundled / name, content_type=kind)

    def open_page(says: str | None = None, lead: float = 3.0, *, is_classic: bool = False) -> FrontEnd:
        browser = launch(lead, says, flags=FLAGS) if says else launch(flags=FLAGS)
        context = browser.new_context()
        context.set_default_timeout(DEADLINE_MS)
        page = context.new_page()
        page.goto(live.url)  # the server's own page: from it the browser is known
        context.route(f"{live.url}{PREFIX}**", fulfil)
        page.goto(f"{live.url}{PREFIX}livekit_page.html")
        page.wait_for_function("document.title === 'Ready'")
        endpoint = f"{live.url}/api/connection-details"
        settings = {"endpoint": endpoint, "isClassic": is_classic, "hasMicrophone": says is not None}
        page.evaluate("settings => { window.start(settings); }", settings)
        return FrontEnd(page)

    return open_page
