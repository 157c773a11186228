"""The properties of ONNX files, read without loading them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.models.onnx_header import HeaderError, read_properties
from tests.made_models.onnx_graph import parse_graph
from tests.unit.models.model_files import write_onnx


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=300), max_size=5))
def test_what_onnx_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, facts: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"
    write_onnx(path, facts)
    assert read_properties(path) == facts


def test_every_cut_is_seen(tmp_path: Path) -> None:
    write_onnx(tmp_path / "m.onnx", {"model_type": "kokoro", "version": 2})
    whole = (tmp_path / "m.onnx").read_bytes()
    path = tmp_path / "cut.onnx"
    missed = []
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        try:
            missed.append(read_properties(path))
        except HeaderError:
            continue
    # a file that ends exactly between two fields looks whole: what is missing then is properties
    assert all(len(found) < 2 for found in missed)
    assert len(missed) < 6


@given(st.binary(max_size=200))
def test_anything_else_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"
    path.write_bytes(content)
    with suppress(HeaderError):  # and nothing else, such as an IndexError
        assert isinstance(read_properties(path), dict)


def test_a_property_of_absurd_size_is_not_read(tmp_path: Path) -> None:
    model = parse_graph("nothing (float[N] x) => (float[N] y)", "y = Identity (x)", {"big": "x" * (1 << 20)})
    onnx.save(model, str(tmp_path / "m.onnx"))
    with pytest.raises(HeaderError, match="is damaged"):
        read_properties(tmp_path / "m.onnx")
