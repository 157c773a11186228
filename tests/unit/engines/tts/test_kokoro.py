"""Kokoro's synthesiser over a scripted model: its line, its cuts, its faults. The real one is tested in
tests/contract, in processes of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from sottovoce.config import EngineSettings
from sottovoce.engines.tts import kokoro
from sottovoce.engines.tts.kokoro import KokoroSynthesizer
from sottovoce.engines.tts.kokoro_files import KokoroFiles
from sottovoce.engines.tts.kokoro_model import KokoroModel, Samples
from sottovoce.engines.tts.loading import make_synthesizer
from sottovoce.errors import ConfigError, EngineCrashed, EngineTimeout, EngineUnavailable
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import InstalledModel
from tests.made_models.kokoro import make_tone_voice

RATE = 24_000
LONG = "this is the voice and it was one dog to the world, " * 6


class ScriptedModel:
    """A tenth of a second of sound for every phoneme; a clause with "wˈɔk" waits for `gate`, one with "tˈu"
    fails."""

    sample_rate = RATE

    def __init__(self) -> None:
        self.clauses: list[str] = []
        self.speakers: list[int] = []
        self.speeds: list[float] = []
        self.gate, self.waits = threading.Event(), threading.Event()

    def generate(self, phonemes: str, speaker: int, speed: float) -> Samples:
        self.clauses.append(phonemes)
        self.speakers.append(speaker)
        self.speeds.append(speed)
        if "wˈɔk" in phonemes:
            self.waits.set()
            assert self.gate.wait(10)
        if "tˈu" in phonemes:
            raise EngineCrashed("Kokoro gave no sound for a clause.", engine="tts")
        return np.full(len(phonemes) * RATE // 10, 5000, np.int16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tone_voice(tmp_path_factory.mktemp("kokoro") / "tones")


def installed(folder: Path, family: str = "kokoro") -> InstalledModel:
    entry = ModelEntry(id="tones", kind="tts", engine="sherpa-tts", family=family)
    return InstalledModel(entry=entry, path=folder)


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
async def synthesizer(folder: Path, model: ScriptedModel) -> AsyncIterator[KokoroSynthesizer]:
    def opened(files: KokoroFiles, threads: int, provider: str) -> KokoroModel:
        return model  # type: ignore[return-value]

    settings = EngineSettings(threads=64, provider="cpu")  # more than any machine's cores: one worker
    made = KokoroSynthesizer(installed(folder), settings, use_espeak=False, open_model=opened)
    await made.load()
    yield made
    model.gate.set()
    await made.aclose()


async def listen(
    synthesizer: KokoroSynthesizer, text: str, voice: str = "af_heart", speed: float = 1.0
) -> float:
    return sum([frame.duration async for frame in synthesizer.synthesize(text, voice, speed)])


async def test_the_first_clause_is_short_and_later_ones_grow(
    synthesizer: KokoroSynthesizer, model: ScriptedModel
) -> None:
    await listen(synthesizer, LONG)
    lengths = [len(clause) for clause in model.clauses]
    assert lengths[0] < 25
    assert max(lengths) > 2 * lengths[0]
    assert " ".join(model.clauses).count("vˈYs") == 6


async def test_who_has_still_to_hear_something_is_not_hurried_to(
    synthesizer: KokoroSynthesizer, model: ScriptedModel
) -> None:
    async with aclosing(synthesizer.synthesize(LONG, "af_heart", 1.0, 3.0)) as frames:
        await anext(frames)
    assert len(model.clauses[0]) > 25


async def test_the_first_frame_does_not_wait_for_the_next_clause(
    synthesizer: KokoroSynthesizer, model: ScriptedModel
) -> None:
    async with aclosing(synthesizer.synthesize("hello there. walk walk walk.", "af_heart", 1.0)) as frames:
        await anext(frames)
        assert model.clauses == ["həlˈO ðˈɛɹ."]


async def test_who_leaves_is_not_spoken_to_any_more(
    synthesizer: KokoroSynthesizer, model: ScriptedModel
) -> None:
    async with aclosing(synthesizer.synthesize("walk. " + LONG, "af_heart", 1.0)) as frames:
        leaving = asyncio.create_task(anext(frames))
        assert await asyncio.to_thread(model.waits.wait, 10)
        leaving.cancel()
        await asyncio.wait({leaving})
    model.gate.set()
    assert await listen(synthesizer, "hello")
    assert model.clauses == ["wˈɔk.", "həlˈO"]


async def test_who_begins_goes_before_one_who_is_ahead_of_its_listener(
    synthesizer: KokoroSynthesizer, model: ScriptedModel
) -> None:
    async with aclosing(synthesizer.synthesize(LONG, "af_heart", 1.0)) as ahead:
        await anext(ahead)
        await anext(ahead)
        busy = asyncio.create_task(listen(synthesizer, "walk"))
        assert await asyncio.to_thread(model.waits.wait, 10)
        following = asyncio.create_task(anext(ahead))
        await turns()
        short = asyncio.create_task(listen(synthesizer, "hello"))
        await turns()
        model.gate.set()
        await asyncio.gather(busy, following, short)
    assert model.clauses[2:4] == ["wˈɔk", "həlˈO"]
    assert len(model.clauses) == 5


async def turns() -> None:
    """Of the loop: enough for a clause to come to its thread's door."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_clause_that_fails_is_told_and_the_next_speech_works(
    synthesizer: KokoroSynthesizer, model: ScriptedModel
) -> None:
    with pytest.raises(EngineCrashed, match="no sound"):
        await listen(synthesizer, "two")
    assert await listen(synthesizer, "hello")
    assert synthesizer.fault is None


