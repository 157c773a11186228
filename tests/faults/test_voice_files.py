"""A voice whose files are damaged, and a phoneme process that is killed: the service says so, and goes on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.contract.voices import tone_model
from tests.made_models.kokoro import make_tone_voice, read_tones
from tests.service_child import ServiceChild, running

TEXT = "hello xyzzy there "


def truncated(folder: Path) -> None:
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[:-200])


def flipped(folder: Path) -> None:
    """A bit of the graph; the properties and the lengths are whole."""
    content = bytearray((folder / "model.onnx").read_bytes())
    content[content.index(b"ReduceMean")] ^= 0x08
    (folder / "model.onnx").write_bytes(content)


def without_voices(folder: Path) -> None:
    (folder / "voices.bin").unlink()


def short_voices(folder: Path) -> None:
    os.truncate(folder / "voices.bin", 1000)


def bad_metadata(folder: Path) -> None:
    make_tone_voice(folder, without=["style_dim"])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncated, "model.onnx is cut off"),
        (flipped, "model.onnx cannot be loaded"),
        (without_voices, "voices.bin is missing"),
        (short_voices, "voices.bin has 1000 bytes"),
        (bad_metadata, "does not say its style_dim"),
    ],
)
def test_a_damaged_voice_is_refused_in_words(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    folder = make_tone_voice(tmp_path / "voice")
    damage(folder)
    with running("tts", tone_model(folder), tmp_path) as child:
        answer = child.settled()
        assert answer["status"] == "failed"
        assert said in str(answer["reason"])
        assert child.process.poll() is None
        refused = speak(child)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_unavailable")
        assert said in child.log.read_text()


def speak(child: ServiceChild, text: str = TEXT) -> httpx.Response:
    body = {"input": text, "voice": "marin", "response_format": "pcm"}
    return httpx.post(
        f"{child.url}/v1/audio/speech", headers=child.headers, json=body, timeout=20, trust_env=False
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceChild]:
    home = tmp_path_factory.mktemp("kokoro")
    with running("tts", tone_model(make_tone_voice(home / "voice")), home) as child:
        yield child.ready()


def phoneme_process(service: ServiceChild) -> psutil.Process:
    children = psutil.Process(service.process.pid).children(recursive=True)
    (found,) = [child for child in children if "sottovoce.engines.tts.phonemes.child" in child.cmdline()]
    return found


def test_a_phoneme_process_that_is_killed_is_replaced(service: ServiceChild) -> None:
    before = speak(service).content
    killed = phoneme_process(service)
    killed.send_signal(signal.SIGKILL)
    assert speak(service).content == before
    assert phoneme_process(service).pid != killed.pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_words_are_said_although_it_ends_or_hangs_in_the_middle(service: ServiceChild, number: int) -> None:
    """Every sentence needs it, so some need it after the signal."""
    text = ". ".join([TEXT.strip()] * 150)
    began, done = threading.Event(), []

    def talk() -> None:
        body = {"input": text, "voice": "marin", "response_format": "pcm"}
        with httpx.stream(
            "POST", f"{service.url}/v1/audio/speech", headers=service.headers, json=body, timeout=20
        ) as reply:
            chunks = []
            for chunk in reply.iter_raw():
                chunks.append(chunk)
                began.set()
            done.append(b"".join(chunks))

    talking = threading.Thread(target=talk)
    talking.start()
    assert began.wait(20)
    phoneme_process(service).send_signal(number)
    talking.join(30)
    (samples,) = done
    words = read_tones(samples)[0].replace("|", " ").replace(".", "").split()
    assert words.count("ðˈɛɹ") == 150
    assert set(words) == {"həlˈO", "zˈIzi", "ðˈɛɹ"}


def test_the_phoneme_process_goes_with_its_service(tmp_path: Path) -> None:
    with running("tts", tone_model(make_tone_voice(tmp_path / "voice")), tmp_path) as child:
        speaker = phoneme_process(child.ready())
        child.process.kill()
        child.end()
        gone, _ = psutil.wait_procs([speaker], timeout=5)
    assert gone == [speaker]
