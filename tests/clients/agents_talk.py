"""What a talk of @openai/agents-realtime must have left behind, whatever it went over."""

from __future__ import annotations

from typing import Any


def said(item: dict[str, Any]) -> str:
    """The words of a message in its history."""
    return "".join(part.get("transcript") or part.get("text") or "" for part in item["content"])


def expect_sums(item: dict[str, Any]) -> None:
    assert (item["role"], item["status"]) == ("assistant", "completed")
    assert "84" in said(item) or "eighty" in said(item)


def expect_calm(found: dict[str, Any]) -> None:
    """No error was told, and each response that began has ended once."""
    assert found["errors"] == []
    types = found["types"]
    assert types.count("response.created") == types.count("response.done")
    assert "session.updated" in types


def expect_rewritten(found: dict[str, Any]) -> None:
    first, *rest = found["history"]
    assert (first["itemId"], said(first)) == (found["first"], "hello")
    assert found["second"] not in [item["itemId"] for item in rest]
    assert [item["role"] for item in found["history"]] == ["user", "user", "assistant"]
