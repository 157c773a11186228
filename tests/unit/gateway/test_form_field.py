"""One field of a form is changed while the form passes by; nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import httpx
import pytest
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartParser

from sottovoce.errors import InvalidRequestError
from sottovoce.gateway.form_field import MAX_FIELD_BYTES, with_field

FILE = bytes(range(256)) * 40 + b"\r\n--no boundary\r\n"
FORM = httpx.Request(
    "POST",
    "http://x",
    data={"language": "en", "model": "whisper-1", "prompt": "model: whisper-1 é"},
    files={"file": ("model.wav", FILE, "audio/wav")},
)
BODY, CONTENT_TYPE = FORM.read(), FORM.headers["content-type"]


async def given(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def changed(body: bytes, size: int, content_type: str = CONTENT_TYPE) -> bytes:
    chunks = given(body[start : start + size] for start in range(0, len(body), size))
    passed = with_field(chunks, content_type, "model", lambda name: name.replace("whisper-1", "large/é"))
    return b"".join([chunk async for chunk in passed])


async def parsed(body: bytes) -> FormData:
    headers = httpx.Headers({"content-type": CONTENT_TYPE})
    return await MultiPartParser(headers, given([body])).parse()  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 7, 100, 10**6])
async def test_the_field_changes_and_nothing_else(size: int) -> None:
    async with _closing(await parsed(await changed(BODY, size))) as form:
        assert {name: value for name, value in form.multi_items() if isinstance(value, str)} == {
            "language": "en",
            "model": "large/é",
            "prompt": "model: whisper-1 é",
        }
        file = form["file"]
        assert isinstance(file, UploadFile)
        assert (file.filename, file.content_type, await file.read()) == ("model.wav", "audio/wav", FILE)


async def test_a_file_passes_while_it_comes() -> None:
    is_half_sent = False

    async def halves() -> AsyncIterator[bytes]:
        nonlocal is_half_sent
        yield BODY[:5000]
        is_half_sent = True
        yield BODY[5000:]

    passed = with_field(halves(), CONTENT_TYPE, "model", str.upper)
    first = await anext(passed)
    assert not is_half_sent
    assert len(first) > 4000
    assert b"".join([first, *[chunk async for chunk in passed]]).count(b"WHISPER-1") == 1


async def test_a_file_called_like_the_field_is_left_alone() -> None:
    form = httpx.Request("POST", "http://x", files={"model": ("a.wav", b"whisper-1", "audio/wav")})
    assert b"whisper-1" in await changed(form.read(), 50, form.headers["content-type"])


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (BODY, "application/json", "multipart/form-data"),
        (BODY, "multipart/form-data", "boundary"),
        (b"{}", CONTENT_TYPE, "cannot be read"),
        (BODY[:-10], CONTENT_TYPE, "last boundary"),
        (b"", CONTENT_TYPE, "last boundary"),
        (BODY.replace(b"whisper-1\r\n", b"w" * (MAX_FIELD_BYTES + 1) + b"\r\n", 1), CONTENT_TYPE, "too long"),
    ],
)
async def test_what_is_no_form_is_refused(body: bytes, content_type: str, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        await changed(body, 64, content_type)


class _closing:  # noqa: N801
    """A form is no context manager in its own right."""

    def __init__(self, form: FormData) -> None:
        self.form = form

    async def __aenter__(self) -> FormData:
        return self.form

    async def __aexit__(self, *_: object) -> None:
        await self.form.close()
