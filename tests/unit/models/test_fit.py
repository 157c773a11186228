"""What fits a machine, alone and together."""

from __future__ import annotations

import pytest

from sottovoce.models.catalogue import packaged_entries
from sottovoce.models.entry import ModelEntry
from sottovoce.models.fit import best_set, fit, speaks
from sottovoce.models.graphics import Graphics
from sottovoce.models.installed import EMBEDDED
from sottovoce.models.machine import GIB, LLAMA_FLAGS, Machine
from sottovoce.models.measured import Measured

GPU = Graphics("RTX 4090", 24 * GIB, runs_speech=True, runs_llama=True)
ENTRIES = {entry.id: entry for entry in packaged_entries()}


def machine(cores: int, memory_gib: int, graphics: Graphics | None = None, **facts: object) -> Machine:
    flags = frozenset(LLAMA_FLAGS)
    return Machine(cores, memory_gib * GIB, cpu_flags=flags, graphics=graphics or Graphics())


def measured(**facts: float) -> Measured:
    return Measured(model="m", machine="here", load_seconds=1.0, measured_at=0.0, **facts)


def test_what_is_enough_fits() -> None:
    assert fit(ENTRIES["nemotron-en-560ms"], machine(2, 8)).verdict == "fits"
    for model in EMBEDDED.values():
        assert fit(model.entry, machine(1, 2)).verdict == "fits"


@pytest.mark.parametrize(
    ("id_", "here", "reason", "smaller"),
    [
        ("nemotron-en-80ms", machine(2, 8), "needs about 6 cores", "nemotron-en-560ms"),
        ("nemotron-3.5-160ms", machine(1, 8), "this machine has one core", "nemotron-3.5-560ms"),
        ("nemotron-en-160ms-fp32", machine(8, 32), "needs a GPU: there is none", "nemotron-en-560ms"),
        ("qwen3-8b", machine(64, 8), "needs 8.9 GB of memory", "qwen3-4b"),
        ("qwen3-8b", machine(4, 64), "needs about 12 cores", "qwen3-1.7b"),
        ("kokoro-v1.0", machine(2, 1), "needs 0.7 GB of memory beside 1.0 GB", None),
        ("whisper-turbo", machine(2, 8), "needs about 6 cores", "whisper-small"),
    ],
)
def test_what_is_too_much_says_why_and_names_a_smaller_one(
    id_: str, here: Machine, reason: str, smaller: str | None
) -> None:
    found = fit(ENTRIES[id_], here)
    assert found.verdict == "no"
    assert reason in found.reason
    assert found.smaller == smaller


def test_memory_that_just_suffices_is_tight() -> None:
    found = fit(ENTRIES["qwen3-4b"], machine(8, 6))
    assert (found.verdict, found.smaller) == ("tight", "qwen3-1.7b")
    assert "takes 4.5 GB of 6.0 GB" in found.reason


def test_an_old_processor_is_named_unless_llama_server_chooses_its_code() -> None:
    old = Machine(4, 16 * GIB, cpu_flags=frozenset({"sse4_2", "avx"}))
    found = fit(ENTRIES["qwen3-0.6b"], old)
    assert (found.verdict, found.smaller) == ("no", None)
    assert "AVX2, FMA, F16C, BMI2" in found.reason
    assert "llama-server" in found.reason
    served = Machine(4, 16 * GIB, cpu_flags=frozenset({"avx"}), has_llama_server=True)
    assert fit(ENTRIES["qwen3-0.6b"], served).verdict == "fits"
    arm = Machine(4, 16 * GIB, architecture="aarch64")
    assert fit(ENTRIES["qwen3-0.6b"], arm).verdict == "fits"


def test_a_gpu_makes_up_for_cores_where_an_engine_is_built_for_it() -> None:
    assert fit(ENTRIES["qwen3-8b"], machine(2, 8, GPU)).verdict == "fits"
    assert fit(ENTRIES["nemotron-en-160ms-fp32"], machine(2, 8, GPU)).verdict == "fits"
    idle = Graphics("RTX 4090", 24 * GIB)
    assert fit(ENTRIES["qwen3-8b"], machine(2, 32, idle)).verdict == "no"
    assert "not built for the RTX 4090" in fit(ENTRIES["nemotron-en-160ms-fp32"], machine(2, 8, idle)).reason
    small = Graphics("GT 1030", 2 * GIB, runs_llama=True)
    assert fit(ENTRIES["qwen3-8b"], machine(2, 32, small)).verdict == "no"


