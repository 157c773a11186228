"""Every server event, read by the parsers that the clients bring along: no server, and nothing skipped."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.clients.node_client import NODE
from tests.clients.pipecat_client import PYTHON
from tests.unit.realtime.repertoire import everything, listening

NOT_IN_AGENTS = {"input_audio_buffer.timeout_triggered"}
"""agents-js has no schema for these, and passes them on as they are."""
PARSE = """
import sys
from pipecat.services.openai.realtime.events import parse_server_event
for line in sys.stdin:
    parse_server_event(line)
"""


def lines(events: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def run(*command: str, given: str) -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=80, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_agents_js_knows_every_event_and_every_item_in_it() -> None:
    if not (NODE / "node_modules").is_dir():
        pytest.fail("The Node clients are not installed: `make clients`.")
    unknown = json.loads(run("node", str(NODE / "parse.mjs"), given=lines(everything() + listening())))
    assert set(unknown) == NOT_IN_AGENTS


def test_pipecat_reads_every_event() -> None:
    if not PYTHON.exists():
        pytest.fail("pipecat is not installed: `make clients`.")
    run(str(PYTHON), "-c", PARSE, given=lines(everything()))
