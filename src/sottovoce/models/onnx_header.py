"""The properties that an ONNX file carries, read without loading the model.

An ONNX file is one protobuf message (`onnx.proto3`, ModelProto). Its graph, up to gigabytes, is a field of
it and is skipped by its length, so that reading costs a few seeks, and no engine's library is needed, which
might end the process over a bad file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

GRAPH, METADATA_PROPS = 7, 14
"""The numbers of two fields of ModelProto; a property is a message of its own, of key (1) and value (2)."""
KEY, VALUE = 1, 2

MAX_PROPERTY_BYTES = 1 << 20
"""No engine keeps more in one property; keeps a damaged file from being read into memory whole."""
MAX_PROPERTIES = 1000
MAX_VARINT_BYTES = 10

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types; groups (3, 4) are in no ONNX file."""


class HeaderError(ValueError):
    """The file is not what its name says, or is cut off; the message says how, without the file's name."""


def read_properties(path: Path) -> dict[str, str]:
    """The `metadata_props` of the model. Raises `HeaderError`, and OSError."""
    properties: dict[str, str] = {}
    has_graph = False
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise HeaderError("is empty")
        for number, length in _fields(file, size):
            has_graph = has_graph or number == GRAPH
            if number == METADATA_PROPS:
                _check_bounds(length, len(properties))
                key, value = _property(file.read(length))
                properties[key] = value
    if not has_graph:
        raise HeaderError("is no ONNX file, or only the beginning of one")
    return properties


def _fields(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Number and length of each field of bytes, with the file at its beginning; other fields are skipped."""
    while file.tell() < size:
        number, wire_type = divmod(_varint(file), 8)
        if number == 0 or wire_type not in (VARINT, FIXED64, LENGTH, FIXED32):
            raise HeaderError("is no ONNX file, or a damaged one")
        if wire_type == VARINT:
            _varint(file)
            continue
        length = {FIXED32: 4, FIXED64: 8}.get(wire_type) or _varint(file)
        end = file.tell() + length
        if end > size:
            raise HeaderError("is cut off")
        if wire_type == LENGTH:
            yield number, length
        file.seek(end)


def _check_bounds(length: int, count: int) -> None:
    if length > MAX_PROPERTY_BYTES or count >= MAX_PROPERTIES:
        raise HeaderError("is damaged: it has more properties than a model has")


def _property(message: bytes) -> tuple[str, str]:
    """Key and value of one StringStringEntryProto."""
    file = BytesIO(message)
    texts = {number: file.read(length) for number, length in _fields(file, len(message))}
    return texts.get(KEY, b"").decode("utf-8", "replace"), texts.get(VALUE, b"").decode("utf-8", "replace")


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
    raise HeaderError("is no ONNX file, or a damaged one")
