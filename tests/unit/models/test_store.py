"""Models on disk: whole or not there, replaced and removed in one step."""

from __future__ import annotations

from pathlib import Path

import pytest

from sottovoce.errors import ConfigError, NotFoundError
from sottovoce.models.catalogue import packaged_entries
from sottovoce.models.entry import ModelEntry
from sottovoce.models.store import MANIFEST_FILE, Store
from tests.unit.models.model_files import install

VOICE = next(entry for entry in packaged_entries() if entry.id == "kokoro-v1.0")
MIND = next(entry for entry in packaged_entries() if entry.id == "qwen3-1.7b")


def begin(store: Store, entry: ModelEntry, **files: bytes) -> None:
    for name, content in files.items():
        path = store.partial(entry.id) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_a_model_is_there_once_it_is_committed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    begin(store, VOICE, model=b"1234")
    assert store.installed(VOICE) is None
    assert store.unfinished() == (VOICE.id,)
    model = store.commit(VOICE, "abc", {"model": "0" * 64})
    assert store.installed(VOICE) == model
    assert (model.path, model.size_bytes) == (store.folder(VOICE.id), store.size(VOICE.id))
    assert store.unfinished() == ()
    manifest = store.manifest(VOICE.id)
    assert manifest is not None
    assert (manifest.revision, manifest.files["model"].size_bytes) == ("abc", 4)
    assert manifest.files["model"].mtime_ns == (store.folder(VOICE.id) / "model").stat().st_mtime_ns


def test_a_folder_without_a_manifest_is_no_model(tmp_path: Path) -> None:
    model = install(tmp_path, VOICE)
    assert model.path is not None
    (model.path / MANIFEST_FILE).unlink()
    assert Store(tmp_path).installed(VOICE) is None
    assert list(Store(tmp_path).all()) == []


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b"\xff\xfe", b'{"entry": 1}'])
def test_a_broken_manifest_is_no_model(tmp_path: Path, manifest: bytes) -> None:
    model = install(tmp_path, VOICE)
    assert model.path is not None
    (model.path / MANIFEST_FILE).write_bytes(manifest)
    assert Store(tmp_path).installed(VOICE) is None


def test_what_else_lies_in_a_download_does_not_come_along(tmp_path: Path) -> None:
    store = Store(tmp_path)
    begin(store, VOICE, model=b"1")
    begin(store, VOICE, **{"model.incomplete": b"junk", "cache/deep/thing": b"junk", "sub/kept": b"2"})
    model = store.commit(VOICE, None, {"model": "0" * 64, "sub/kept": "0" * 64})
    assert model.path is not None
    names = sorted(str(path.relative_to(model.path)) for path in model.path.rglob("*"))
    assert names == [MANIFEST_FILE, "model", "sub", "sub/kept"]


def test_a_file_that_is_not_there_keeps_the_model_from_being_committed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    begin(store, VOICE, model=b"1")
    with pytest.raises(NotFoundError, match=r"voices\.bin is missing"):
        store.commit(VOICE, None, {"model": "0" * 64, "voices.bin": "0" * 64})
    assert store.installed(VOICE) is None
    assert (store.partial(VOICE.id) / "model").exists()


@pytest.mark.parametrize("name", ["../other/model", "/etc/hostname", "sub/../../x"])
def test_files_outside_of_the_model_are_refused(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    begin(store, VOICE, model=b"1")
    with pytest.raises(ConfigError, match="leads out"):
        store.commit(VOICE, None, {name: "0" * 64})


def test_a_newer_download_takes_the_place_of_the_model(tmp_path: Path) -> None:
    install(tmp_path, VOICE, {"old": b"1"})
    model = install(tmp_path, VOICE, {"new": b"2"})
    assert model.path is not None
    assert sorted(path.name for path in model.path.iterdir()) == [MANIFEST_FILE, "new"]
    assert not (Store(tmp_path).root / ".leaving" / VOICE.id).exists()


def test_what_an_interrupted_removal_left_does_no_harm(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (store.root / ".leaving" / VOICE.id).mkdir(parents=True)
    (store.root / ".leaving" / VOICE.id / "old").write_bytes(b"1")
    (store.root / ".leaving" / MIND.id).mkdir()
    (store.root / ".leaving" / MIND.id / "old").write_bytes(b"1")
    install(tmp_path, VOICE)
    assert [manifest.entry.id for manifest in store.all()] == [VOICE.id]
    store.remove(VOICE.id)
    assert list((store.root / ".leaving").iterdir()) == []


def test_a_language_model_is_its_file_and_of_several_the_first(tmp_path: Path) -> None:
    model = install(
        tmp_path, MIND, {"LICENSE": b"x", "a-00002-of-00002.gguf": b"2", "a-00001-of-00002.gguf": b"1"}
    )
    assert model.path is not None
    assert model.path.name == "a-00001-of-00002.gguf"
    assert Store(tmp_path).installed(MIND) == model


def test_a_model_from_another_source_is_not_the_one_that_is_asked_for(tmp_path: Path) -> None:
    install(tmp_path, VOICE)
    assert VOICE.source is not None
    own = VOICE.model_copy(update={"source": VOICE.source.model_copy(update={"repo": "me/kokoro"})})
    assert Store(tmp_path).installed(own) is None


def test_removing_frees_the_model_and_its_unfinished_download(tmp_path: Path) -> None:
    store = Store(tmp_path)
    install(tmp_path, VOICE, {"model": b"x" * 1000})
    begin(store, VOICE, newer=b"y" * 500)
    size = store.size(VOICE.id)
    assert store.remove(VOICE.id) == size + 500
    assert not store.folder(VOICE.id).exists()
    assert not store.partial(VOICE.id).exists()
    with pytest.raises(NotFoundError):
        store.remove(VOICE.id)


def test_discarding_frees_the_unfinished_download_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    install(tmp_path, VOICE)
    begin(store, VOICE, newer=b"y" * 500)
    assert store.discard(VOICE.id) == 500
    assert store.installed(VOICE) is not None
    assert store.discard(VOICE.id) == 0


@pytest.mark.parametrize("id_", ["", "..", "../x", "A", "a/b", ".partial", "x" * 65])
def test_ids_that_would_lead_elsewhere_are_refused(tmp_path: Path, id_: str) -> None:
    store = Store(tmp_path)
    for touch in (store.folder, store.partial, store.remove, store.manifest, store.size):
        with pytest.raises(ConfigError):
            touch(id_)


def test_a_loop_of_links_in_a_model_does_no_harm(tmp_path: Path) -> None:
    model = install(tmp_path, VOICE, {"model": b"1234"})
    assert model.path is not None
    (model.path / "loop").symlink_to(model.path)
    (model.path / "self").symlink_to("self")
    assert Store(tmp_path).size(VOICE.id) > 4
    assert Store(tmp_path).remove(VOICE.id) > 4
