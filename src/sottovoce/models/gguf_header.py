"""What a GGUF file says of itself, read without loading the model.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Little-endian; after a magic number
come counts, then keys with typed values, then the tensors, which nothing here touches.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from sottovoce.models.onnx_header import HeaderError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_KEYS = 10_000
"""Real models have some dozens; a damaged count must not be believed."""
MAX_STRING_BYTES = 1 << 20
"""Of a value that is kept; chat templates are the longest."""

Value: TypeAlias = str | int | float | bool | None
"""Of a key; None for a list, which is skipped."""

STRING, ARRAY = 8, 9
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""The types of numbers and how `struct` writes them."""


def read_header(path: Path) -> dict[str, Value]:
    """The keys of the file with their values. Raises `HeaderError`, and OSError."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise HeaderError("is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
            try:
                return dict(_pairs(memory))
            except (struct.error, IndexError):
                raise HeaderError("is cut off") from None


def _pairs(memory: mmap.mmap) -> Iterator[tuple[str, Value]]:
    if memory[:4] != MAGIC:
        raise HeaderError("is no GGUF file")
    version, _, keys = struct.unpack_from("<IQQ", memory, 4)
    if version not in VERSIONS:
        raise HeaderError(f"is a GGUF file of version {version}, which llama.cpp no longer reads")
    if keys > MAX_KEYS:
        raise HeaderError("is damaged: it has more keys than a model has")
    at = 24
    for _ in range(keys):
        name, at = _string(memory, at)
        (kind,) = struct.unpack_from("<I", memory, at)
        value, at = _value(memory, at + 4, kind)
        yield name, value


def _value(memory: mmap.mmap, at: int, kind: int) -> tuple[Value, int]:
    """The value at a place, and where the next thing begins."""
    if kind == STRING:
        return _string(memory, at)
    if kind == ARRAY:
        return None, _after_array(memory, at)
    if kind not in NUMBERS:
        raise HeaderError("is damaged: a value of no known type")
    form = f"<{NUMBERS[kind]}"
    (value,) = struct.unpack_from(form, memory, at)
    return value, at + struct.calcsize(form)


def _after_array(memory: mmap.mmap, at: int) -> int:
    kind, count = struct.unpack_from("<IQ", memory, at)
    at += 12
    if kind in NUMBERS:
        return _within(memory, at + int(count) * struct.calcsize(f"<{NUMBERS[kind]}"))
    if kind != STRING:
        raise HeaderError("is damaged: a list of no known type")
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", memory, at)
        at = _within(memory, at + 8 + int(length))
    return at


def _string(memory: mmap.mmap, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<Q", memory, at)
    end = _within(memory, at + 8 + int(length))
    return memory[at + 8 : min(end, at + 8 + MAX_STRING_BYTES)].decode("utf-8", "replace"), end


def _within(memory: mmap.mmap, at: int) -> int:
    if at > len(memory):
        raise HeaderError("is cut off")
    return at
