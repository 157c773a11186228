"""The properties that an ONNX file carries, read without loading the model.

An ONNX file is a protobuf message (`onnx.proto3`, ModelProto). Its graph, up to gigabytes, is one field of
it and is skipped, so that reading costs a few seeks, and no library of the engine's is needed, which might
end the process over a bad file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

METADATA_PROPS = 14
"""The number of the field in ModelProto; each is a message of key (1) and value (2)."""

MAX_PROPERTY_BYTES = 1 << 20
"""No engine keeps more in one property; keeps a damaged file from being read into memory whole."""
MAX_PROPERTIES = 1000
MAX_VARINT_BYTES = 10

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types; groups (3, 4) are in no ONNX file."""


class HeaderError(ValueError):
    """The file is not what its name says, or is cut off; the message says how."""


def read_properties(path: Path) -> dict[str, str]:
    """The `metadata_props` of the model. Raises `HeaderError`, and OSError."""
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        if end == 0:
            raise HeaderError("is empty")
        properties = dict(_property(body) for body in _bodies(file, end))
    return properties


def _bodies(file: BinaryIO, end: int) -> Iterator[bytes]:
    """The bytes of each `metadata_props` field; everything else is skipped."""
    found = 0
    while file.tell() < end:
        number, length = _field(file, end)
        if number != METADATA_PROPS:
            file.seek(length, os.SEEK_CUR)
            continue
        found += 1
        if length > MAX_PROPERTY_BYTES or found > MAX_PROPERTIES:
            raise HeaderError("has more properties than an ONNX model has")
        yield file.read(length)


def _field(file: BinaryIO, end: int) -> tuple[int, int]:
    """The number of the next field and the length of its body."""
    key = _varint(file)
    number, wire_type = key >> 3, key & 7
    if wire_type == VARINT:
        start = file.tell()
        _varint(file)
        length = file.tell() - start
        file.seek(start)
    elif wire_type == LENGTH:
        length = _varint(file)
    elif wire_type in (FIXED32, FIXED64):
        length = 4 if wire_type == FIXED32 else 8
    else:
        raise HeaderError("is no ONNX file")
    if number == 0:
        raise HeaderError("is no ONNX file")
    if file.tell() + length > end:
        raise HeaderError("is cut off")
    return number, length


def _varint(file: BinaryIO) -> int:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    value = 0
    for place in range(MAX_VARINT_BYTES):
        byte = file.read(1)
        if not byte:
            raise HeaderError("is cut off")
        value |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return value
    raise HeaderError("is no ONNX file")


def _property(body: bytes) -> tuple[str, str]:
    """Key and value of one StringStringEntryProto."""
    parts = {1: b"", 2: b""}
    at = 0
    while at < len(body):
        key, at = body[at], at + 1
        length, at = _length(body, at)
        parts[key >> 3] = body[at : at + length]
        at += length
    return parts[1].decode("utf-8", "replace"), parts[2].decode("utf-8", "replace")


def _length(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(MAX_VARINT_BYTES):
        if at >= len(body):
            raise HeaderError("is cut off")
        byte, at = body[at], at + 1
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at
    raise HeaderError("is no ONNX file")
