"""Headless Chromium with a fake microphone, as fixtures; a conftest imports those it wants."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.microphone import write_speech

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

LaunchBrowser = Callable[..., Browser]


@pytest.fixture(name="chromium", scope="session")
def chromium_path() -> str:
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail("The browser tests need Chromium: apt-get install chromium, or set CHROMIUM to its path.")
    return found


@pytest.fixture(name="playwright")
def own_playwright() -> Iterator[Playwright]:
    """For each test its own: a running one holds the thread's event loop, which other tests need."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(name="launch")
def launching(playwright: Playwright, chromium: str, tmp_path: Path) -> LaunchBrowser:
    return launcher(playwright, chromium, tmp_path)


def launcher(playwright: Playwright, chromium: str, folder: Path) -> LaunchBrowser:
    """Launches browsers whose microphone hears `speech` (see `write_speech`) when it is opened, and once."""
    numbers = count()

    def launch(*speech: str | float, flags: tuple[str, ...] = ()) -> Browser:
        recording = write_speech(folder / f"microphone-{next(numbers)}.wav", *speech)
        return playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={recording}%noloop",
                "--autoplay-policy=no-user-gesture-required",
                "--no-sandbox",
                *flags,
            ],
        )

    return launch
