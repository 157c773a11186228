"""docs/clients.md does what it says: every example in it is run against a server of this version.

What a reader has to set is set: address, key and certificate, by the environment or in the document's place.
What a reader has to have is there: a recording of the question.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.chromium import LaunchBrowser
from tests.clients.microphone import SPOKEN_QUESTION
from tests.clients.node_client import NODE
from tests.clients.pages import PREFIX, elsewhere
from tests.clients.pipecat_client import PYTHON as PIPECAT_PYTHON
from tests.clients.servers import Live, Secured
from tests.clients.side_by_side import Played, side_by_side
from tests.recordings import RECORDINGS

DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SETUP = "setup"
"""Marks a block that says what to set, and shows no client."""
ADDRESS = "127.0.0.1:8080"
QUESTION = "what is twelve times seven"
RECORDED = RECORDINGS / f"{SPOKEN_QUESTION}.wav"
ANSWER = re.compile(rf"84|eighty[ -]four|{QUESTION}")
"""What each of them prints, or what it was asked where it only listens."""
DEADLINE = 60.0
SOON_MS = 20_000


@dataclass(frozen=True)
class Example:
    """A block of the document; `place` is where it has to run, if not simply here."""

    language: str
    place: str
    code: str
    heading: str
    line: int

    @property
    def name(self) -> str:
        return f"{self.heading}, line {self.line}"


def examples() -> list[Example]:
    text = DOCUMENT.read_text(encoding="utf-8")
    return [example(block, text[: block.start()]) for block in BLOCK.finditer(text) if block[2] != SETUP]


def example(block: re.Match[str], before: str) -> Example:
    heading = re.findall(r"^#+ (.+)$", before, re.MULTILINE)[-1]
    return Example(block[1], block[2] or "", block[3], heading, before.count("\n") + 1)


HERE = [example for example in examples() if example.place in ("", "pipecat")]
ROOMS = [example for example in examples() if example.place == "rooms"]
(TLS,) = [example for example in examples() if example.place == "tls"]
(SECRET,) = [example for example in examples() if example.place == "secret"]
(PAGE,) = [example for example in examples() if example.place == "page"]
COMMANDS = {
    ("sh", ""): ["sh", "-euc"],
    ("sh", "secret"): ["sh", "-euc"],
    ("sh", "rooms"): ["sh", "-euc"],
    ("python", ""): [sys.executable, "-c"],
    ("python", "rooms"): [sys.executable, "-c"],
    ("python", "pipecat"): [str(PIPECAT_PYTHON), "-c"],
    ("js", ""): ["node", "--input-type=module", "-e"],
    ("js", "rooms"): ["node", "--input-type=module", "-e"],
    ("js", "tls"): ["node", "--input-type=module", "-e"],
}


def run(example: Example, live: Live, folder: Path, **environment: str) -> str:
    """What the example prints. Node looks for its packages where it runs, the others for their files."""
    shutil.copy(RECORDED, folder / "question.wav")
    code = example.code.replace(ADDRESS, live.url.partition("//")[2])
    done = subprocess.run(
        [*COMMANDS[example.language, example.place], code],
        cwd=NODE if example.language == "js" else folder,
        env={**os.environ, "OPENAI_BASE_URL": live.base_url, "OPENAI_API_KEY": live.key, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_client_is_shown() -> None:
    shown = {example.heading for example in examples()}
    assert shown >= {"curl", "openai-python", "npm openai", "agents-js", "Web pages", "livekit", "pipecat"}


@pytest.fixture(scope="module")
def played(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    by_name = {example.name: example for example in HERE}

    def play(name: str, folder: Path) -> str:
        return run(by_name[name], live, folder)

    folders = {name: tmp_path_factory.mktemp("example") for name in by_name}
    with side_by_side(play, folders) as played:
        yield played


@pytest.mark.parametrize("name", [example.name for example in HERE])
def test_an_example_gets_its_answer(name: str, played: Played) -> None:
    assert ANSWER.search(played(name))


@pytest.mark.parametrize("shown", ROOMS, ids=lambda example: example.name)
def test_an_example_of_rooms_gets_its_token_or_answer(shown: Example, rooms: Live, tmp_path: Path) -> None:
    said = run(shown, rooms, tmp_path)
    expected = {"sh": '"server_url":"ws://127', "python": "4", "js": "ws://127"}[shown.language]
    assert expected in said
    assert shown.language != "python" or ANSWER.search(said)


def test_the_example_over_tls_gets_its_answer(secured: Secured, tmp_path: Path) -> None:
    trusted = {"NODE_EXTRA_CA_CERTS": str(secured.certificate)}
    assert ANSWER.search(run(TLS, secured.live, tmp_path, **trusted))


@pytest.mark.browser
def test_the_page_gets_its_answer_by_the_secret(live: Live, launch: LaunchBrowser, tmp_path: Path) -> None:
    secret = json.loads(run(SECRET, live, tmp_path))["value"]
    code = PAGE.code.replace(ADDRESS, live.url.partition("//")[2]).replace("ek_...", secret)
    page = launch(flags=("--use-fake-ui-for-media-stream",)).new_context().new_page()
    printed: list[str] = []
    page.on("console", lambda message: printed.append(message.text))
    with elsewhere(live.other_origin):
        page.goto(f"{live.other_origin}{PREFIX}documented_page.html")
        page.evaluate("code => run(code)", code)
        expect(page.locator("body")).to_contain_text(ANSWER, timeout=SOON_MS)
        page.context.close()
    assert any(ANSWER.search(line) for line in printed)
