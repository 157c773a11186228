from __future__ import annotations

import json

import pytest

from sottovoce.errors import InvalidRequestError
from sottovoce.livekit.room.options import MAX_METADATA_CHARACTERS, read_metadata, session_in
from sottovoce.realtime.session_config import SessionConfig

SESSION = {"type": "realtime", "instructions": "Speak of the sea."}


def test_metadata_may_ask_for_a_session_or_for_nothing() -> None:
    asked = session_in(json.dumps({"session": SESSION}))
    assert isinstance(asked, SessionConfig)
    assert asked.instructions == "Speak of the sea."
    assert session_in("") is session_in("  ") is session_in("{}") is None


@pytest.mark.parametrize(
    "metadata",
    [
        "nonsense",
        "[]",
        "1",
        '{"session": 1}',
        '{"session": {"type": "other"}}',
        '{"session": {"type": "realtime", "colour": "blue"}}',
        json.dumps({"session": SESSION, "more": 1}),
        "[" * 100_000,
        json.dumps({"session": {**SESSION, "instructions": "x" * MAX_METADATA_CHARACTERS}}),
    ],
)
def test_malformed_metadata_is_worth_a_warning_and_defaults(
    metadata: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidRequestError):
        read_metadata(metadata)
    assert session_in(metadata) is None
    assert "metadata is not used" in caplog.text
