"""The file format of pocketsphinx's trigram models ("Trie Language Model"), read and written as arrays.

The library can load this format but neither mix two models nor write one correctly from Python, so mixing
(`mixed_model`) works on the file. The layout follows `lm_trie.c` and `bitarr.c` of pocketsphinx 5.1: a
reversed trie, in which an n-gram is found by its last word first, then the word before it. Log
probabilities are stored in units of ln(1.0001); pairs and triples hold 16-bit codes into tables of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sottovoce.errors import EngineUnavailable

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

MAGIC = b"Trie Language Model"
ORDER = 3
CODE_BITS = 16
CODES = 1 << CODE_BITS
UNIGRAM = np.dtype([("prob", "<f4"), ("backoff", "<f4"), ("next", "<u4")])
LOG_UNIT = float(np.log(1.0001))
PADDING_BYTES = 8
"""The reader takes eight bytes at any bit address, so each block ends in eight spare ones."""


@dataclass
class TrieModel:
    """A trigram backoff model; all probabilities are natural logarithms.

    `words` gives a word its number. A pair (`before`, `word`) is row i of the `pair_*` arrays, which are
    sorted by word, then by before. A triple's row holds the row of its last two words (`triple_pair`) and
    the word before them (`triple_first`), sorted in this order.
    """

    words: list[str]
    prob: Floats
    backoff: Floats
    pair_word: Ints
    pair_before: Ints
    pair_prob: Floats
    pair_backoff: Floats
    triple_pair: Ints
    triple_first: Ints
    triple_prob: Floats


def read(path: Path) -> TrieModel:
    """Raises `EngineUnavailable` if the file has another format."""
    data = path.read_bytes()
    header = len(MAGIC) + 1
    if data[:header] != MAGIC + bytes([ORDER]):
        raise EngineUnavailable(f"{path} is no trigram model of pocketsphinx 5.1.", engine="stt")
    singles, pairs, triples = (int(count) for count in np.frombuffer(data, "<u4", ORDER, header))
    offset = header + 4 * ORDER + 4  # a constant stands before the tables
    tables = np.frombuffer(data, "<f4", 3 * CODES, offset).astype(np.float64).reshape(3, CODES) * LOG_UNIT
    offset += tables.size * 4
    unigrams = np.frombuffer(data, UNIGRAM, singles + 1, offset)
    offset += unigrams.nbytes
    word_bits, next_bits = singles.bit_length(), triples.bit_length()
    # each block has one record more than n-grams, for the end of the last range
    pair = _Records.read(data, offset, pairs + 1, word_bits + 2 * CODE_BITS + next_bits)
    offset += len(pair)
    triple = _Records.read(data, offset, triples + 1, word_bits + CODE_BITS)
    offset += len(triple)
    pair.records = int(unigrams["next"][-1]) + 1  # the wheel's model declares more pairs than it holds
    return TrieModel(
        words=data[offset + 4 :].decode().split("\0")[:singles],
        prob=unigrams["prob"][:-1] * LOG_UNIT,
        backoff=unigrams["backoff"][:-1] * LOG_UNIT,
        pair_word=_owners(unigrams["next"].astype(np.int64)),
        pair_before=pair.field(0, word_bits)[:-1],
        pair_prob=tables[0][pair.field(word_bits + CODE_BITS, CODE_BITS)[:-1]],
        pair_backoff=tables[1][pair.field(word_bits, CODE_BITS)[:-1]],
        triple_pair=_owners(pair.field(word_bits + 2 * CODE_BITS, next_bits)),
        triple_first=triple.field(0, word_bits)[:-1],
        triple_prob=tables[2][triple.field(word_bits, CODE_BITS)[:-1]],
    )


def restrict(model: TrieModel, keep: NDArray[np.bool_]) -> TrieModel:
    """Drop the words where `keep` is false and all that holds them. Back-off weights are left as they
    are."""
    word = np.cumsum(keep) - 1
    is_pair = keep[model.pair_word] & keep[model.pair_before]
    pair = np.cumsum(is_pair) - 1
    is_triple = is_pair[model.triple_pair] & keep[model.triple_first]
    return TrieModel(
        [text for text, is_kept in zip(model.words, keep, strict=True) if is_kept],
        model.prob[keep] - np.log(np.exp(model.prob[keep]).sum()),
        model.backoff[keep],
        word[model.pair_word[is_pair]],
        word[model.pair_before[is_pair]],
        model.pair_prob[is_pair],
        model.pair_backoff[is_pair],
        pair[model.triple_pair[is_triple]],
        word[model.triple_first[is_triple]],
        model.triple_prob[is_triple],
    )


def write(model: TrieModel, path: Path) -> None:
    singles, pairs, triples = len(model.words), len(model.pair_word), len(model.triple_pair)
    word_bits, next_bits = singles.bit_length(), triples.bit_length()
    pair_codes, pair_table = _quantise(model.pair_prob)
    backoff_codes, backoff_table = _quantise(model.pair_backoff)
    triple_codes, triple_table = _quantise(model.triple_prob)
    unigrams = np.zeros(singles + 1, UNIGRAM)
    unigrams["prob"][:-1] = model.prob / LOG_UNIT
    unigrams["backoff"][:-1] = model.backoff / LOG_UNIT
    unigrams["next"] = np.searchsorted(model.pair_word, np.arange(singles + 1))
    pair_next = np.searchsorted(model.triple_pair, np.arange(pairs + 1))
    pair_fields = [
        (model.pair_before, word_bits),
        (backoff_codes, CODE_BITS),
        (pair_codes, CODE_BITS),
        (pair_next, next_bits),
    ]
    triple_fields = [(model.triple_first, word_bits), (triple_codes, CODE_BITS)]
    text = b"".join(word.encode() + b"\0" for word in model.words)
    with path.open("wb") as file:
        file.write(MAGIC + bytes([ORDER]))
        file.write(np.array([singles, pairs, triples, 1], "<u4").tobytes())
        for table in (pair_table, backoff_table, triple_table):
            file.write((table / LOG_UNIT).astype("<f4").tobytes())
        file.write(unigrams.tobytes())
        file.write(_pack(pair_fields, pairs + 1) + _pack(triple_fields, triples + 1))
        file.write(np.array([len(text)], "<u4").tobytes() + text)


class _Records:
    """Numbers packed bit by bit, least significant first: record i begins at bit i * `bits`.

    Eight records fill exactly `bits` bytes. Seen as rows of that many bytes, a field of every eighth record
    lies in the same columns at the same shift, so that all of them are read or written at once.
    """

    def __init__(self, rows: NDArray[np.uint8], records: int) -> None:
        self.rows = rows
        self.records = records
        self.bits = rows.shape[1]

    @classmethod
    def empty(cls, records: int, bits: int) -> _Records:
        return cls(np.zeros((-(-records // 8), bits), np.uint8), records)

    @classmethod
    def read(cls, data: bytes, offset: int, records: int, bits: int) -> _Records:
        block = cls.empty(records, bits)
        packed = np.frombuffer(data, np.uint8, (records * bits + 7) // 8, offset)
        block.rows.reshape(-1)[: packed.size] = packed
        return block

    def field(self, start: int, bits: int) -> Ints:
        """The unsigned numbers of `bits` bits that begin at bit `start` of each record."""
        found = np.zeros((len(self.rows), 8), np.int64)
        for place in range(8):
            byte, shift = divmod(place * self.bits + start, 8)
            for step in range((shift + bits + 7) // 8):
                found[:, place] |= self.rows[:, byte + step].astype(np.int64) << (8 * step)
            found[:, place] >>= shift
        found &= (1 << bits) - 1
        return found.reshape(-1)[: self.records]

    def put(self, values: Ints, start: int, bits: int) -> None:
        """Write a field that is still zero."""
        padded = np.zeros(len(self.rows) * 8, np.int64)
        padded[: len(values)] = values
        for place in range(8):
            byte, shift = divmod(place * self.bits + start, 8)
            shifted = padded[place::8] << shift
            for step in range((shift + bits + 7) // 8):
                self.rows[:, byte + step] |= (shifted >> (8 * step) & 0xFF).astype(np.uint8)

    def __len__(self) -> int:
        """Bytes in the file."""
        return int((self.records * self.bits + 7) // 8) + PADDING_BYTES

    def to_bytes(self) -> bytes:
        return self.rows.tobytes()[: len(self) - PADDING_BYTES] + bytes(PADDING_BYTES)


def _pack(fields: list[tuple[Ints, int]], records: int) -> bytes:
    packed = _Records.empty(records, sum(bits for _, bits in fields))
    start = 0
    for values, bits in fields:
        packed.put(values, start, bits)
        start += bits
    return packed.to_bytes()


def _owners(next_row: Ints) -> Ints:
    """For each child its parent's row, where `next_row[i]` is the first child of parent i."""
    return np.repeat(np.arange(len(next_row) - 1), np.diff(next_row))


def _quantise(values: Floats) -> tuple[Ints, Floats]:
    """Codes into a table of evenly spaced values (0.1 % steps of a probability for the usual range)."""
    table = np.linspace(values.min(initial=-1.0), values.max(initial=0.0), CODES)
    return np.rint((values - table[0]) / (table[1] - table[0])).astype(np.int64), table
