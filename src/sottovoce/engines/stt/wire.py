"""Messages between the service and a recogniser process, over a stream socket of their own.

A message is a kind (one byte), a length and that many bytes.
"""

from __future__ import annotations

import struct
from enum import Enum

HEADER = struct.Struct(">cI")

MAX_PAYLOAD_BYTES = 64 * 1024
"""Protects both ends from a length that is garbage; two seconds of audio, or ten thousand words."""


class Kind(Enum):
    AUDIO = b"A"
    """To the process: 16 kHz mono s16le."""
    FINISH = b"F"
    """To the process: answer with FINAL."""
    RESET = b"R"
    """To the process: forget the utterance; no answer."""
    HELLO = b"H"
    """From the process: ready for audio; the payload is its process id."""
    HEARD = b"P"
    """From the process: still at work (sent at least for every 100 ms decoded)."""
    INTERIM = b"I"
    """From the process: the utterance's stable words so far, UTF-8."""
    FINAL = b"T"
    """From the process: the utterance's words, UTF-8."""


def pack(kind: Kind, payload: bytes = b"") -> bytes:
    return HEADER.pack(kind.value, len(payload)) + payload


def unpack_header(header: bytes) -> tuple[Kind, int]:
    """Raises `ValueError` for what this module did not pack."""
    kind, length = HEADER.unpack(header)
    if length > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a message of {length} bytes")
    return Kind(kind), length
