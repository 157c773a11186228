"""Language models made from nothing, for the real llama.cpp to load.

`scripted` has weights set by hand: it says one sentence, and calls a tool when it is told a word. It goes
through the real sampler, grammars, parsers and server, and is the same byte for byte each time. `random` is
noise, for what goes wrong. Those at true cost are in `gguf_shapes`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGUFWriter
from numpy.typing import NDArray

from tests.made_models.gguf_parts import (
    CHAT_TEMPLATE,
    STRICT_TEMPLATE,
    THINKING_TEMPLATE,
    Shape,
    Vocabulary,
    finish,
)

REPLY = "Hello from the scripted test model. It always answers like this!"
KEYWORD = "abracadabra"
THOUGHT = "Someone wants me to be polite, so careful now"

SMALL = Shape(width=64, layers=1, feed_forward=64, heads=2, kv_heads=1, head_width=32)
FLAG, OTHER = 62, 63
"""Dimensions that tokens share: whether a tool is to be called, and "none of those with one of their own"."""
WORDS_END = 54
"""The dimensions from here on are for marks of JSON and of tool calls."""


@dataclass(frozen=True)
class Script:
    """What a scripted model says.

    `thought` comes before the reply, in <think> tags. With `has_switch` the chat template can turn thinking
    off, as Qwen3's; without, the tags are text of several tokens, as of a model that nobody knows to think.
    An endless one says its sentence again and again. A strict one's template takes no system's word, and only
    messages that alternate.
    """

    reply: str = REPLY
    keyword: str = KEYWORD
    thought: str = ""
    has_switch: bool = True
    is_endless: bool = False
    is_strict: bool = False
    context: int = 8192

    @property
    def thoughts(self) -> list[str]:
        if not self.thought:
            return []
        opening, closing = (
            (["<think>"], ["</think>"]) if self.has_switch else (["<thi", "nk>"], ["</th", "ink>"])
        )
        return [*opening, *_words(self.thought), *closing]

    @property
    def template(self) -> str:
        if self.is_strict:
            return STRICT_TEMPLATE
        return THINKING_TEMPLATE if self.thought and self.has_switch else CHAT_TEMPLATE


def _words(text: str) -> list[str]:
    return re.findall(r" ?\w+|[^\w\s]", text)


class Wiring:
    """Which token comes after which. The last token alone decides on the next one: each has an embedding
    with one large number, in a dimension of its own or in OTHER, and the output matrix turns dimensions into
    preferences. Inside a grammar the best token that it allows is taken."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        size = len(vocabulary.tokens)
        self.embedding = np.zeros((size, SMALL.width), np.float32)
        self.embedding[:, OTHER] = 100
        self.output = np.zeros((size, SMALL.width), np.float32)
        self._words, self._marks = iter(range(WORDS_END)), iter(range(WORDS_END, FLAG))

    def state(self, token: str, *, is_mark: bool = False) -> int:
        """The dimension of `token`, which gets one of its own."""
        index, state = self._vocabulary.id(token), next(self._marks if is_mark else self._words)
        self.embedding[index] = 0
        self.embedding[index, state] = 100
        return state

    def prefer(self, token: str, state: int, preference: float) -> None:
        self.output[self._vocabulary.id(token), state] = preference

    def prefer_anywhere(self, tokens: str, preference: float) -> None:
        for token in tokens:
            self.output[self._vocabulary.id(token), :FLAG] = preference
            self.output[self._vocabulary.id(token), OTHER] = preference

    def raise_flag(self, token: str, value: float) -> None:
        self.embedding[self._vocabulary.id(token), FLAG] = value


