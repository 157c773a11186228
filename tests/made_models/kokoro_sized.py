"""A voice of Kokoro's size and cost, with random weights: noise for speech, for benches alone.

It follows the published shape of Kokoro 82M: a shared transformer layer of width 768 run twelve times over
the phonemes, LSTMs over those, residual blocks of width 1024 at 80 frames a second, and a generator that goes
from there to 800 frames of 256 channels and 4800 frames of 128, each with three residual blocks of kernels 3,
7 and 11 besides one for the noise source, and an inverse Fourier transform. Durations are three frames of
25 ms a phoneme. It has 73 of the 82 million weights: the blocks of the pitch predictor are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.made_models.kokoro import (
    SPEAKERS,
    STYLE_ROWS,
    STYLE_WIDTH,
    SYMBOLS,
    metadata,
    write_tokens,
)
from tests.made_models.onnx_graph import IR_VERSION, OPSET, set_metadata

FRAMES_PER_PHONEME = 3
KERNELS, DILATIONS = (3, 7, 11), (1, 3, 5)
WIDTH, LAYERS = 768, 12


class _Graph:
    """Nodes and weights by name; every method gives the name of what it makes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(7)
        self._count = 0

    def name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def random(self, *shape: int) -> str:
        scale = 1.0 / np.sqrt(np.prod(shape[1:]) if len(shape) > 1 else 1.0)
        return self.constant((self._random.standard_normal(shape) * scale).astype(np.float32))

    def constant(self, value: Any) -> str:
        name = self.name("weight")
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def do(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = self.name(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, given: str, width_in: int, width_out: int) -> str:
        product = self.do("MatMul", given, self.random(width_in, width_out))
        return self.do("Add", product, self.random(width_out))

    def convolution(self, given: str, channels_in: int, channels: int, kernel: int, dilation: int = 1) -> str:
        padding = dilation * (kernel - 1) // 2
        return self.do(
            "Conv",
            given,
            self.random(channels, channels_in, kernel),
            self.random(channels),
            dilations=[dilation],
            pads=[padding, padding],
        )

    def styled(self, given: str, style: str, channels: int) -> str:
        """Normalised over time, then scaled and moved by the speaker's style."""
        ones, zeros = (
            self.constant(np.ones(channels, np.float32)),
            self.constant(np.zeros(channels, np.float32)),
        )
        normal = self.do("InstanceNormalization", given, ones, zeros)
        column = self.constant(np.array([1, channels, 1]))
        scale = self.do("Reshape", self.linear(style, STYLE_WIDTH, channels), column)
        shift = self.do("Reshape", self.linear(style, STYLE_WIDTH, channels), column)
        return self.do("Add", self.do("Mul", normal, scale), shift)

    def snake(self, given: str, channels: int) -> str:
        rate = self.constant(np.ones((1, channels, 1), np.float32))
        wave = self.do("Sin", self.do("Mul", given, rate))
        return self.do("Add", given, self.do("Div", self.do("Mul", wave, wave), rate))

    def residual(self, given: str, style: str, channels: int, kernel: int) -> str:
        """The generator's block: for each dilation two convolutions around snakes."""
        for dilation in DILATIONS:
            inner = self.snake(self.styled(given, style, channels), channels)
            inner = self.convolution(inner, channels, channels, kernel, dilation)
            inner = self.snake(self.styled(inner, style, channels), channels)
            given = self.do("Add", given, self.convolution(inner, channels, channels, kernel))
        return given

    def broadened(self, given: str, style: str, channels_in: int, channels: int) -> str:
        """The decoder's block."""
        inner = self.do("LeakyRelu", self.styled(given, style, channels_in))
        inner = self.convolution(inner, channels_in, channels, 3)
        inner = self.do("LeakyRelu", self.styled(inner, style, channels))
        inner = self.convolution(inner, channels, channels, 3)
        return self.do("Add", inner, self.convolution(given, channels_in, channels, 1))

    def lstm(self, given: str, width_in: int, width: int) -> str:
        """Both ways over [N, 1, width_in]; gives [N, 1, 2 * width]."""
        name = self.name("lstm")
        weights = (
            self.random(2, 4 * width, width_in),
            self.random(2, 4 * width, width),
            self.random(2, 8 * width),
        )
        attributes: dict[str, Any] = {"hidden_size": width, "direction": "bidirectional"}
        self.nodes.append(helper.make_node("LSTM", [given, *weights], [name], **attributes))
        moved = self.do("Transpose", name, perm=[0, 2, 1, 3])
        return self.do("Reshape", moved, self.constant(np.array([0, 1, 2 * width])))

    def upsampled(self, given: str, channels_in: int, channels: int, stride: int) -> str:
        return self.do(
            "ConvTranspose",
            given,
            self.random(channels_in, channels, 2 * stride),
            self.random(channels),
            strides=[stride],
            pads=[stride // 2, stride - stride // 2],
        )


def make_sized_voice(folder: Path, speakers: Sequence[str] = SPEAKERS) -> Path:
    """Writes some 300 MB."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = _Graph()
    audio = _generator(graph, _decoder(graph, _encoder(graph)))
    model = _model(graph, audio)
    set_metadata(model, metadata(speakers))
    onnx.save(model, str(folder / "model.onnx"))
    random = np.random.default_rng(1)
    random.standard_normal((len(speakers), STYLE_ROWS, 1, STYLE_WIDTH)).astype(np.float32).tofile(
        folder / "voices.bin"
    )
    write_tokens(folder)
    return folder


def _encoder(graph: _Graph) -> str:
    """Tokens to [1, 640, frames]; a layer's weights are used twelve times, as ALBERT's are."""
    embedded = graph.do("Gather", graph.random(len(SYMBOLS), WIDTH), "tokens")
    weights = [graph.random(WIDTH, WIDTH) for _ in range(4)]
    broad, narrow = graph.random(WIDTH, 2048), graph.random(2048, WIDTH)
    for _ in range(LAYERS):
        query, key, value = (_heads(graph, graph.do("MatMul", embedded, weight)) for weight in weights[:3])
        turned = graph.do("Transpose", key, perm=[0, 1, 3, 2])
        attention = graph.do("Softmax", graph.do("MatMul", query, turned), axis=-1)
        mixed = graph.do("Transpose", graph.do("MatMul", attention, value), perm=[0, 2, 1, 3])
        mixed = graph.do("Reshape", mixed, graph.constant(np.array([1, -1, WIDTH])))
        embedded = _normal(graph, graph.do("Add", embedded, graph.do("MatMul", mixed, weights[3])))
        inner = graph.do("Relu", graph.do("MatMul", embedded, broad))
        embedded = _normal(graph, graph.do("Add", embedded, graph.do("MatMul", inner, narrow)))
    along = graph.do("Transpose", graph.linear(embedded, WIDTH, 512), perm=[1, 0, 2])
    for _ in range(4):  # the text encoder's and the predictor's
        along = graph.lstm(along, 512, 256)
    wide = graph.do("Transpose", along, perm=[1, 2, 0])
    for _ in range(3):
        wide = graph.do("LeakyRelu", graph.convolution(wide, 512, 512, 5))
    scales = graph.constant(np.array([1, 1, FRAMES_PER_PHONEME], np.float32))
    return graph.do("Resize", wide, "", scales, mode="nearest")


def _heads(graph: _Graph, given: str) -> str:
    split = graph.do("Reshape", given, graph.constant(np.array([1, -1, 12, WIDTH // 12])))
    return graph.do("Transpose", split, perm=[0, 2, 1, 3])


def _normal(graph: _Graph, given: str) -> str:
    scale = graph.constant(np.ones(WIDTH, np.float32))
    return graph.do("LayerNormalization", given, scale, axis=-1)


def _decoder(graph: _Graph, given: str) -> str:
    wide = graph.broadened(given, "style", 512, 1024)
    for _ in range(3):
        wide = graph.broadened(wide, "style", 1024, 1024)
    twice = graph.do("Resize", wide, "", graph.constant(np.array([1, 1, 2], np.float32)), mode="nearest")
    return graph.broadened(twice, "style", 1024, 512)


def _generator(graph: _Graph, given: str) -> str:
    channels_in = 512
    for stride, channels, noise_kernel in ((10, 256, 7), (6, 128, 11)):
        given = graph.upsampled(graph.do("LeakyRelu", given), channels_in, channels, stride)
        noise = graph.residual(given, "style", channels, noise_kernel)
        given = graph.do("Add", given, noise)
        blocks = [graph.residual(given, "style", channels, kernel) for kernel in KERNELS]
        given, channels_in = graph.do("Sum", *blocks), channels
    spectrum = graph.convolution(graph.do("LeakyRelu", given), channels_in, 22, 7)
    waves = graph.do("ConvTranspose", spectrum, graph.random(22, 1, 20), strides=[5], pads=[7, 8])
    return graph.do("Mul", graph.do("Tanh", waves), graph.do("Div", "speed", "speed"))


def _model(graph: _Graph, audio: str) -> onnx.ModelProto:
    graph.nodes.append(helper.make_node("Reshape", [audio, graph.constant(np.array([-1]))], ["audio"]))
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "N"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, STYLE_WIDTH]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["T"])]
    made = helper.make_graph(graph.nodes, "sized_voice", inputs, outputs, graph.weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
