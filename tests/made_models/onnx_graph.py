"""ONNX graphs written as text."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import onnx.checker
import onnx.parser

OPSET = 17
IR_VERSION = 9

Metadata = Mapping[str, str | int]


def parse_graph(signature: str, body: str, metadata: Metadata | None = None) -> onnx.ModelProto:
    """A checked model of one graph: `name (inputs) => (outputs)` and its assignments, in ONNX's own syntax.

    Engines read shapes, numbers of special tokens and languages from the `metadata`.
    """
    header = f'<ir_version: {IR_VERSION}, opset_import: ["" : {OPSET}]>'
    model = onnx.parser.parse_model(f"{header}\n{signature}\n{{\n{body}\n}}")
    model.producer_name = "sottovoce-test-model"
    set_metadata(model, metadata or {})
    onnx.checker.check_model(model)
    return model


def set_metadata(model: onnx.ModelProto, metadata: Metadata) -> None:
    """Add properties to those there are."""
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
