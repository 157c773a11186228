"""The error table: every error has a status, a stable code and OpenAI's four fields."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sottovoce import errors
from sottovoce.errors import EngineError, LimitExceededError, SottovoceError


def every_error(root: type[SottovoceError] = SottovoceError) -> Iterator[type[SottovoceError]]:
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from every_error(child)


ERRORS = list(every_error())


def make(kind: type[SottovoceError]) -> SottovoceError:
    return kind("what happened", engine="stt") if issubclass(kind, EngineError) else kind("what happened")


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_reads_as_openai_s_do(kind: type[SottovoceError]) -> None:
    body = make(kind).to_openai()
    assert set(body) == {"message", "type", "param", "code"}
    assert body["message"] == "what happened"
    assert body["code"]
    assert body["type"] in {"server_error", "invalid_request_error", "rate_limit_error"}


@pytest.mark.parametrize("kind", ERRORS)
def test_the_status_and_the_type_agree_on_whose_fault_it_is(kind: type[SottovoceError]) -> None:
    is_clients = kind.kind == "invalid_request_error"
    assert is_clients == (400 <= kind.http_status < 500 and kind is not LimitExceededError)


@pytest.mark.parametrize("kind", ERRORS)
def test_what_can_be_tried_again_says_so_aloud(kind: type[SottovoceError]) -> None:
    assert kind.is_retryable == bool(kind.spoken_hint)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    documented = (errors.__doc__ or "").replace("│", " ").replace("├──", " ").replace("└──", " ").split()
    assert [kind.__name__ for kind in ERRORS if kind.__name__ not in documented] == []


def test_a_code_of_the_situation_wins_over_the_kind_s() -> None:
    error = errors.InvalidRequestError("no", param="voice", code="voice_not_found")
    assert (error.to_openai()["code"], error.to_openai()["param"]) == ("voice_not_found", "voice")
