"""All of livekit's packages are pinned, everywhere to the same version, which is the one that runs."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from sottovoce.livekit.server.program import BUILT_VERSION

ROOT = Path(__file__).parents[2]
PINNED = ("livekit", "livekit-agents", "livekit-api", "livekit-plugins-openai")
"""What pyproject.toml names; the rest of livekit's come with them, and are in the lock."""
LOCKED = (*PINNED, "livekit-blingfire", "livekit-local-inference", "livekit-protocol")


def test_the_project_pins_exactly_what_is_installed() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = {line for line in required if line.startswith("livekit")}
    assert pinned == {f"{name}=={version(name)}" for name in PINNED}


def test_the_lock_has_what_is_installed() -> None:
    lock = (ROOT / "requirements/run.lock").read_text()
    locked = dict(re.findall(r"^(livekit[a-z-]*)==(\S+)", lock, re.MULTILINE))
    assert locked == {name: version(name) for name in LOCKED}


@pytest.mark.parametrize("folder", ["web", "tests/clients/node"])
def test_livekit_client_is_pinned_exactly(folder: str) -> None:
    wanted = json.loads((ROOT / folder / "package.json").read_text())["dependencies"]["livekit-client"]
    locked = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", wanted), "pin it: without a range"
    assert locked["node_modules/livekit-client"]["version"] == wanted
    installed = json.loads((ROOT / folder / "node_modules/livekit-client/package.json").read_text())
    assert installed["version"] == wanted


def test_page_and_stock_front_end_have_the_same_livekit_client() -> None:
    folders = ("web", "tests/clients/node")
    pins = [json.loads((ROOT / folder / "package.json").read_text())["dependencies"] for folder in folders]
    assert pins[0]["livekit-client"] == pins[1]["livekit-client"]


def test_the_server_has_one_version_everywhere() -> None:
    compose = (ROOT / "deploy/docker-compose.yml").read_text()
    chart = (ROOT / "deploy/chart/values.yaml").read_text()
    assert f"livekit/livekit-server:v{BUILT_VERSION}" in compose
    assert f"tag: v{BUILT_VERSION}" in chart


def test_the_document_of_upgrades_names_the_versions() -> None:
    document = (ROOT / "docs/upgrading-livekit.md").read_text()
    page = json.loads((ROOT / "tests/clients/node/package.json").read_text())["dependencies"]
    of_npm = [page[name] for name in ("livekit-client", "@livekit/components-react")]
    versions = [version(name) for name in LOCKED] + of_npm + [BUILT_VERSION]
    pinned = document.partition("## How")[0]
    assert [each for each in versions if each not in pinned] == []
