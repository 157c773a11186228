"""One field of a multipart form, changed while the form passes by: its file is never kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from sottovoce.errors import InvalidRequestError

MAX_FIELD_BYTES = 1024
"""Of the field that is changed; it is held until it is whole."""

MAX_HEADERS, MAX_HEADER_BYTES = 8, 4096
"""Of one part; it has two or three short ones."""


async def with_field(
    chunks: AsyncIterator[bytes], content_type: str, name: str, change: Callable[[str], str]
) -> AsyncIterator[bytes]:
    """The form in `chunks` with `change` made to its field `name`; all else stays as it is.

    Raises `InvalidRequestError` for what is no form.
    """
    form = _Form(_boundary(content_type), name, change)
    async for chunk in chunks:
        if passed := form.push(chunk):
            yield passed
    yield form.finish()


class FieldFinder:
    """Looks for the value of a field while the form comes in.

    Raises `InvalidRequestError` for what is no form.
    """

    def __init__(self, content_type: str, name: str) -> None:
        self._value: str | None = None
        self._form = _Form(_boundary(content_type), name, self._found)

    def push(self, chunk: bytes) -> str | None:
        """The value, once it is whole."""
        self._form.push(chunk)
        return self._value

    def _found(self, value: str) -> str:
        self._value = value
        return value


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidRequestError(
            "Send the form as multipart/form-data, with its boundary.", code="unsupported_content_type"
        )
    return options[b"boundary"]


class _Form:
    """Reads a form and writes it again, part by part."""

    def __init__(self, boundary: bytes, name: str, change: Callable[[str], str]) -> None:
        self._boundary = boundary
        self._name = name.encode()
        self._change = change
        self._written = bytearray()
        self._header, self._value = b"", b""
        self._held: bytes | None = None
        self._is_wanted = self._is_over = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._more_header,
                "on_header_value": self._more_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )

    def push(self, chunk: bytes) -> bytes:
        """What can be passed on after `chunk`."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequestError(f"The form cannot be read: {error}") from None
        passed = bytes(self._written)
        self._written.clear()
        return passed

    def finish(self) -> bytes:
        if not self._is_over:
            raise InvalidRequestError("The form was cut off: it ends before its last boundary.")
        return b"--" + self._boundary + b"--\r\n"

    def _begin(self) -> None:
        self._written += b"--" + self._boundary + b"\r\n"
        self._is_wanted = False

    def _more_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _more_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._written += self._header + b": " + self._value + b"\r\n"
        if self._header.lower() == b"content-disposition":
            options = parse_options_header(self._value)[1]
            self._is_wanted = options.get(b"name") == self._name and b"filename" not in options
        self._header, self._value = b"", b""

    def _end_headers(self) -> None:
        self._written += b"\r\n"
        self._held = b"" if self._is_wanted else None

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._held is None:
            self._written += data[start:end]
            return
        self._held += data[start:end]
        if len(self._held) > MAX_FIELD_BYTES:
            raise InvalidRequestError(
                f"The field {self._name.decode()} is too long.", param=self._name.decode()
            )

    def _end_part(self) -> None:
        if self._held is not None:
            self._written += self._change(self._held.decode(errors="replace")).encode()
        self._written += b"\r\n"

    def _end(self) -> None:
        self._is_over = True
