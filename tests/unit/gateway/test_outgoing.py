"""Requests that are kept for as long as they may have to be sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sottovoce.gateway import outgoing
from sottovoce.gateway.outgoing import Form

FORM = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\near\r\n--b--\r\n'


async def dripped(content: bytes) -> AsyncIterator[bytes]:
    for at in range(len(content)):
        yield content[at : at + 1]


async def test_a_form_that_drips_is_kept_as_one_piece() -> None:
    form = Form(dripped(FORM))
    await form.find_model("multipart/form-data; boundary=b")
    assert form.model == "ear"
    first = [chunk async for chunk in form.body()]
    assert b"".join(first) == FORM
    assert len(first) < len(FORM)
    assert [chunk async for chunk in form.body()] == [FORM]


async def test_a_form_that_is_too_long_to_keep_goes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "REPLAY_BYTES", len(FORM) - 1)
    form = Form(dripped(FORM))
    assert b"".join([chunk async for chunk in form.body()]) == FORM
    assert not form.can_be_sent_again
