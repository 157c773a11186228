"""Cache-aware streaming FastConformer transducers with random weights: noise for text, the true cost.

A clock that runs through the graphs has them say two tokens in every chunk, whatever they hear: speech at 560
ms has about as many, and each costs a step of predictor and joiner.

Nemotron's encoder (24 layers of 1024) as sherpa-onnx loads it; `build(folder, SIZES["0.6b"], is_int8=True)`
writes 2.5 GB on the way and leaves 620 MB. The small ones are for looking at the code, the large ones for
benches; no test loads them.

    python -m tests.made_models.conformer 0.6b FOLDER --chunk-ms 560
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import DTypeLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.made_models.nemo import FRAME_MS, MEL_BANDS
from tests.made_models.onnx_graph import IR_VERSION, OPSET, Metadata, set_metadata
from tests.made_models.streaming import metadata, write_tokens

END = 1 << 30
"""The end of a slice that goes on to the last."""
HIDDEN = -1e4
"""Score of what may not be attended to."""
PARTS = ("encoder", "decoder", "joiner")
ONE_FILE_BYTES = 1 << 30
"""Larger ones keep their weights beside them: protobuf ends at 2 GB."""

Dimension = int | str


@dataclass(frozen=True)
class Size:
    layers: int
    width: int
    heads: int
    feed_forward: int
    channels: int
    vocabulary: int
    predictor: int
    predictor_layers: int
    joiner: int
    kernel: int = 9
    left: int = 70
    """Encoder frames whose keys and values are kept."""


SIZES = {
    "tiny": Size(2, 32, 4, 64, 8, 64, 32, 1, 32),
    "quarter": Size(6, 1024, 8, 4096, 256, 1024, 640, 2, 640),
    "0.6b": Size(24, 1024, 8, 4096, 256, 1024, 640, 2, 640),
}


def build(folder: Path, size: Size, *, chunk_ms: int = 560, is_int8: bool = False, seed: int = 0) -> Path:
    """Write the three graphs and tokens.txt; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _encoder(size, chunk_ms // FRAME_MS, chunk_ms, seed).save(folder / "encoder.onnx")
    _predictor(size, seed + 1).save(folder / "decoder.onnx")
    _joiner(size, seed + 2).save(folder / "joiner.onnx")
    write_tokens(folder, [f"{'▁' if number % 3 == 0 else ''}t{number}" for number in range(size.vocabulary)])
    if is_int8:
        quantise(folder)
    return folder


def quantise(folder: Path) -> None:
    """Weights to eight bits, in the exporter's way; the large files go."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    for part in PARTS:
        full = folder / f"{part}.onnx"
        quantize_dynamic(str(full), str(folder / f"{part}.int8.onnx"), weight_type=QuantType.QUInt8)
        full.unlink()
        full.with_suffix(".data").unlink(missing_ok=True)


class Graph:
    """Grows node by node; every method gives the name of what it added."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self.facts: Metadata = {}

    def input(self, name: str, kind: int, *shape: Dimension) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value: str, name: str, kind: int, *shape: Dimension) -> None:
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"out_{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        number = len(self._nodes)
        names = [f"{kind}_{number}_{output}" for output in range(outputs)]
        self._nodes.append(helper.make_node(kind, inputs, names, name=f"node_{number}", **attributes))
        return names

    def tensor(self, value: NDArray[Any]) -> str:
        name = f"tensor_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def scalar(self, value: float, kind: DTypeLike = np.float32) -> str:
        name = f"tensor_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.array(value, kind), name))
        return name

    def ints(self, *values: int) -> str:
        return self.tensor(np.array(values, np.int64))

    def random(self, *shape: int, scale: float) -> str:
        return self.tensor(self._random.standard_normal(shape, dtype=np.float32) * np.float32(scale))

    def zeros(self, *shape: int) -> str:
        return self.tensor(np.zeros(shape, np.float32))

    def linear(self, x: str, inside: int, outside: int, *, has_bias: bool = True) -> str:
        product = self.op("MatMul", x, self.random(inside, outside, scale=inside**-0.5))
        return self.op("Add", product, self.zeros(outside)) if has_bias else product

    def norm(self, x: str, width: int) -> str:
        ones = self.tensor(np.ones(width, np.float32))
        return self.op("LayerNormalization", x, ones, self.zeros(width), axis=-1, epsilon=1e-5)

    def swish(self, x: str) -> str:
        return self.op("Mul", x, self.op("Sigmoid", x))

    def part(self, x: str, start: int, end: int, axis: int) -> str:
        return self.op("Slice", x, self.ints(start), self.ints(end), self.ints(axis))

    def turn(self, x: str, *axes: int) -> str:
        return self.op("Transpose", x, perm=axes)

    def save(self, path: Path) -> None:
        graph = helper.make_graph(self._nodes, path.stem, self._inputs, self._outputs, self._weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        set_metadata(model, self.facts)
        if sum(len(weight.raw_data) for weight in self._weights) > ONE_FILE_BYTES:
            data = path.with_suffix(".data")
            data.unlink(missing_ok=True)  # it would be added to
            onnx.save(model, str(path), save_as_external_data=True, location=data.name)
        else:
            onnx.save(model, str(path))


def _encoder(size: Size, frames: int, chunk_ms: int, seed: int) -> Graph:
    g = Graph(seed)
    channel = (size.layers, size.left, size.width)
    time = (size.layers, size.width, size.kernel - 1)
    g.input("audio_signal", TensorProto.FLOAT, "B", MEL_BANDS, "T")
    g.input("length", TensorProto.INT64, "B")
    g.input("cache_last_channel", TensorProto.FLOAT, "B", *channel)
    g.input("cache_last_time", TensorProto.FLOAT, "B", *time)
    g.input("cache_last_channel_len", TensorProto.INT64, "B")
    x = _subsampled(g, size)
    attended, convolved = _Layers(g, size, frames).run(x)
    clock = np.array([[[2 * frame // frames] for frame in range(frames)]], np.float32)
    x = _with_parity(g, attended.x, g.tensor(clock))
    g.output(g.turn(x, 0, 2, 1), "outputs", TensorProto.FLOAT, "B", size.width, "T2")
    nothing = g.op("Mul", "length", g.scalar(0, np.int64))
    lengths = g.op("Add", nothing, g.scalar(frames, np.int64))
    g.output(lengths, "encoded_lengths", TensorProto.INT64, "B")
    channels = g.op("Concat", *attended.caches, axis=1)
    g.output(channels, "cache_last_channel_next", TensorProto.FLOAT, "B", *channel)
    g.output(g.op("Concat", *convolved, axis=1), "cache_last_time_next", TensorProto.FLOAT, "B", *time)
    grown = g.op("Add", "cache_last_channel_len", g.scalar(frames, np.int64))
    kept = g.op("Min", grown, g.scalar(size.left, np.int64))
    g.output(kept, "cache_last_channel_next_len", TensorProto.INT64, "B")
    g.facts = metadata(chunk_ms, size.vocabulary, channel, time) | {
        "pred_rnn_layers": size.predictor_layers,
        "pred_hidden": size.predictor,
    }
    return g


def _with_parity(g: Graph, x: str, parity: str) -> str:
    """The vectors (B, T, width) with `parity` (1 or B, T, 1) for their first number."""
    nothing = g.op("Mul", g.part(x, 0, 1, 2), g.scalar(0.0))
    return g.op("Concat", g.op("Add", nothing, parity), g.part(x, 1, END, 2), axis=2)


def _parities(size: Size) -> NDArray[np.float32]:
    """Of the tokens and blank; blank counts as even, with which an utterance begins."""
    return np.append(np.arange(size.vocabulary) % 2, 0).astype(np.float32)


def _subsampled(g: Graph, size: Size) -> str:
    """Three strided convolutions and a projection: (B, mel, T) to (B, frames, width)."""
    channels, bands = size.channels, MEL_BANDS
    x = g.op("Unsqueeze", g.turn("audio_signal", 0, 2, 1), g.ints(1))
    for stage in range(3):
        x = g.op("Pad", x, g.ints(0, 0, 2, 2, 0, 0, 1, 1))
        kernel = g.random(channels, 1, 3, 3, scale=1 / 3)
        groups = channels if stage else 1
        x = g.op("Conv", x, kernel, g.zeros(channels), strides=[2, 2], kernel_shape=[3, 3], group=groups)
        if stage:
            mixing = g.random(channels, channels, 1, 1, scale=channels**-0.5)
            x = g.op("Conv", x, mixing, g.zeros(channels), kernel_shape=[1, 1])
        x, bands = g.op("Relu", x), bands // 2 + 1
    x = g.op("Reshape", g.turn(x, 0, 2, 1, 3), g.ints(0, 0, channels * bands))
    return g.part(g.linear(x, channels * bands, size.width), 2, END, 1)  # without the overlap's two


@dataclass
class _Attended:
    x: str
    caches: Sequence[str]


class _Layers:
    """The conformer blocks; what they share is made once."""

    def __init__(self, g: Graph, size: Size, frames: int) -> None:
        self.g, self.size, self.frames = g, size, frames
        self.keys = size.left + frames
        self.distances = size.left + 2 * frames - 1
        self.hidden = self._hidden()
        self.places = self._places()

    def run(self, x: str) -> tuple[_Attended, list[str]]:
        channel, time = [], []
        for layer in range(self.size.layers):
            x = self._feed_forward(x)
            x, cache = self._attend(x, layer)
            channel.append(cache)
            x, cache = self._convolve(x, layer)
            time.append(cache)
            x = self.g.norm(self._feed_forward(x), self.size.width)
        return _Attended(x, channel), time

    def _hidden(self) -> str:
        """Hides the cached keys that do not exist yet: (B, 1, 1, keys)."""
        g = self.g
        first = g.op(
            "Sub", g.scalar(self.size.left, np.int64), g.op("Unsqueeze", "cache_last_channel_len", g.ints(1))
        )
        visible = g.op("GreaterOrEqual", g.tensor(np.arange(self.keys, dtype=np.int64)[None]), first)
        return g.op("Unsqueeze", g.op("Where", visible, g.scalar(0.0), g.scalar(HIDDEN)), g.ints(1, 2))

    def _places(self) -> str:
        """Sines of the distances from a query to its keys (Transformer-XL)."""
        distance = np.arange(self.keys - 1, -self.frames, -1)[:, None]
        rate = np.exp(np.arange(0, self.size.width, 2) * -(np.log(10_000) / self.size.width))
        table = np.stack([np.sin(distance * rate), np.cos(distance * rate)], axis=-1)
        return self.g.tensor(table.reshape(1, len(distance), self.size.width).astype(np.float32))

    def _feed_forward(self, x: str) -> str:
        g, width, inner = self.g, self.size.width, self.size.feed_forward
        y = g.linear(g.swish(g.linear(g.norm(x, width), width, inner)), inner, width)
        return g.op("Add", x, g.op("Mul", y, g.scalar(0.5)))

    def _attend(self, x: str, layer: int) -> tuple[str, str]:
        """Over cached and new frames; keys and values of the cached ones are computed anew, as in NeMo."""
        g, width = self.g, self.size.width
        y = g.norm(x, width)
        cached = g.op("Gather", "cache_last_channel", g.scalar(layer, np.int64), axis=1)
        both = g.op("Concat", cached, y, axis=1)
        cache = g.op("Unsqueeze", g.part(both, self.frames, self.keys, 1), g.ints(1))
        query, key, value = self._heads(y), self._heads(both), self._heads(both)
        place = self._heads(self.places, has_bias=False)
        content = g.op("MatMul", self._biased(query), g.turn(key, 0, 2, 3, 1))
        scores = g.op(
            "Add", content, self._shifted(g.op("MatMul", self._biased(query), g.turn(place, 0, 2, 3, 1)))
        )
        depth = width // self.size.heads
        weights = g.op(
            "Softmax", g.op("Add", g.op("Mul", scores, g.scalar(depth**-0.5)), self.hidden), axis=-1
        )
        y = g.turn(g.op("MatMul", weights, g.turn(value, 0, 2, 1, 3)), 0, 2, 1, 3)
        y = g.linear(g.op("Reshape", y, g.ints(0, 0, width)), width, width)
        return g.op("Add", x, y), cache

    def _heads(self, x: str, *, has_bias: bool = True) -> str:
        width, heads = self.size.width, self.size.heads
        y = self.g.linear(x, width, width, has_bias=has_bias)
        return self.g.op("Reshape", y, self.g.ints(0, 0, heads, width // heads))

    def _biased(self, query: str) -> str:
        heads = self.size.heads
        bias = self.g.random(heads, self.size.width // heads, scale=0.1)
        return self.g.turn(self.g.op("Add", query, bias), 0, 2, 1, 3)

    def _shifted(self, scores: str) -> str:
        """Row by row one further, so that each column belongs to a key."""
        g, heads = self.g, self.size.heads
        y = g.op("Pad", scores, g.ints(0, 0, 0, 1, 0, 0, 0, 0))
        y = g.op("Reshape", y, g.ints(0, heads, self.distances + 1, self.frames))
        y = g.op("Reshape", g.part(y, 1, END, 2), g.ints(0, heads, self.frames, self.distances))
        return g.part(y, 0, self.keys, 3)

    def _convolve(self, x: str, layer: int) -> tuple[str, str]:
        """Gated, causal and depthwise, over cached and new frames."""
        g, width, kernel = self.g, self.size.width, self.size.kernel
        widening = g.random(2 * width, width, 1, scale=width**-0.5)
        y = g.op("Conv", g.turn(g.norm(x, width), 0, 2, 1), widening, g.zeros(2 * width), kernel_shape=[1])
        left, gate = g.ops("Split", 2, y, axis=1)
        y = g.op("Mul", left, g.op("Sigmoid", gate))
        cached = g.op("Gather", "cache_last_time", g.scalar(layer, np.int64), axis=1)
        y = g.op("Concat", cached, y, axis=2)
        cache = g.op("Unsqueeze", g.part(y, 1 - kernel, END, 2), g.ints(1))
        depthwise = g.random(width, 1, kernel, scale=kernel**-0.5)
        y = g.op("Conv", y, depthwise, g.zeros(width), kernel_shape=[kernel], group=width)
        y = g.swish(g.turn(g.norm(g.turn(y, 0, 2, 1), width), 0, 2, 1))
        mixing = g.random(width, width, 1, scale=width**-0.5)
        y = g.op("Conv", y, mixing, g.zeros(width), kernel_shape=[1])
        return g.op("Add", x, g.turn(y, 0, 2, 1)), cache


def _predictor(size: Size, seed: int) -> Graph:
    """An LSTM over the tokens said."""
    g, width = Graph(seed), size.predictor
    g.input("targets", TensorProto.INT32, "B", "U")
    g.input("target_length", TensorProto.INT32, "B")
    for state in ("h", "c"):
        g.input(state, TensorProto.FLOAT, size.predictor_layers, "B", width)
    x = g.turn(g.op("Gather", g.random(size.vocabulary + 1, width, scale=1.0), "targets"), 1, 0, 2)
    states: list[list[str]] = [[], []]
    for layer in range(size.predictor_layers):
        before = [g.part(state, layer, layer + 1, 0) for state in ("h", "c")]
        weights = [g.random(1, 4 * width, width, scale=width**-0.5) for _ in range(2)]
        said, *after = g.ops("LSTM", 3, x, *weights, g.zeros(1, 8 * width), "", *before, hidden_size=width)
        x = g.op("Squeeze", said, g.ints(1))
        for kept, state in zip(states, after, strict=True):
            kept.append(state)
    parity = g.op("Unsqueeze", g.op("Gather", g.tensor(_parities(size)), "targets"), g.ints(2))
    x = _with_parity(g, g.turn(x, 1, 0, 2), parity)
    g.output(g.turn(x, 0, 2, 1), "outputs", TensorProto.FLOAT, "B", width, "U")
    g.output("target_length", "prednet_lengths", TensorProto.INT32, "B")
    for name, kept in zip(("h_next", "c_next"), states, strict=True):
        g.output(g.op("Concat", *kept, axis=0), name, TensorProto.FLOAT, size.predictor_layers, "B", width)
    return g


def _joiner(size: Size, seed: int) -> Graph:
    """Blank, unless the clock's parity is another than the last token's; then a token with the clock's."""
    g, classes = Graph(seed), size.vocabulary + 1
    g.input("encoder_outputs", TensorProto.FLOAT, "B", size.width, "T")
    g.input("decoder_outputs", TensorProto.FLOAT, "B", size.predictor, "U")
    encoded, predicted = g.turn("encoder_outputs", 0, 2, 1), g.turn("decoder_outputs", 0, 2, 1)
    clock = g.op("Unsqueeze", g.part(encoded, 0, 1, 2), g.ints(2))
    last = g.op("Unsqueeze", g.part(predicted, 0, 1, 2), g.ints(1))
    heard = g.op("Unsqueeze", g.linear(encoded, size.width, size.joiner), g.ints(2))
    said = g.op("Unsqueeze", g.linear(predicted, size.predictor, size.joiner), g.ints(1))
    both = g.op("Relu", g.op("Add", heard, said))
    scores = g.op("MatMul", both, g.random(size.joiner, classes, scale=size.joiner**-0.5))
    other = g.op("Abs", g.op("Sub", g.tensor(_parities(size)), clock))
    is_due = g.op("Greater", g.op("Abs", g.op("Sub", clock, last)), g.scalar(0.5))
    blank = np.zeros(classes, np.float32)
    blank[-1] = 1.0
    wish = g.op("Where", is_due, g.scalar(2 * HIDDEN), g.scalar(-2 * HIDDEN))
    allowed = g.op("Add", g.op("Mul", other, g.scalar(HIDDEN)), g.op("Mul", g.tensor(blank), wish))
    total = g.op("Add", scores, allowed)
    g.output(total, "outputs", TensorProto.FLOAT, "B", "T", "U", classes)
    return g


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chunk-ms", type=int, default=560)
    parser.add_argument("--full", action="store_true", help="32 bits a weight instead of 8")
    given = parser.parse_args()
    build(given.folder, SIZES[given.size], chunk_ms=given.chunk_ms, is_int8=not given.full)


if __name__ == "__main__":
    main()
