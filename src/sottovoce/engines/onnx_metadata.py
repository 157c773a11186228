"""The properties of an ONNX model, read without loading it.

sherpa-onnx ends the process over a property that is missing, so they are looked at beforehand. An ONNX file
is one protobuf message; its fields are skipped by their lengths and only the properties are read, which takes
under a millisecond for any size.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

_PROPERTIES = 14  # ModelProto.metadata_props
_GRAPH = 7
_KEY, _VALUE = 1, 2  # of StringStringEntryProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_MAX_VARINT_BYTES = 10
MAX_PROPERTY_BYTES = 1 << 20
"""A property is a short text; a longer one is a damaged file."""


class DamagedModelError(ValueError):
    """The file is no ONNX model, or not the whole of one."""


def onnx_metadata(path: Path) -> dict[str, str]:
    """Raises `DamagedModelError`, and `OSError` where the file cannot be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        fields = _fields(file, size)
        found: dict[str, str] = {}
        has_graph = False
        for number, length in fields:
            has_graph = has_graph or number == _GRAPH
            if number == _PROPERTIES and length <= MAX_PROPERTY_BYTES:
                key, value = _property(file.read(length))
                found[key] = value
    if not has_graph:
        raise DamagedModelError("is no ONNX model, or only the beginning of one")
    return found


def _fields(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Number and length of each field of bytes, with the file at its beginning; others are skipped."""
    while file.tell() < size:
        tag = _varint(file)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            _varint(file)
            continue
        if wire not in (_FIXED64, _BYTES, _FIXED32) or number == 0:
            raise DamagedModelError("is no ONNX model, or a damaged one")
        length = _varint(file) if wire == _BYTES else {_FIXED64: 8, _FIXED32: 4}[wire]
        end = file.tell() + length
        if end > size:
            raise DamagedModelError("is cut off: its end is missing")
        if wire == _BYTES:
            yield number, length
        file.seek(end)


def _property(message: bytes) -> tuple[str, str]:
    read = BytesIO(message)
    texts = {number: read.read(length) for number, length in _fields(read, len(message))}
    try:
        return texts.get(_KEY, b"").decode(), texts.get(_VALUE, b"").decode()
    except UnicodeDecodeError:
        raise DamagedModelError("has damaged properties") from None


def _varint(file: BinaryIO) -> int:
    value = 0
    for index in range(_MAX_VARINT_BYTES):
        read = file.read(1)
        if not read:
            raise DamagedModelError("is cut off: its end is missing")
        value |= (read[0] & 0x7F) << (7 * index)
        if read[0] < 0x80:
            return value
    raise DamagedModelError("is no ONNX model, or a damaged one")
