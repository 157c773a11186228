"""The packaged catalogue, and the user's own entries."""

from __future__ import annotations

from pathlib import Path

import pytest

from sottovoce.config import ENGINE_KINDS, Settings, load
from sottovoce.errors import ConfigError, NotFoundError
from sottovoce.models.catalogue import KIND_OF, load_catalogue, packaged_entries
from sottovoce.models.entry import ModelEntry

OWN = """
[[models]]
id = "my-whisper"
kind = "stt"
engine = "sherpa-offline"
family = "whisper"
languages = ["de"]
source = { repo = "me/my-whisper", revision = "abc", files = ["*.onnx"] }
download = "200MB"
"""


def settings_of(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "sottovoce.toml"
    file.write_text(text, encoding="utf-8")
    return load(file=file)


@pytest.mark.parametrize("entry", packaged_entries(), ids=lambda entry: entry.id)
def test_every_entry_says_all_that_people_decide_by(entry: ModelEntry) -> None:
    assert KIND_OF[entry.engine] == entry.kind
    assert entry.title
    assert entry.quality.endswith(".")
    assert entry.license
    assert entry.license_url is not None
    assert entry.languages
    assert entry.source is not None
    assert entry.source.files != ("*",)  # repositories hold test recordings and other precisions besides
    assert entry.memory > entry.download > 40_000_000
    assert not entry.is_embedded
    assert (entry.context is not None) == (entry.kind == "llm")
    assert (entry.chunk_ms is not None) == (entry.engine == "sherpa-streaming")
    assert all(tag == tag.lower() for tag in entry.languages)


def test_ids_are_unique_and_every_kind_has_some() -> None:
    ids = [entry.id for entry in packaged_entries()]
    assert len(set(ids)) == len(ids)
    assert {entry.kind for entry in packaged_entries()} == set(ENGINE_KINDS)


def test_nemotron_comes_in_every_chunk_english_and_multilingual() -> None:
    chunks = {
        (entry.id.startswith("nemotron-3.5"), entry.chunk_ms)
        for entry in packaged_entries()
        if entry.id.startswith("nemotron")
    }
    assert chunks == {(False, ms) for ms in (80, 160, 560, 1120)} | {
        (True, ms) for ms in (80, 160, 320, 560, 1120)
    }


def test_a_wrong_id_is_refused_with_the_nearest(home: Path) -> None:
    catalogue = load_catalogue(Settings(home=home))
    assert catalogue.get("kokoro-v1.0").kind == "tts"
    with pytest.raises(NotFoundError, match=r"'kokoro-v10'.*kokoro-v1\.0"):
        catalogue.get("kokoro-v10")


def test_the_users_entries_join_the_catalogue_in_front(tmp_path: Path) -> None:
    catalogue = load_catalogue(settings_of(tmp_path, OWN))
    assert catalogue.of("stt")[0].id == "my-whisper"
    assert catalogue.get("my-whisper").download == 200_000_000
    assert len(catalogue.entries) == len(packaged_entries()) + 1
    assert not catalogue.replaced


def test_an_entry_of_a_packaged_id_stands_in_for_it_and_says_so(tmp_path: Path) -> None:
    catalogue = load_catalogue(settings_of(tmp_path, OWN.replace("my-whisper", "whisper-base", 1)))
    source = catalogue.get("whisper-base").source
    assert source is not None
    assert source.repo == "me/my-whisper"
    assert [entry.id for entry in catalogue].count("whisper-base") == 1
    assert catalogue.replaced == {"whisper-base"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("sherpa-offline", "llama.cpp"), r'my-whisper: the engine for kind = "stt" is "sherpa-streaming"'),
        (("sherpa-offline", "pocketsphinx"), "the engine for kind"),
        (("sherpa-offline", "winamp"), "my-whisper: engine: Input should be"),
        (('"my-whisper"', '"My Whisper"'), "id: String should match"),
        (('"my-whisper"', '"pocketsphinx"'), "the id is that of an embedded model"),
        (("200MB", "large"), "download: "),
        (('repo = "me/my-whisper"', 'repo = "https://hub/me"'), r"source\.repo"),
        (('languages = ["de"]', "colour = 1"), "colour: Extra inputs"),
        (("source = ", "# source = "), "source is missing"),
    ],
)
def test_an_entry_that_is_none_is_refused_by_name(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    settings = settings_of(tmp_path, OWN.replace(*change, 1))
    with pytest.raises(ConfigError, match=message):
        load_catalogue(settings)


def test_two_entries_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two of the id 'my-whisper'"):
        load_catalogue(settings_of(tmp_path, OWN + OWN))


def test_models_are_no_setting_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SOTTOVOCE_MODELS is no setting"):
        load(environment={"SOTTOVOCE_MODELS": "x"}, file=None)
