"""Language models at true cost: the tensor shapes of Qwen3 at Q4_K_M, filled with chance.

Their words are noise; memory, load and speed are those of the real ones. For benches: the least has 400 MB.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Quant
from gguf import GGUFWriter
from numpy.typing import NDArray

from tests.made_models.gguf_parts import CHAT_TEMPLATE, Shape, Vocabulary, finish

SHAPES = {
    "0.6b": Shape(width=1024, layers=28, feed_forward=3072, heads=16, kv_heads=8, head_width=128),
    "1.7b": Shape(width=2048, layers=28, feed_forward=6144, heads=16, kv_heads=8, head_width=128),
    "4b": Shape(width=2560, layers=36, feed_forward=9728, heads=32, kv_heads=8, head_width=128),
}
VOCABULARY = 151_936
CONTEXT = 40_960
Q4_K_M = 15
"""llama.cpp's number for the mixture."""
WORDS = [" the", " timer", " weather", " minutes", " please", " kitchen", " light", " what", " is", " to"]


def shaped(path: Path, name: str, seed: int = 1) -> Path:
    """Write the model of that shape: a few seconds for each gigabyte."""
    chance, shape = np.random.default_rng(seed), SHAPES[name]
    vocabulary = Vocabulary(WORDS, size=VOCABULARY)
    writer = GGUFWriter(str(path), "qwen3")
    shape.write(writer, f"random-{name}", CONTEXT)
    vocabulary.write(writer, CHAT_TEMPLATE)
    writer.add_file_type(Q4_K_M)
    for tensor, size in shape.matrices(len(vocabulary.tokens)):
        is_embedding = tensor == "token_embd.weight"
        kind = Quant.Q6_K if is_embedding or _is_finer(tensor, shape.layers) else Quant.Q4_K
        blocks = _blocks(chance, size, kind, 0.05 if is_embedding else 0.02)
        writer.add_tensor(tensor, blocks, raw_dtype=kind)
    finish(writer)
    return path


def _is_finer(tensor: str, layers: int) -> bool:
    """The matrices that Q4_K_M gives six bits: of values and of the way down, in the outer eighths of the
    layers and in every third one between."""
    if "attn_v" not in tensor and "ffn_down" not in tensor:
        return False
    layer, eighth = int(tensor.split(".")[1]), layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


def _blocks(
    chance: np.random.Generator, size: tuple[int, int], kind: Quant, deviation: float
) -> NDArray[np.uint8]:
    """Rows of quantised blocks: the weights are random bits, the scales are set so that the weights have
    about this deviation. gguf cannot quantise to these kinds."""
    rows, columns = size
    weights, bytes_ = gguf.GGML_QUANT_SIZES[kind]
    count = rows * columns // weights
    data = np.frombuffer(chance.bytes(count * bytes_), np.uint8).reshape(count, bytes_).copy()
    if kind == Quant.Q4_K:  # scale and minimum as halves, 12 bytes of 6-bit scales and minima, the weights
        scale = deviation / (15 * 4.61)
        data[:, 0:2], data[:, 2:4] = _half(scale), _half(7.5 * scale)
        data[:, 4:12], data[:, 12:16] = 15, 255
    else:  # the weights, 16 scales, and the scale of the scales
        data[:, 192:208], data[:, 208:210] = 16, _half(deviation / (18.5 * 16))
    return data.reshape(rows, columns // weights * bytes_)


def _half(value: float) -> NDArray[np.uint8]:
    return np.frombuffer(np.float16(value).tobytes(), np.uint8)
