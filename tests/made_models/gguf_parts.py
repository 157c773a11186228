"""What every GGUF file of the tests has: a byte-pair vocabulary, a chat template, the header of its shape."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from gguf import GGUFWriter, TokenType

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MARKS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>")

# llama.cpp learns how a model calls tools by rendering its template with made-up calls, and reads calls in
# that form alone: the line breaks around <tool_call> are Qwen3's.
_TOOLS = r"""
{{- '# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with
 function signatures within <tools></tools> XML tags:\n<tools>' -}}
{%- for tool in tools -%}{{- '\n' + (tool | tojson) -}}{%- endfor -%}
{{- '\n</tools>\n\nFor each function call, return a json object in XML tags.<|im_end|>\n' -}}
""".replace("\n function", " function")
_CALLS = r"""
{%- for call in message.tool_calls or [] -%}
{{- '' if loop.first and not message.content else '\n' -}}
{{- '<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' -}}
{%- if call.function.arguments is string -%}{{- call.function.arguments -}}
{%- else -%}{{- call.function.arguments | tojson -}}{%- endif -%}
{{- '}\n</tool_call>' -}}
{%- endfor -%}
"""
_TEMPLATE = (
    r"""
{%- set system = messages[0].content if messages[0].role == 'system' else '' -%}
{%- if tools -%}
{{- '<|im_start|>system\n' + (system + '\n\n' if system else '') -}}"""
    + _TOOLS
    + r"""
{%- elif system -%}{{- '<|im_start|>system\n' + system + '<|im_end|>\n' -}}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'user' or (message.role == 'system' and not loop.first) -%}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' -}}
{%- elif message.role == 'assistant' -%}
{{- '<|im_start|>assistant\n' -}}
{%- if message.reasoning_content -%}{{- THOUGHT -}}{%- endif -%}
{{- message.content or '' -}}"""
    + _CALLS
    + r"""
{{- '<|im_end|>\n' -}}
{%- elif message.role == 'tool' -%}
{{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}
"""
)
_NO_THOUGHTS = r"""
{%- if add_generation_prompt and enable_thinking is defined and enable_thinking is false -%}
{{- '<think>\n\n</think>\n\n' -}}{%- endif -%}
"""
CHAT_TEMPLATE = _TEMPLATE.replace("THOUGHT", "''")
THINKING_TEMPLATE = (
    _TEMPLATE.replace("THOUGHT", r"'<think>' + message.reasoning_content + '</think>'") + _NO_THOUGHTS
)
"""Of a model that thinks unless it is told not to."""

STRICT_TEMPLATE = (
    r"""
{%- for message in messages -%}
{%- if message.role == 'system' -%}{{- raise_exception('System role not supported') -}}{%- endif -%}
{%- if loop.previtem and loop.previtem.role == message.role -%}
{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') -}}{%- endif -%}
{%- endfor -%}
"""
    + CHAT_TEMPLATE
)
"""Of a model that takes turns and nothing else."""

Pair = tuple[str, str]


def _byte_symbols() -> list[str]:
    """GPT-2's printable stand-in for each byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = itertools.count(256)
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


BYTE_SYMBOLS = _byte_symbols()


def symbols(text: str) -> str:
    return "".join(BYTE_SYMBOLS[byte] for byte in text.encode())


@dataclass
class Vocabulary:
    """The bytes, the given `words` as one token each, made-up words up to `size` tokens, the special ones."""

    words: Sequence[str] = ()
    size: int = 0
    tokens: list[str] = field(init=False)
    merges: list[Pair] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        tokens = dict.fromkeys(BYTE_SYMBOLS)
        for word in map(symbols, self.words):
            for end in range(1, len(word)):
                pair = (word[:end], word[end])
                if pair not in self.merges:
                    self.merges.append(pair)
                tokens["".join(pair)] = None
        ordinary = self.size - len(CONTROL) - len(MARKS)
        for word in itertools.takewhile(lambda _: len(tokens) < ordinary, _made_up()):
            tokens[symbols(word)] = None
        self.tokens = [*tokens, *CONTROL, *MARKS]
        self.ids = {token: index for index, token in enumerate(self.tokens)}

    def id(self, text: str) -> int:
        return self.ids[text if text in CONTROL or text in MARKS else symbols(text)]

    def write(self, writer: GGUFWriter, template: str) -> None:
        ordinary = len(self.tokens) - len(CONTROL) - len(MARKS)
        kinds = [TokenType.NORMAL] * ordinary + [TokenType.CONTROL] * len(CONTROL)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("qwen2")
        writer.add_token_list(self.tokens)
        writer.add_token_types([*kinds, *([TokenType.USER_DEFINED] * len(MARKS))])
        writer.add_token_merges([" ".join(pair) for pair in self.merges])
        writer.add_eos_token_id(self.id("<|im_end|>"))
        writer.add_pad_token_id(self.id("<|endoftext|>"))
        writer.add_bos_token_id(self.id("<|endoftext|>"))
        writer.add_add_bos_token(False)
        writer.add_chat_template(template)


def _made_up() -> Iterator[str]:
    """Words that nobody speaks, so that noise is at least letters."""
    consonants, vowels = "bcdfghjklmnprstvwz", "aeiou"
    parts = [" ", ""], consonants, vowels, consonants, ["", *vowels], ["", *consonants], ["", *vowels]
    return map("".join, itertools.product(*parts))


@dataclass(frozen=True)
class Shape:
    """The sizes of a Qwen3 model."""

    width: int
    layers: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_width: int

    def write(self, writer: GGUFWriter, name: str, context: int) -> None:
        """The header, and the weights of all norms, which are one."""
        writer.add_name(name)
        writer.add_context_length(context)
        writer.add_embedding_length(self.width)
        writer.add_block_count(self.layers)
        writer.add_feed_forward_length(self.feed_forward)
        writer.add_head_count(self.heads)
        writer.add_head_count_kv(self.kv_heads)
        writer.add_key_length(self.head_width)
        writer.add_value_length(self.head_width)
        writer.add_rope_freq_base(1e6)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_tensor("output_norm.weight", np.ones(self.width, np.float32))
        for layer in range(self.layers):
            for norm in ("attn_norm", "ffn_norm"):
                writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(self.width, np.float32))
            for norm in ("attn_q_norm", "attn_k_norm"):
                writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(self.head_width, np.float32))

    def matrices(self, vocabulary: int) -> Iterator[tuple[str, tuple[int, int]]]:
        """Names, with rows and columns; without an output matrix the embedding serves as one."""
        queries, keys = self.heads * self.head_width, self.kv_heads * self.head_width
        yield "token_embd.weight", (vocabulary, self.width)
        for layer in range(self.layers):
            yield f"blk.{layer}.attn_q.weight", (queries, self.width)
            yield f"blk.{layer}.attn_k.weight", (keys, self.width)
            yield f"blk.{layer}.attn_v.weight", (keys, self.width)
            yield f"blk.{layer}.attn_output.weight", (self.width, queries)
            yield f"blk.{layer}.ffn_gate.weight", (self.feed_forward, self.width)
            yield f"blk.{layer}.ffn_up.weight", (self.feed_forward, self.width)
            yield f"blk.{layer}.ffn_down.weight", (self.width, self.feed_forward)


def finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
