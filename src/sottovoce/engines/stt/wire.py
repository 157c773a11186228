"""Messages between the service and a recogniser process, over a stream socket of their own.

A message is a kind (one byte), a length and that many bytes.
"""

from __future__ import annotations

import json
import struct
from enum import Enum

from sottovoce.engines.stt.base import Segment, Word

HEADER = struct.Struct(">cI")

MAX_PAYLOAD_BYTES = 64 * 1024
"""Protects both ends from a length that is garbage; two seconds of audio, or the words of a segment."""


class Kind(Enum):
    AUDIO = b"A"
    """To the process: 16 kHz mono s16le."""
    FINISH = b"F"
    """To the process: answer with FINAL."""
    RESET = b"R"
    """To the process: forget the utterance. From it, without a payload: it is forgotten."""
    HELLO = b"H"
    """From the process: ready for audio; the payload is its process id."""
    HEARD = b"P"
    """From the process: still at work (sent at least for every 100 ms decoded)."""
    INTERIM = b"I"
    """From the process: the stable words after the last segment, UTF-8."""
    SEGMENT = b"S"
    """From the process: final words with their times (`pack_segment`)."""
    FINAL = b"T"
    """From the process: the utterance's segments have all been sent."""


def pack(kind: Kind, payload: bytes = b"") -> bytes:
    return HEADER.pack(kind.value, len(payload)) + payload


def unpack_header(header: bytes) -> tuple[Kind, int]:
    """Raises `ValueError` for what this module did not pack."""
    kind, length = HEADER.unpack(header)
    if length > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a message of {length} bytes")
    return Kind(kind), length


def pack_segment(segment: Segment) -> bytes:
    words = [(word.text, word.start, word.end, word.probability) for word in segment.words]
    return pack(Kind.SEGMENT, json.dumps(words).encode())


def unpack_segment(payload: bytes) -> Segment:
    """Raises `ValueError` for what `pack_segment` did not make."""
    try:
        words = [
            (str(text), float(start), float(end), float(p)) for text, start, end, p in json.loads(payload)
        ]
    except TypeError as error:
        raise ValueError(f"a segment that is none ({error})") from error
    return Segment(tuple(Word(*word) for word in words))
