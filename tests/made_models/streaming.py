"""A streaming transducer that says given words while there is sound, in the shape of NVIDIA's Nemotron.

sherpa-onnx loads it as it loads the real one: the same files, inputs, outputs and metadata, in 5 kB. It says
a phrase token by token, one in `frames_per_token` encoder frames of 80 ms, holds its tongue in silence, and
begins anew with every utterance. With several phrases it is the multilingual model: the language of the
stream chooses among them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import onnx

from tests.made_models.nemo import FEATURE_MS, FRAME_MS, LOUD, MEL_BANDS, SUBSAMPLING, nemo_decoder
from tests.made_models.onnx_graph import parse_graph

OVERLAP = 9
"""Feature frames of the chunk before that the encoder sees again."""
PHRASE = "set a timer for ten minutes please thank you very much"
AUTO = 101
"""The number for a language to be found out."""
NUMBERS = {"auto": AUTO, "en-US": 0, "en-GB": 1, "de-DE": 3, "ja-JP": 5}

Phrases: TypeAlias = Mapping[str, str]


@dataclass(frozen=True)
class Script:
    """What is said: words, cut into tokens at "|" ("tim|er"). `phrases` by locale make a multilingual model,
    which says that of "auto" where it is not told a language."""

    phrase: str = PHRASE
    phrases: Phrases = field(default_factory=dict)
    chunk_ms: int = 160
    frames_per_token: int = 2

    def __post_init__(self) -> None:
        if self.chunk_ms <= 0 or self.chunk_ms % FRAME_MS:
            raise ValueError(f"a chunk is a multiple of {FRAME_MS} ms, not {self.chunk_ms}")

    @property
    def said(self) -> Phrases:
        return self.phrases or {"auto": self.phrase}

    @property
    def tokens(self) -> list[list[str]]:
        """Of each phrase."""
        return [tokens(phrase) for phrase in self.said.values()]

    @property
    def chunk_frames(self) -> int:
        return self.chunk_ms // FRAME_MS


def tokens(phrase: str) -> list[str]:
    """In SentencePiece's spelling, where a mark stands before each word's first token."""
    return [
        piece if number else f"▁{piece}"
        for word in phrase.split()
        for number, piece in enumerate(word.split("|"))
    ]


def build(folder: Path, script: Script | None = None) -> Path:
    """Write encoder.onnx, decoder.onnx, joiner.onnx and tokens.txt; the folder."""
    script = script or Script()
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in (
        ("encoder", _encoder(script)),
        ("decoder", _decoder(script)),
        ("joiner", _joiner(script)),
    ):
        onnx.save(model, str(folder / f"{name}.onnx"))
    write_tokens(folder, [token for phrase in script.tokens for token in phrase])
    return folder


def write_tokens(folder: Path, listed: list[str]) -> None:
    lines = [f"{token} {number}\n" for number, token in enumerate([*listed, "<blk>"])]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")


def metadata(
    chunk_ms: int, vocabulary: int, channel: tuple[int, int, int], time: tuple[int, int, int]
) -> dict[str, str | int]:
    """What sherpa-onnx reads from an encoder, and ends the process without. `channel` and `time` are the
    shapes of the caches, the batch left out."""
    caches = {
        f"cache_last_{name}_dim{number}": size
        for name, shape in (("channel", channel), ("time", time))
        for number, size in enumerate(shape, 1)
    }
    return {
        "vocab_size": vocabulary,
        "window_size": chunk_ms // FEATURE_MS + OVERLAP,
        "chunk_size_ms": chunk_ms,
        "chunk_shift": chunk_ms // FEATURE_MS,
        "normalize_type": "",
        **caches,
        "subsampling_factor": SUBSAMPLING,
        "feat_dim": MEL_BANDS,
        "model_type": "EncDecRNNTBPEModel",
        "version": 1,
        "comment": "made for tests, not trained",
    }


def _encoder(script: Script) -> onnx.ModelProto:
    """Per frame: is there sound, the parity of a clock that ticks with every token, the phrase's number.

    The clock is kept in `cache_last_channel_len`, the only state there is.
    """
    frames, is_multilingual = script.chunk_frames, bool(script.phrases)
    prompt = ", int64[B] prompt_index" if is_multilingual else ""
    vocabulary = sum(len(phrase) for phrase in script.tokens)
    facts = metadata(script.chunk_ms, vocabulary, (1, 1, 1), (1, 1, 1))
    facts |= {"pred_rnn_layers": 1, "pred_hidden": 1}
    if is_multilingual:
        facts |= {"prompt_dictionary": json.dumps(NUMBERS, sort_keys=True), "auto_prompt_id": AUTO}
    return parse_graph(
        f"""scripted_encoder (
            float[B, {MEL_BANDS}, T] audio_signal, int64[B] length,
            float[B, 1, 1, 1] cache_last_channel, float[B, 1, 1, 1] cache_last_time,
            int64[B] cache_last_channel_len{prompt}
        ) => (
            float[B, 3, T2] outputs, int64[B] encoded_lengths,
            float[B, 1, 1, 1] cache_last_channel_next, float[B, 1, 1, 1] cache_last_time_next,
            int64[B] cache_last_channel_next_len
        )""",
        f"""
        zero = Constant <value_ints = [0]> ()
        one = Constant <value_ints = [1]> ()
        two = Constant <value_ints = [2]> ()
        frames = Constant <value_ints = [{frames}]> ()

        level = ReduceMean <axes = [1], keepdims = 0> (audio_signal)
        used = Constant <value_ints = [{frames * SUBSAMPLING}]> ()
        new = Slice (level, zero, used, one)
        grid = Constant <value_ints = [0, {frames}, {SUBSAMPLING}]> ()
        by_frame = Reshape (new, grid)
        loudest = ReduceMax <axes = [2], keepdims = 0> (by_frame)
        threshold = Constant <value_float = {LOUD}> ()
        is_loud = Greater (loudest, threshold)
        sound = Cast <to = 1> (is_loud)

        offsets = Constant <value_ints = {list(range(frames))}> ()
        begun = Unsqueeze (cache_last_channel_len, one)
        frame = Add (begun, offsets)
        per_token = Constant <value_ints = [{script.frames_per_token}]> ()
        tick = Div (frame, per_token)
        odd = Mod (tick, two)
        parity = Cast <to = 1> (odd)

        {_phrase_number(script)}
        silence = Sub (sound, sound)
        number = Add (silence, chosen_column)

        sound_row = Unsqueeze (sound, one)
        parity_row = Unsqueeze (parity, one)
        number_row = Unsqueeze (number, one)
        outputs = Concat <axis = 1> (sound_row, parity_row, number_row)
        nothing = Mul (length, zero)
        encoded_lengths = Add (nothing, frames)
        cache_last_channel_next = Identity (cache_last_channel)
        cache_last_time_next = Identity (cache_last_time)
        cache_last_channel_next_len = Add (cache_last_channel_len, frames)
        """,
        facts,
    )


def _phrase_number(script: Script) -> str:
    """From the language's number to the phrase's, as a column (B, 1)."""
    if not script.phrases:
        return "chosen_column = Constant <value_floats = [0.0]> ()"
    listed = list(script.phrases)
    unsaid = listed.index("auto")
    table = [float(unsaid)] * (AUTO + 1)
    for language, number in NUMBERS.items():
        table[number] = float(listed.index(language) if language in listed else unsaid)
    return f"""
        table = Constant <value_floats = {table}> ()
        chosen = Gather (table, prompt_index)
        chosen_column = Unsqueeze (chosen, one)
    """


def _decoder(script: Script) -> onnx.ModelProto:
    """The place in its phrase of the token that follows the last one; that after blank, with which an
    utterance begins, is the first."""
    places = [float(place + 1) for phrase in script.tokens for place in range(len(phrase))] + [0.0]
    return nemo_decoder(places)


def _joiner(script: Script) -> onnx.ModelProto:
    """The token at that place, where there is sound and its parity is the clock's; else blank. Without the
    parity a single frame would bring the whole phrase."""
    lengths = [len(phrase) for phrase in script.tokens]
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    blank = sum(lengths)
    return parse_graph(
        f"""scripted_joiner (
            float[B, 3, T] encoder_outputs, float[B, 1, U] decoder_outputs
        ) => (float[B, T, U, {blank + 1}] outputs)""",
        f"""
        zero = Constant <value_ints = [0]> ()
        one = Constant <value_ints = [1]> ()
        two = Constant <value_ints = [2]> ()
        three = Constant <value_ints = [3]> ()
        sound = Slice (encoder_outputs, zero, one, one)
        parity = Slice (encoder_outputs, one, two, one)
        number = Slice (encoder_outputs, two, three, one)
        half = Constant <value_float = 0.5> ()
        is_loud = Greater (sound, half)
        place = Cast <to = 7> (decoder_outputs)
        place_parity = Mod (place, two)
        clock = Cast <to = 7> (parity)
        is_due = Equal (place_parity, clock)

        phrase = Cast <to = 7> (number)
        lengths = Constant <value_ints = {lengths}> ()
        starts = Constant <value_ints = {starts}> ()
        length = Gather (lengths, phrase)
        is_left = Less (place, length)
        start = Gather (starts, phrase)
        token = Add (start, place)

        is_said = And (is_loud, is_due)
        is_emitted = And (is_said, is_left)
        blank = Constant <value_int = {blank}> ()
        chosen = Where (is_emitted, token, blank)
        shape = Constant <value_ints = [-1, 1, 1]> ()
        flat = Reshape (chosen, shape)
        depth = Constant <value_int = {blank + 1}> ()
        scores = Constant <value_floats = [0.0, 10.0]> ()
        outputs = OneHot <axis = -1> (flat, depth, scores)
        """,
    )
