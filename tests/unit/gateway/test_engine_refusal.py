"""Refusals of engines become OpenAI's, whatever form they have."""

from __future__ import annotations

import json

import pytest

from sottovoce import errors
from sottovoce.errors import AuthError, SottovoceError
from sottovoce.gateway.engine_refusal import MAX_MESSAGE_CHARACTERS, error_object

FATAL_TO_LIVEKIT = {
    "insufficient_quota",
    "credit_balance_exhausted",
    "invalid_api_key",
    "account_deactivated",
    "billing_hard_limit_reached",
}
"""A client that reads one of these gives up for good."""


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            400,
            {"error": {"message": "bad", "type": "t", "param": "p", "code": "c"}},
            {"message": "bad", "type": "t", "param": "p", "code": "c"},
        ),
        (
            404,
            {"error": {"message": "gone", "code": 404, "hint": "look"}},
            {"message": "gone", "type": "invalid_request_error", "param": None, "code": None, "hint": "look"},
        ),
        (
            400,
            {"detail": [{"loc": ["body", "input"], "msg": "Field required"}, {"msg": "second"}]},
            {"message": "Field required", "type": "invalid_request_error", "param": None, "code": None},
        ),
        (404, {"detail": "Not Found"}, {"message": "Not Found", "type": "invalid_request_error"}),
        (500, {"error": "model 'x' not found"}, {"message": "model 'x' not found", "type": "server_error"}),
        (
            400,
            {"object": "error", "message": "too long", "type": "BadRequestError", "param": None, "code": 400},
            {"message": "too long", "type": "BadRequestError", "param": None, "code": None},
        ),
        (429, {}, {"type": "rate_limit_error", "code": "rate_limit_exceeded"}),
        (
            502,
            {"error": {"message": ""}},
            {"message": "The stt engine answered 502.", "type": "server_error"},
        ),
        (400, {"error": {"message": "a\nb\x00c"}}, {"message": "a b c"}),
    ],
)
def test_other_forms_become_openais(status: int, body: object, expected: dict[str, object]) -> None:
    error = error_object("stt", status, json.dumps(body).encode())
    assert error.keys() >= {"message", "type", "param", "code"}
    assert expected.items() <= error.items()


@pytest.mark.parametrize(
    "text", [None, b"", b"<html>Bad Gateway</html>", b"[1]", b"null", b"{", b"\xff", b"1e999"]
)
def test_what_says_nothing_is_told_by_its_status(text: bytes | None) -> None:
    assert error_object("llm", 502, text) == {
        "message": "The llm engine answered 502.",
        "type": "server_error",
        "param": None,
        "code": None,
    }


def test_a_long_message_is_cut() -> None:
    error = error_object("llm", 400, json.dumps({"error": "x" * 10_000}).encode())
    assert len(error["message"]) == MAX_MESSAGE_CHARACTERS


def test_no_error_of_ours_ends_a_livekit_session_by_accident() -> None:
    ours = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SottovoceError)
    ]
    assert len(ours) > 10
    assert [kind for kind in ours if kind.default_code in FATAL_TO_LIVEKIT] == [AuthError]
