"""Which chain each kind has, by profile, settings, choice and what is on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import ConfigError
from sottovoce.models import plan as planning
from sottovoce.models.catalogue import packaged_entries
from sottovoce.models.choice import choice_file, write_choice
from sottovoce.models.graphics import Graphics
from sottovoce.models.machine import LLAMA_FLAGS, Machine
from sottovoce.models.plan import External, Link, in_use, missing, plan, troubles
from sottovoce.models.resolve import resolve
from sottovoce.models.store import Store
from tests.unit.models.model_files import NEMO_STREAMING, install, write_gguf, write_transducer

NEMOTRON, WHISPER, KOKORO, QWEN = "nemotron-en-560ms", "whisper-base", "kokoro-v1.0", "qwen3-1.7b"
URL = "http://127.0.0.1:9/v1"
FOUR_CORES = Machine(cores=4, memory_bytes=16 << 30, cpu_flags=frozenset(LLAMA_FLAGS))


@pytest.fixture(autouse=True)
def _on_four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "this_machine", lambda: FOUR_CORES)


def installed(home: Path, *ids: str) -> None:
    for entry in packaged_entries():
        if entry.id in ids:
            weights = {"m.gguf": b"x"} if entry.kind == "llm" else None
            install(home, entry, weights)


def settings(home: Path, profile: str = "auto", **engines: dict[str, Any]) -> Settings:
    return Settings.model_validate({"home": home, "profile": profile, **engines})


def name(link: Link) -> str:
    return "url" if isinstance(link, External) else link.id


def chain(kind: EngineKind, given: Settings) -> list[str]:
    return [name(link) for link in plan(given)[kind]]


EMBEDDED = {"stt": ["pocketsphinx"], "llm": ["sottovoce-rules"], "tts": ["espeak-ng"]}


@pytest.mark.parametrize("profile", ["auto", "embedded", "local", "whisper"])
def test_an_empty_home_has_the_embedded_engines(home: Path, profile: str) -> None:
    given = settings(home, profile)
    assert {kind: chain(kind, given) for kind in EMBEDDED} == EMBEDDED  # type: ignore[index]
    assert troubles(given) == {}
    assert in_use(given) == {}


@pytest.mark.parametrize("profile", ["auto", "local"])
def test_installed_models_are_preferred_with_whisper_and_the_embedded_ones_behind(
    home: Path, profile: str
) -> None:
    installed(home, NEMOTRON, WHISPER, KOKORO, QWEN)
    given = settings(home, profile)
    assert chain("stt", given) == [NEMOTRON, WHISPER, "pocketsphinx"]
    assert chain("llm", given) == [QWEN, "sottovoce-rules"]
    assert chain("tts", given) == [KOKORO, "espeak-ng"]
    assert in_use(given) == {NEMOTRON: "stt", WHISPER: "stt", QWEN: "llm", KOKORO: "tts"}


def test_the_embedded_profile_runs_nothing_else_ever(home: Path) -> None:
    installed(home, NEMOTRON, WHISPER, KOKORO, QWEN)
    write_choice(home, "stt", NEMOTRON)
    given = settings(home, "embedded")
    assert {kind: chain(kind, given) for kind in EMBEDDED} == EMBEDDED  # type: ignore[index]
    assert missing(given) == ()
    assert chain("llm", settings(home, "embedded", llm={"url": URL})) == ["url", "sottovoce-rules"]


@pytest.mark.parametrize("engine", [{"model": NEMOTRON}, {"fallbacks": ["embedded", NEMOTRON]}])
def test_the_embedded_profile_cannot_be_told_to_run_others(home: Path, engine: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"SOTTOVOCE_PROFILE=embedded .*'nemotron-en-560ms'"):
        plan(settings(home, "embedded", stt=engine))
    assert chain("stt", settings(home, "embedded", stt={"model": "embedded"})) == ["pocketsphinx"]


def test_the_whisper_profile_hears_with_whisper(home: Path) -> None:
    installed(home, NEMOTRON, WHISPER)
    assert chain("stt", settings(home, "whisper")) == [WHISPER, "pocketsphinx"]
    write_choice(home, "stt", NEMOTRON)
    assert chain("stt", settings(home, "whisper")) == [WHISPER, "pocketsphinx"]
    installed(home, "whisper-tiny")
    write_choice(home, "stt", "whisper-tiny")
    assert chain("stt", settings(home, "whisper")) == ["whisper-tiny", WHISPER, "pocketsphinx"]


def test_a_choice_wins_over_what_is_merely_there_and_a_setting_over_the_choice(home: Path) -> None:
    installed(home, NEMOTRON, WHISPER, "zipformer-en-20m")
    write_choice(home, "stt", "zipformer-en-20m")
    assert chain("stt", settings(home)) == ["zipformer-en-20m", WHISPER, "pocketsphinx"]
    assert chain("stt", settings(home, stt={"model": NEMOTRON})) == [NEMOTRON, WHISPER, "pocketsphinx"]
    write_choice(home, "stt", WHISPER)
    assert chain("stt", settings(home)) == [WHISPER, "pocketsphinx"]


def test_who_chose_the_embedded_one_has_it_alone(home: Path) -> None:
    installed(home, NEMOTRON, WHISPER)
    write_choice(home, "stt", "embedded")
    assert chain("stt", settings(home)) == ["pocketsphinx"]
    assert "stt" not in {entry.kind for entry in missing(settings(home, "local"))}
    assert chain("stt", settings(home, stt={"model": NEMOTRON})) == [NEMOTRON, WHISPER, "pocketsphinx"]


@pytest.mark.parametrize("before", [None, WHISPER, "embedded"])
def test_who_would_stand_behind_another_choice(home: Path, before: str | None) -> None:
    """Asked before a model is swapped in: what was chosen until then does not count."""
    installed(home, NEMOTRON, WHISPER)
    write_choice(home, "stt", before)
    given = settings(home)
    nemotron = resolve(NEMOTRON, "stt", given)
    links = plan(given, {"stt": nemotron})["stt"]
    assert [name(link) for link in links] == [NEMOTRON, WHISPER, "pocketsphinx"]
    links = plan(settings(home, stt={"url": URL}), {"stt": nemotron})["stt"]
    assert [name(link) for link in links] == ["url", NEMOTRON, WHISPER, "pocketsphinx"]


def test_a_chosen_model_that_is_gone_leaves_the_embedded_one_and_a_reason(home: Path) -> None:
    installed(home, NEMOTRON, KOKORO)
    write_choice(home, "tts", KOKORO)
    Store(home).remove(KOKORO)
    write_choice(home, "llm", "/gone/mind.gguf")
    given = settings(home)
    assert chain("tts", given) == ["espeak-ng"]
    assert chain("llm", given) == ["sottovoce-rules"]
    assert chain("stt", given)[0] == NEMOTRON
    found = troubles(given)
    assert found.keys() == {"tts", "llm"}
    assert "sottovoce models pull kokoro-v1.0" in found["tts"]
    assert "There is no file or folder '/gone/mind.gguf'" in found["llm"]


def test_a_damaged_model_is_not_loaded(home: Path) -> None:
    installed(home, KOKORO)
    write_choice(home, "tts", KOKORO)
    (Store(home).folder(KOKORO) / "model.bin").write_bytes(b"")
    assert chain("tts", settings(home)) == ["espeak-ng"]
    assert "damaged" in troubles(settings(home))["tts"]
    assert [entry.id for entry in missing(settings(home, "local")) if entry.kind == "tts"] == [KOKORO]


def test_a_broken_choice_is_a_trouble_not_an_end(home: Path) -> None:
    choice_file(home).parent.mkdir(parents=True)
    choice_file(home).write_text("{")
    assert chain("stt", settings(home)) == ["pocketsphinx"]
    assert "choice.json" in troubles(settings(home))["stt"]


def test_a_setting_that_names_nothing_is_an_error(home: Path) -> None:
    for engine in ({"model": "nemotron-en-560"}, {"fallbacks": ["nemotron-en-560"]}):
        with pytest.raises(ConfigError, match="Did you mean nemotron-en-560ms"):
            plan(settings(home, stt=engine))
        assert "Did you mean nemotron-en-560ms" in troubles(settings(home, stt=engine))["stt"]
    with pytest.raises(ConfigError, match="not for speech recognition"):
        plan(settings(home, stt={"model": KOKORO}))


def test_a_setting_that_names_what_is_not_here_yet_is_a_trouble(home: Path) -> None:
    given = settings(home, stt={"model": NEMOTRON})
    assert chain("stt", given) == ["pocketsphinx"]
    assert "models pull nemotron-en-560ms" in troubles(given)["stt"]
    assert [entry.id for entry in missing(given)] == [NEMOTRON]


def test_paths_are_models(home: Path, tmp_path: Path) -> None:
    folder = write_transducer(tmp_path / "mine", NEMO_STREAMING)
    file = write_gguf(tmp_path / "mind.gguf")
    write_choice(home, "llm", str(file))
    given = settings(home, stt={"model": str(folder)})
    assert chain("stt", given) == ["mine", "pocketsphinx"]
    assert chain("llm", given) == ["mind", "sottovoce-rules"]


def test_an_engine_elsewhere_has_the_local_model_behind_it(home: Path) -> None:
    installed(home, QWEN, WHISPER, NEMOTRON)
    given = settings(home, llm={"url": URL, "model": "gpt-x"}, stt={"url": URL})
    assert chain("llm", given) == ["url", "sottovoce-rules"]
    write_choice(home, "llm", QWEN)
    assert chain("llm", given) == ["url", QWEN, "sottovoce-rules"]
    assert chain("stt", given) == ["url", WHISPER, "pocketsphinx"]
    first = plan(given)["llm"][0]
    assert isinstance(first, External)
    assert first.settings.model == "gpt-x"


def test_fallbacks_are_what_the_setting_says(home: Path) -> None:
    installed(home, NEMOTRON, WHISPER, "whisper-tiny")
    given = settings(home, stt={"fallbacks": ["whisper-tiny", NEMOTRON, "embedded"]})
    assert chain("stt", given) == [NEMOTRON, "whisper-tiny", "pocketsphinx"]
    assert chain("stt", settings(home, stt={"fallbacks": []})) == [NEMOTRON]
    assert chain("llm", settings(home, llm={"url": URL, "fallbacks": []})) == ["url"]


def test_a_chain_is_never_empty(home: Path) -> None:
    given = settings(home, stt={"model": NEMOTRON, "fallbacks": [KOKORO.replace("kokoro-v1.0", WHISPER)]})
    assert chain("stt", given) == ["pocketsphinx"]
    assert {entry.id for entry in missing(given)} == {NEMOTRON, WHISPER}


def test_local_lacks_the_set_that_suits_the_machine(home: Path) -> None:
    assert [entry.id for entry in missing(settings(home, "local"))] == [NEMOTRON, QWEN, KOKORO]
    assert missing(settings(home)) == ()
    installed(home, "whisper-tiny", KOKORO)
    assert [entry.id for entry in missing(settings(home, "local"))] == [QWEN]


def test_what_was_chosen_is_fetched_again_rather_than_another(home: Path) -> None:
    write_choice(home, "stt", "zipformer-en-20m")
    ids = {entry.kind: entry.id for entry in missing(settings(home, "local"))}
    assert ids["stt"] == "zipformer-en-20m"
    assert missing(settings(home)) == ()


def test_whisper_lacks_a_whisper(home: Path) -> None:
    installed(home, NEMOTRON)
    ids = [entry.id for entry in missing(settings(home, "whisper"))]
    assert ids == ["whisper-small", QWEN, KOKORO]


def test_engines_elsewhere_are_not_fetched(home: Path) -> None:
    given = settings(home, "local", llm={"url": URL}, tts={"model": "embedded"})
    assert [entry.kind for entry in missing(given)] == ["stt"]


def test_a_gpu_that_may_not_be_used_asks_for_no_model_of_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Graphics("RTX", 16 << 30, runs_speech=True, runs_llama=True)
    machine = Machine(4, 16 << 30, cpu_flags=frozenset(LLAMA_FLAGS), graphics=gpu)
    monkeypatch.setattr(planning, "this_machine", lambda: machine)
    assert missing(settings(home, "local"))[0].id == "nemotron-en-160ms-fp32"
    assert missing(settings(home, "local", stt={"provider": "cpu"}))[0].id == NEMOTRON