async def test_a_clause_that_hangs_is_a_timeout_and_a_fault(
    synthesizer: KokoroSynthesizer, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kokoro, "CLAUSE_DEADLINE", 0.05)
    waiting = asyncio.create_task(listen(synthesizer, "walk"))
    assert await asyncio.to_thread(model.waits.wait, 10)
    behind = asyncio.create_task(listen(synthesizer, "hello"))
    for task in (waiting, behind):
        with pytest.raises(EngineTimeout, match="no clause within"):
            await task
    assert "no clause within" in (synthesizer.fault or "")


@pytest.mark.parametrize(("asked", "own"), [(0.25, 0.5), (0.5, 0.5), (1.3, 1.3), (4.0, 2.0)])
async def test_the_model_is_asked_for_speeds_that_it_does_well(
    synthesizer: KokoroSynthesizer, model: ScriptedModel, asked: float, own: float
) -> None:
    duration = await listen(synthesizer, "hello there", speed=asked)
    assert set(model.speeds) == {own}
    assert duration == pytest.approx(sum(map(len, model.clauses)) / 10 * own / asked, rel=0.1)


async def test_a_paragraph_pauses(synthesizer: KokoroSynthesizer, model: ScriptedModel) -> None:
    together = await listen(synthesizer, "hello. there.")
    assert await listen(synthesizer, "hello.\n\nthere.") == pytest.approx(together + 0.52, abs=0.01)


async def test_speech_begins_only_when_it_is_loaded(folder: Path) -> None:
    made = KokoroSynthesizer(installed(folder), EngineSettings())
    assert made.voices == ()
    with pytest.raises(EngineUnavailable, match="not loaded"):
        await listen(made, "hello")
    await made.aclose()


async def test_without_lexicon_and_espeak_it_does_not_load(tmp_path: Path) -> None:
    folder = make_tone_voice(tmp_path / "bare", has_lexicons=False)
    made = KokoroSynthesizer(installed(folder), EngineSettings(provider="cpu"), use_espeak=False)
    with pytest.raises(EngineUnavailable, match="only with espeak-ng"):
        await made.load()


async def test_warming_up_measures_the_machine(synthesizer: KokoroSynthesizer, model: ScriptedModel) -> None:
    await synthesizer.warm()
    assert 0 < synthesizer.real_time_factor < 0.5
    assert synthesizer.condition["max_streams"] == synthesizer.max_streams > 1
    assert model.clauses


@pytest.mark.parametrize("family", ["kitten", "vits", "supertonic", "zipvoice", "unheard-of"])
def test_other_families_are_refused_by_name(folder: Path, family: str) -> None:
    with pytest.raises(ConfigError, match=f"family {family}"):
        make_synthesizer(installed(folder, family), EngineSettings())
