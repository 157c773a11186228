"""The REST calls, driven by schemathesis from the server's own document, with the real engines behind them.

Whatever is sent, good or bad, no reply is outside the document: no 5xx, every error in OpenAI's form.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from tests.live_server import Server
from tests.recordings import RECORDINGS

KEY = "sk-of-the-fuzzing-0123456789"
EXAMPLES, HEARD_EXAMPLES = 30, 10
"""Of each operation and each mode, and of those in which a recording is heard: the whole takes a quarter of
a minute."""

TIMEOUT = 15.0
LIVEKIT = {
    "LIVEKIT_URL": "ws://127.0.0.1:9",
    "LIVEKIT_API_KEY": "APIfuzzed",
    "LIVEKIT_API_SECRET": "fuzzed-0123456789-fuzzed-0123456789",
}
"""Nobody is there; tokens are made all the same."""
RECORDING = (RECORDINGS / "command-roll-two-dice-awb.wav").read_bytes()
UPLOADS = ("POST /v1/audio/transcriptions", "POST /v1/audio/translations")
OPERATIONS = (
    *("GET /v1/models", "GET /v1/models/{model}", "GET /v1/audio/voices"),
    *("POST /v1/chat/completions", "POST /v1/audio/speech"),
    *UPLOADS,
    *("POST /v1/realtime/client_secrets", "POST /v1/realtime/calls"),
    *("POST /v1/realtime/calls/{call_id}/hangup", "POST /api/connection-details"),
)
CHECKS = (
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
)
"""Not among them: that what breaks the document is refused, for validators see more than a schema says, and
OpenAI's clients send more than it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("fuzzed")
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    running = Server(home, api_key=KEY)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in LIVEKIT.items():
            environment.setenv(name, value)
        running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def known(case: Any) -> Any:
    """Schema-valid requests are given what no schema can name: a model, and a file that is one."""
    if isinstance(case.body, dict):
        case.body |= {"model": "whisper-1" if "file" in case.body else case.body.get("model", "gpt-4o")}
        if "file" in case.body:
            case.body["file"] = RECORDING
    return case


@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.name
)
@pytest.mark.parametrize("label", OPERATIONS)
def test_no_reply_is_outside_the_document(document: Any, label: str, mode: GenerationMode) -> None:
    operation = document.find_operation_by_label(label)
    is_heard = label in UPLOADS and mode is GenerationMode.POSITIVE
    statuses: set[int] = set()

    @settings(
        max_examples=HEARD_EXAMPLES if is_heard else EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def drive(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            case = known(case)
        reply = case.call(headers={"Authorization": f"Bearer {KEY}"}, timeout=TIMEOUT)
        statuses.add(reply.status_code)
        case.validate_response(reply, checks=CHECKS)

    drive()
    assert statuses


def test_every_operation_is_driven(document: Any) -> None:
    assert {operation.ok().label for operation in document.get_all_operations()} == set(OPERATIONS)
