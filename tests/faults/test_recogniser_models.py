"""Models that are damaged: the service says what is wrong with them, or ends with the reason in its log."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import onnx
import pytest

from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import InstalledModel
from sottovoce.services.ending import ENGINE_EXIT
from tests.made_models import streaming
from tests.made_models.onnx_graph import set_metadata
from tests.service_child import ServiceChild, running


def cut_off(folder: Path) -> None:
    content = (folder / "encoder.onnx").read_bytes()
    (folder / "encoder.onnx").write_bytes(content[: len(content) // 2])


def flip_a_bit(folder: Path) -> None:
    """In the name of an operation."""
    content = bytearray((folder / "joiner.onnx").read_bytes())
    content[content.index(b"OneHot")] ^= 1
    (folder / "joiner.onnx").write_bytes(content)


def lose_a_property(folder: Path) -> None:
    model = onnx.load(str(folder / "encoder.onnx"))
    kept = [each for each in model.metadata_props if each.key != "vocab_size"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, str(folder / "encoder.onnx"))


def lose_the_blank(folder: Path) -> None:
    tokens = folder / "tokens.txt"
    tokens.write_text("".join(tokens.read_text().splitlines(keepends=True)[:-1]))


def lose_an_output(folder: Path) -> None:
    """The engine then takes it for a model of another kind."""
    model = onnx.load(str(folder / "decoder.onnx"))
    del model.graph.output[1:]
    onnx.save(model, str(folder / "decoder.onnx"))


def pretend(folder: Path) -> None:
    """To be a zipformer, of which the engine wants to know more."""
    lose_an_output(folder)
    model = onnx.load(str(folder / "encoder.onnx"))
    del model.metadata_props[:]
    set_metadata(model, {"model_type": "zipformer2"})
    onnx.save(model, str(folder / "encoder.onnx"))


def made(tmp_path: Path, damage: Callable[[Path], None], family: str = "nemo-transducer") -> InstalledModel:
    folder = streaming.build(tmp_path / "made")
    damage(folder)
    entry = ModelEntry(id="made", kind="stt", engine="sherpa-streaming", family=family)
    return InstalledModel(entry=entry, path=folder)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut_off, "encoder.onnx is cut off"),
        (flip_a_bit, "joiner.onnx failed"),
        (lose_a_property, "encoder.onnx lacks the property vocab_size"),
        (lose_the_blank, "tokens.txt lacks the token <blk>"),
    ],
)
def test_what_is_wrong_with_a_model_is_said(
    tmp_path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    with running("stt", made(tmp_path, damage), tmp_path / "home") as child:
        said = child.settled()
        assert said["status"] == "failed"
        assert reason in str(said["reason"])
        assert reason in child.log.read_text()
        assert refusal(child)["code"] == "engine_unavailable"


def refusal(child: ServiceChild) -> dict[str, str]:
    """What a client gets."""
    reply = httpx.post(
        f"{child.url}/v1/audio/transcriptions",
        headers=child.headers,
        files={"file": ("a.wav", b"RIFF")},
        data={"model": "whisper-1"},
        trust_env=False,
    )
    assert reply.status_code == 503
    error: dict[str, str] = reply.json()["error"]
    return error


@pytest.mark.parametrize(
    ("damage", "family", "status", "reason"),
    [
        (pretend, "zipformer", ENGINE_EXIT, "does not exist in the metadata"),
        (lose_an_output, "nemo-transducer", -signal.SIGSEGV, "Unknown model type"),
    ],
)
def test_an_engine_that_ends_the_process_says_why_before(
    tmp_path: Path, damage: Callable[[Path], None], family: str, status: int, reason: str
) -> None:
    with running("stt", made(tmp_path, damage, family), tmp_path / "home") as child:
        assert child.end() == status
        loading, *last = child.log.read_text().splitlines()[1:]
    assert loading.endswith("loading made with encoder.onnx on cpu")
    assert reason in "\n".join(last)
