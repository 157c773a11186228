"""Whisper models of any size with random weights: their text is noise, their cost is a trained model's.

The graphs are those of sherpa-onnx's own export: an encoder that ends in the keys and values of every
decoder layer's cross-attention, and a decoder with caches of fixed length.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper as make
from numpy.typing import NDArray
from onnx import TensorProto
from onnx.numpy_helper import from_array

from tests.made_models.onnx_graph import IR_VERSION, OPSET, Metadata, set_metadata
from tests.made_models.whisper import metadata, write_tokens

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
TEXT_CONTEXT = 448
AUDIO_CONTEXT = 1500
VOCABULARY = 51_865
TOKENS_PER_SECOND, FRAMES_PER_SECOND = 3, 50
"""Of speech, and of what the encoder makes of it."""


@dataclass(frozen=True)
class Size:
    layers: int
    width: int
    heads: int
    mels: int = 80


SIZES = {"tiny": Size(4, 384, 6), "base": Size(6, 512, 8), "small": Size(12, 768, 12)}
"""As OpenAI's; encoder and decoder are of one depth."""


class Graph:
    """Adds nodes by what they compute; names are numbers."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(seed)

    def __call__(self, kind: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        """`to` names what comes out; `to_type` is the attribute of a cast, which is called so, too."""
        name = to or f"n{len(self.nodes)}"
        if "to_type" in attributes:
            attributes["to"] = attributes.pop("to_type")
        self.nodes.append(make.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: NDArray[Any]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(from_array(value, name))
        return name

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def weight(self, *shape: int) -> str:
        scale = 1.0 / np.sqrt(shape[0])
        return self.constant((self._random.standard_normal(shape, np.float32) * scale).astype(np.float32))

    def linear(self, x: str, inner: int, outer: int, *, has_bias: bool = True) -> str:
        y = self("MatMul", x, self.weight(inner, outer))
        return self("Add", y, self.constant(np.zeros(outer, np.float32))) if has_bias else y

    def norm(self, x: str, width: int) -> str:
        ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
        return self("LayerNormalization", x, self.constant(ones), self.constant(zeros), axis=-1)

    def gelu(self, x: str) -> str:
        root, one, half = (self.constant(np.array(value, np.float32)) for value in (np.sqrt(2.0), 1.0, 0.5))
        erf = self("Add", self("Erf", self("Div", x, root)), one)
        return self("Mul", self("Mul", x, erf), half)

    def heads(self, x: str, size: Size, order: tuple[int, ...] = (0, 2, 1, 3)) -> str:
        shape = self.ints(0, -1, size.heads, size.width // size.heads)
        return self("Transpose", self("Reshape", x, shape), perm=list(order))

    def attend(self, q: str, k: str, v: str, size: Size, mask: str = "") -> str:
        scale = self.constant(np.array((size.width / size.heads) ** -0.5, np.float32))
        scores = self("MatMul", self("Mul", self.heads(q, size), scale), self.heads(k, size, (0, 2, 3, 1)))
        if mask:
            scores = self("Add", scores, mask)
        mixed = self("MatMul", self("Softmax", scores, axis=-1), self.heads(v, size))
        flat = self("Reshape", self("Transpose", mixed, perm=[0, 2, 1, 3]), self.ints(0, -1, size.width))
        return self.linear(flat, size.width, size.width)

    def feed_forward(self, x: str, size: Size) -> str:
        inner = self.gelu(self.linear(self.norm(x, size.width), size.width, 4 * size.width))
        return self("Add", x, self.linear(inner, 4 * size.width, size.width))

    def model(
        self, name: str, inputs: list[Any], outputs: list[Any], facts: Metadata | None = None
    ) -> onnx.ModelProto:
        graph = make.make_graph(self.nodes, name, inputs, outputs, self.weights)
        model = make.make_model(graph, opset_imports=[make.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        set_metadata(model, facts or {})
        return model


def _value(name: str, kind: int, *shape: int | str) -> Any:
    return make.make_tensor_value_info(name, kind, list(shape))


def encoder(size: Size, facts: Metadata) -> onnx.ModelProto:
    g = Graph()
    width = size.width
    x = "mel"
    for inner, stride in ((size.mels, 1), (width, 2)):
        kernel = g.weight(width, inner, 3)
        x = g.gelu(g("Conv", x, kernel, pads=[1, 1], strides=[stride], kernel_shape=[3]))
    x = g("Transpose", x, perm=[0, 2, 1])
    length = g("Gather", g("Shape", x), g.ints(1))
    places = g("Slice", g.weight(AUDIO_CONTEXT, width), g.ints(0), length, g.ints(0))
    x = g("Add", x, places)
    for _ in range(size.layers):
        y = g.norm(x, width)
        q, k, v = (g.linear(y, width, width) for _ in range(3))
        x = g.feed_forward(g("Add", x, g.attend(q, k, v, size)), size)
    x = g.norm(x, width)
    for output in ("n_layer_cross_k", "n_layer_cross_v"):
        layers = [g("Unsqueeze", g.linear(x, width, width), g.ints(0)) for _ in range(size.layers)]
        g("Concat", *layers, axis=0, to=output)
    cross = (FLOAT, size.layers, "N", "T2", width)
    outputs = [_value("n_layer_cross_k", *cross), _value("n_layer_cross_v", *cross)]
    return g.model("random_whisper_encoder", [_value("mel", FLOAT, "N", size.mels, "T")], outputs, facts)


def decoder(size: Size) -> onnx.ModelProto:
    g = Graph(1)
    width, layers = size.width, size.layers
    count = g("Gather", g("Shape", "tokens"), g.ints(1))
    end = g("Add", "offset", count)
    embedding = g.weight(VOCABULARY, width)
    places = g("Slice", g.weight(TEXT_CONTEXT, width), "offset", end, g.ints(0))
    x = g("Add", g("Gather", embedding, "tokens"), places)
    lower = np.triu(np.full((TEXT_CONTEXT, TEXT_CONTEXT), -np.inf, np.float32), 1)
    mask = g("Slice", g.constant(lower), "offset", end, g.ints(0))
    mask = g("Slice", mask, g.ints(0), end, g.ints(1))
    caches: dict[str, list[str]] = {"k": [], "v": []}
    for layer in range(layers):
        y = g.norm(x, width)
        q = g.linear(y, width, width)
        whole = {}
        for part in "kv":
            cache = g("Gather", f"in_n_layer_self_{part}_cache", g.constant(np.array(layer, np.int64)))
            past = g("Slice", cache, g.ints(0), "offset", g.ints(1))
            whole[part] = g("Concat", past, g.linear(y, width, width), axis=1)
            rest = g("Slice", cache, end, g.ints(TEXT_CONTEXT), g.ints(1))
            caches[part].append(g("Unsqueeze", g("Concat", whole[part], rest, axis=1), g.ints(0)))
        x = g("Add", x, g.attend(q, whole["k"], whole["v"], size, mask))
        number = g.constant(np.array(layer, np.int64))
        cross = {part: g("Gather", f"n_layer_cross_{part}", number) for part in "kv"}
        q = g.linear(g.norm(x, width), width, width)
        x = g.feed_forward(g("Add", x, g.attend(q, cross["k"], cross["v"], size)), size)
    for part in "kv":
        g("Concat", *caches[part], axis=0, to=f"out_n_layer_self_{part}_cache")
    _end(g, g("MatMul", g.norm(x, width), g.weight(width, VOCABULARY)))
    cache_shape = (FLOAT, layers, "N", TEXT_CONTEXT, width)
    parts = ("k", "v")
    inputs = [
        _value("tokens", INT64, "N", "M"),
        *(_value(f"in_n_layer_self_{part}_cache", *cache_shape) for part in parts),
        *(_value(f"n_layer_cross_{part}", FLOAT, layers, "N", "T2", width) for part in parts),
        _value("offset", INT64, 1),
    ]
    outputs = [
        _value("logits", FLOAT, "N", "M", VOCABULARY),
        *(_value(f"out_n_layer_self_{part}_cache", *cache_shape) for part in parts),
    ]
    return g.model("random_whisper_decoder", inputs, outputs)


def _end(g: Graph, logits: str) -> None:
    """Random weights would never come to an end; people say about three tokens a second."""
    frames = g("Gather", g("Shape", "n_layer_cross_k"), g.ints(2))
    places = g("Div", g("Mul", frames, g.ints(TOKENS_PER_SECOND)), g.ints(FRAMES_PER_SECOND))
    is_over = g("Cast", g("Greater", "offset", places), to_type=FLOAT)
    end = np.zeros(VOCABULARY, np.float32)
    end[_special()["eot"]] = 1e6
    g("Add", logits, g("Mul", is_over, g.constant(end)), to="logits")


def build(folder: Path, size: Size, *, is_int8: bool = True) -> None:
    """Write encoder, decoder and tokens.txt, named as in sherpa-onnx's archives."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = metadata(size.mels, size.layers, size.width, TEXT_CONTEXT, _special(), ["en", "de"])
    for name, model in (("encoder", encoder(size, facts)), ("decoder", decoder(size))):
        path = folder / f"random-{name}.onnx"
        onnx.save(model, str(path))
        if is_int8:
            _quantise(path, folder / f"random-{name}.int8.onnx")
    write_tokens(folder / "random-tokens.txt", [f" {number}" for number in range(_special()["eot"])])


def _special() -> dict[str, int]:
    """Numbers of the special tokens, as in Whisper's multilingual vocabulary."""
    return {
        **{"eot": 50257, "sot": 50258, "en": 50259, "de": 50261, "translate": 50358, "transcribe": 50359},
        **{"sot_lm": 50360, "sot_prev": 50361, "no_speech": 50362, "no_timestamps": 50363},
        "vocabulary": VOCABULARY,
    }


def _quantise(path: Path, to: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(str(path), str(to), op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8)
    path.unlink()