def scripted(path: Path, script: Script | None = None) -> Path:
    """Write the model of `script`.

    A tool is called, once, when a user's message has the keyword after a space and tools are offered;
    without tools the keyword gives a stray <tool_call>. Queries and keys are zero, so attention is the mean
    over the context; it carries a flag that the keyword raises and a call lowers again.
    """
    script = script or Script()
    reply = _words(script.reply)
    chain = [*script.thoughts, *reply, "<|im_end|>"]
    if len(set(chain)) != len(chain) or len(chain) > WORDS_END:
        raise ValueError(f"at most {WORDS_END} different words can be said: {chain}")
    vocabulary = Vocabulary([*(word for word in chain if word not in MARKUP), "\n\n", f" {script.keyword}"])
    wiring = Wiring(vocabulary)
    _wire_json(wiring)
    _wire_words(wiring, chain, reply[0], is_endless=script.is_endless)
    _wire_calls(wiring, script.keyword)
    writer = GGUFWriter(str(path), "qwen3")
    SMALL.write(writer, "scripted", script.context)
    vocabulary.write(writer, script.template)
    for name, size in SMALL.matrices(len(vocabulary.tokens)):
        writer.add_tensor(name, _matrix(name, size, wiring))
    writer.add_tensor("output.weight", wiring.output)
    writer.add_file_type(0)
    finish(writer)
    return path


MARKUP = frozenset({"<think>", "</think>", "<|im_end|>"})


def _wire_words(wiring: Wiring, chain: list[str], reply: str, *, is_endless: bool) -> None:
    states = [wiring.state(word) for word in chain[:-1]]
    for state, following in zip(states, chain[1:], strict=True):
        wiring.prefer(following, state, 3)
    wiring.prefer("<tool_call>", states[-1], 2)  # where a grammar allows no end yet
    wiring.prefer(chain[0], OTHER, 3)
    wiring.prefer(reply, wiring.state("\n\n", is_mark=True), 3)
    if is_endless:
        wiring.prefer(chain[0], states[-1], 4)
        wiring.prefer(chain[-1], states[-1], 0)


def _wire_json(wiring: Wiring) -> None:
    """Objects get short and strings empty."""
    for marks, preference in (("}", 1.0), (",:", 0.6), ('"', 0.5), ("123456789", 0.3)):
        wiring.prefer_anywhere(marks, preference)
    wiring.prefer('"', wiring.state('"', is_mark=True), 3)
    closed = wiring.state("}", is_mark=True)
    wiring.prefer("}", closed, 3)
    wiring.prefer("\n", closed, 2)


def _wire_calls(wiring: Wiring, keyword: str) -> None:
    wiring.prefer("</tool_call>", OTHER, 1.5)
    wiring.prefer("\n", wiring.state("<tool_call>", is_mark=True), 3)
    wiring.prefer("<|im_end|>", wiring.state("</tool_call>", is_mark=True), 3)
    wiring.raise_flag(f" {keyword}", 100)
    wiring.raise_flag("<tool_call>", -100)
    wiring.prefer("<tool_call>", FLAG, 600)  # also when one word in eight thousand raises it


def _matrix(name: str, size: tuple[int, int], wiring: Wiring) -> NDArray[np.float32]:
    matrix = np.zeros(size, np.float32)
    if name == "token_embd.weight":
        return wiring.embedding
    if name.endswith("attn_v.weight"):
        matrix[0, FLAG] = 1
    elif name.endswith("attn_output.weight"):
        matrix[FLAG, 0] = 1000
    return matrix


def random(path: Path, seed: int = 1) -> Path:
    """Write two megabytes of noise."""
    chance = np.random.default_rng(seed)
    shape = Shape(width=128, layers=4, feed_forward=384, heads=4, kv_heads=2, head_width=32)
    vocabulary = Vocabulary([" noise"], size=700)
    writer = GGUFWriter(str(path), "qwen3")
    shape.write(writer, "random", 4096)
    vocabulary.write(writer, CHAT_TEMPLATE)
    for name, size in shape.matrices(len(vocabulary.tokens)):
        deviation = 1.0 if name == "token_embd.weight" else 0.06
        writer.add_tensor(name, (chance.standard_normal(size) * deviation).astype(np.float16))
    output = chance.standard_normal((len(vocabulary.tokens), shape.width)) * 0.2
    writer.add_tensor("output.weight", output.astype(np.float16))
    writer.add_file_type(1)
    finish(writer)
    return path
