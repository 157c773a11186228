"""The picture in the README is of the real page, in the middle of a real conversation."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.talk_page import SOON_MS

README_PICTURE = Path(__file__).parents[2] / "docs/images/page.png"
PLAIN_PIXELS = {"width": 1280, "height": 800}


def test_the_readme_picture(open_page: OpenPage, tmp_path: Path) -> None:
    """Writes it into docs/images when WRITE_README_PICTURE is set, else only shows that it can be taken."""
    page = open_page(
        2.5,
        "command-what-time-is-it-in-tokyo-rms",
        6.0,
        viewport=PLAIN_PIXELS,
        reduced_motion="no-preference",
    )
    page.start()
    expect(page.finished_replies).to_be_visible(timeout=SOON_MS)
    page.write("Count to forty")
    page.expect_presence("speaking")
    expect(page.replies.nth(1)).to_contain_text("five", ignore_case=True, timeout=SOON_MS)
    target = README_PICTURE if os.environ.get("WRITE_README_PICTURE") else tmp_path / "page.png"
    page.page.screenshot(path=target)
    assert target.stat().st_size > 0
