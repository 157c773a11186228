"""Installed models compared with what was downloaded."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from sottovoce.models.entry import ModelEntry
from sottovoce.models.store import Manifest, Store
from sottovoce.models.verify import TOUCHED, Damage, changed, digests, in_words, verify

ENTRY = ModelEntry(id="tiny", kind="stt", engine="sherpa-streaming")


@pytest.fixture
def store(home: Path) -> Store:
    store = Store(home)
    folder = store.partial("tiny")
    (folder / "data").mkdir(parents=True)
    contents = {"model.onnx": b"weights", "data/tokens.txt": b"a b c"}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    store.commit(ENTRY, "c0ffee", {n: hashlib.sha256(c).hexdigest() for n, c in contents.items()})
    return store


def manifest(store: Store) -> Manifest:
    found = store.manifest("tiny")
    assert found is not None
    return found


def test_a_whole_model_is_found_whole_both_ways(store: Store) -> None:
    assert changed(store, manifest(store)) == ()
    read: list[int] = []
    assert verify(store, manifest(store), read.append) == ()
    assert sum(read) == len(b"weights") + len(b"a b c")


def test_a_flipped_bit_that_keeps_length_and_time_is_found_by_reading(store: Store) -> None:
    file = store.folder("tiny") / "model.onnx"
    before = file.stat()
    file.write_bytes(b"wdights")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changed(store, manifest(store)) == ()
    assert verify(store, manifest(store)) == (Damage("model.onnx", "has other content than was downloaded"),)


def test_a_cut_file_and_a_missing_one_are_found_at_a_glance(store: Store) -> None:
    (store.folder("tiny") / "model.onnx").write_bytes(b"wei")
    (store.folder("tiny") / "data" / "tokens.txt").unlink()
    cut, missing = changed(store, manifest(store))
    assert cut == Damage("model.onnx", "has 3 bytes instead of 7")
    assert missing.file == "data/tokens.txt"
    assert verify(store, manifest(store)) == (cut, missing)


def test_a_file_that_was_merely_touched_is_whole_and_remembered_so(store: Store) -> None:
    file = store.folder("tiny") / "model.onnx"
    os.utime(file, ns=(1, 1))
    assert changed(store, manifest(store)) == (Damage("model.onnx", TOUCHED),)
    assert verify(store, manifest(store)) == ()
    assert changed(store, manifest(store)) == ()


def test_digests_are_those_of_sha256_and_of_git(tmp_path: Path) -> None:
    file = tmp_path / "hello"
    file.write_bytes(b"hello\n")
    found = digests(file)
    assert found.sha256 == hashlib.sha256(b"hello\n").hexdigest()
    assert found.git_sha1 == "ce013625030ba8dba906f756967f9e9ca394464a"  # as `git hash-object` says


def test_much_damage_is_told_in_few_words() -> None:
    assert in_words((Damage("a", "is gone"),)) == "a is gone"
    many = tuple(Damage(f"f{number}", "is gone") for number in range(9))
    assert in_words(many) == "f0 is gone; f1 is gone; f2 is gone; and 6 more"