@pytest.mark.parametrize(
    ("id_", "run", "verdict"),
    [
        ("nemotron-en-80ms", measured(real_time_factor=0.4), "fits"),
        ("nemotron-en-560ms", measured(real_time_factor=0.7), "tight"),
        ("nemotron-en-560ms", measured(real_time_factor=1.3), "no"),
        ("qwen3-4b", measured(tokens_per_second=12.0), "fits"),
        ("qwen3-1.7b", measured(tokens_per_second=5.0), "tight"),
        ("qwen3-1.7b", measured(tokens_per_second=2.0), "no"),
    ],
)
def test_what_was_measured_decides(id_: str, run: Measured, verdict: str) -> None:
    found = fit(ENTRIES[id_], machine(2, 16), run)
    assert (found.verdict, found.is_measured) == (verdict, True)
    assert "here" in found.reason


def test_no_speed_makes_up_for_memory() -> None:
    assert fit(ENTRIES["qwen3-8b"], machine(64, 4), measured(tokens_per_second=50.0)).verdict == "no"


def ids(entries: tuple[ModelEntry, ...]) -> dict[str, str]:
    return {entry.kind: entry.id for entry in entries}


@pytest.mark.parametrize(
    ("here", "stt", "llm", "tts"),
    [
        (machine(2, 8), "nemotron-en-560ms", "qwen3-0.6b", "kokoro-v1.0"),
        (machine(4, 16), "nemotron-en-560ms", "qwen3-1.7b", "kokoro-v1.0"),
        (machine(8, 16), "nemotron-en-560ms", "qwen3-4b", "kokoro-v1.0"),
        (machine(16, 64), "nemotron-en-560ms", "qwen3-8b", "kokoro-v1.0"),
        (machine(4, 16, GPU), "nemotron-en-160ms-fp32", "qwen3-8b", "kokoro-v1.0"),
    ],
)
def test_a_set_suits_the_machine(here: Machine, stt: str, llm: str, tts: str) -> None:
    assert ids(best_set(here)) == {"stt": stt, "llm": llm, "tts": tts}


@pytest.mark.parametrize("cores", [1, 2, 4, 16])
@pytest.mark.parametrize("memory_gib", [1, 2, 3, 4, 8, 32])
def test_memory_and_cores_of_a_set_add_up(cores: int, memory_gib: int) -> None:
    chosen = best_set(machine(cores, memory_gib))
    assert sum(entry.memory for entry in chosen) <= memory_gib * GIB * 0.8
    speaking = sum(entry.needs.cores for entry in chosen if entry.kind != "stt")
    assert speaking <= cores
    assert len({entry.kind for entry in chosen}) == len(chosen)


def test_a_machine_too_small_for_anything_gets_nothing() -> None:
    assert best_set(machine(1, 1)) == ()


def test_a_set_speaks_the_languages() -> None:
    german = ids(best_set(machine(8, 16), ("de",)))
    assert german == {"stt": "nemotron-3.5-560ms", "llm": "qwen3-4b"}  # no voice of the catalogue has German
    both = ids(best_set(machine(8, 16), ("en-GB", "fr")))
    assert both["stt"] == "nemotron-3.5-560ms"
    assert both["tts"] == "kokoro-v1.0"


def test_what_was_too_slow_here_is_not_in_the_set() -> None:
    runs = {"nemotron-en-560ms": measured(real_time_factor=2.0)}
    assert ids(best_set(machine(4, 16), measured=runs))["stt"] == "nemotron-en-1120ms"


@pytest.mark.parametrize(
    ("languages", "wanted", "is_spoken"),
    [
        (("en",), ("en",), True),
        (("en",), ("en-US",), True),
        (("en-us",), ("en",), True),
        (("en-us",), ("en-gb",), False),
        (("en", "de"), ("de", "fr"), False),
        ((), ("en",), False),
    ],
)
def test_languages_match_by_their_tags(
    languages: tuple[str, ...], wanted: tuple[str, ...], *, is_spoken: bool
) -> None:
    entry = ENTRIES["kokoro-v1.0"].model_copy(update={"languages": languages})
    assert speaks(entry, wanted) is is_spoken
