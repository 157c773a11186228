from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.engines.onnx_metadata import DamagedModelError, onnx_metadata
from tests.made_models.kokoro import make_tone_voice, metadata


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (make_tone_voice(tmp_path_factory.mktemp("voice")) / "model.onnx").read_bytes()


def test_properties_are_read(model: bytes, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(model)
    assert onnx_metadata(file) == {name: str(value) for name, value in metadata().items()}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_model_that_is_cut_off_is_told(model: bytes, tmp_path: Path, share: float) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(model[: int(len(model) * share)])
    with pytest.raises(DamagedModelError):
        onnx_metadata(file)


@pytest.mark.parametrize(
    "content", [b"\0" * 64, b"\xff" * 64, b"<html>not found</html>", b"version https://git-lfs"]
)
def test_other_files_are_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    with pytest.raises(DamagedModelError):
        onnx_metadata(file)


@settings(max_examples=50, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_no_byte_makes_it_fail_otherwise(
    model: bytes, tmp_path_factory: pytest.TempPathFactory, at: float, byte: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "flipped.onnx"
    place = int(at * len(model))
    file.write_bytes(model[:place] + bytes([byte]) + model[place + 1 :])
    try:
        onnx_metadata(file)
    except DamagedModelError:
        return
