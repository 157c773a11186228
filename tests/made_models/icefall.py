"""A streaming transducer of icefall's kind, as zipformers are, that says given words while there is sound.

It differs from NeMo's in all that an engine sees: 80 mel bands, blank as the first token, a predictor without
memory, a joiner that is asked frame by frame. This one is an LSTM by name, whose encoder has the simplest
inputs of the family.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from tests.made_models.onnx_graph import parse_graph
from tests.made_models.streaming import tokens

MEL_BANDS = 80
CHUNK, SUBSAMPLING, OVERLAP = 32, 4, 7
"""Feature frames of 10 ms: new ones in a chunk, in a frame of the encoder, and seen again."""
FRAMES = CHUNK // SUBSAMPLING
LOUD = -6.0
"""Mean of the logarithms of the mel energies above which 10 ms are sound."""
FRAMES_PER_TOKEN = 4
CONTEXT = 2
"""Tokens that the predictor looks at; it needs the last."""


def build(folder: Path, phrase: str) -> Path:
    """The folder with its files, named as icefall names them."""
    folder.mkdir(parents=True, exist_ok=True)
    said = tokens(phrase)
    graphs = {"encoder": _encoder(), "decoder": _decoder(len(said)), "joiner": _joiner(len(said))}
    for name, graph in graphs.items():
        onnx.save(graph, str(folder / f"{name}-epoch-99-avg-1.onnx"))
    lines = [f"{token} {number}\n" for number, token in enumerate(["<blk>", *said])]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    return folder


def _encoder() -> onnx.ModelProto:
    """Per frame: is there sound, and the parity of a clock, kept in `h`, that ticks with every token."""
    return parse_graph(
        f"""scripted_encoder (float[N, T, {MEL_BANDS}] x, float[1, N, 1] h, float[1, N, 1] c) => (
            float[N, T2, 2] encoder_out, float[1, N, 1] next_h, float[1, N, 1] next_c
        )""",
        f"""
        zero = Constant <value_ints = [0]> ()
        one = Constant <value_ints = [1]> ()
        two = Constant <value_ints = [2]> ()
        level = ReduceMean <axes = [2], keepdims = 0> (x)
        used = Constant <value_ints = [{CHUNK}]> ()
        new = Slice (level, zero, used, one)
        grid = Constant <value_ints = [0, {FRAMES}, {SUBSAMPLING}]> ()
        by_frame = Reshape (new, grid)
        loudest = ReduceMax <axes = [2], keepdims = 0> (by_frame)
        threshold = Constant <value_float = {LOUD}> ()
        is_loud = Greater (loudest, threshold)
        sound = Cast <to = 1> (is_loud)

        begun = Squeeze (h, zero)
        whole = Cast <to = 7> (begun)
        offsets = Constant <value_ints = {list(range(FRAMES))}> ()
        frame = Add (whole, offsets)
        per_token = Constant <value_ints = [{FRAMES_PER_TOKEN}]> ()
        tick = Div (frame, per_token)
        odd = Mod (tick, two)
        parity = Cast <to = 1> (odd)

        sound_column = Unsqueeze (sound, two)
        parity_column = Unsqueeze (parity, two)
        encoder_out = Concat <axis = 2> (sound_column, parity_column)
        frames = Constant <value_float = {float(FRAMES)}> ()
        next_h = Add (h, frames)
        next_c = Identity (c)
        """,
        {
            **{"model_type": "lstm", "version": 1, "model_author": "tests"},
            **{"num_encoder_layers": 1, "T": CHUNK + OVERLAP, "decode_chunk_len": CHUNK},
            **{"rnn_hidden_size": 1, "d_model": 1},
        },
    )


def _decoder(count: int) -> onnx.ModelProto:
    """The place of the token that follows the last one; after blank, the first."""
    places = [float(place) for place in range(count + 1)]
    return parse_graph(
        f"scripted_predictor (int64[N, {CONTEXT}] y) => (float[N, 1] decoder_out)",
        f"""
        one = Constant <value_ints = [1]> ()
        two = Constant <value_ints = [2]> ()
        zero = Constant <value_ints = [0]> ()
        last = Slice (y, one, two, one)
        known = Max (last, zero)
        places = Constant <value_floats = {places}> ()
        decoder_out = Gather (places, known)
        """,
        {"context_size": CONTEXT, "vocab_size": count + 1},
    )


def _joiner(count: int) -> onnx.ModelProto:
    return parse_graph(
        f"""scripted_joiner (float[N, 2] encoder_out, float[N, 1] decoder_out) => (
            float[N, {count + 1}] logit
        )""",
        f"""
        zero = Constant <value_ints = [0]> ()
        one = Constant <value_ints = [1]> ()
        two = Constant <value_ints = [2]> ()
        sound = Slice (encoder_out, zero, one, one)
        parity = Slice (encoder_out, one, two, one)
        half = Constant <value_float = 0.5> ()
        is_loud = Greater (sound, half)
        place = Cast <to = 7> (decoder_out)
        place_parity = Mod (place, two)
        clock = Cast <to = 7> (parity)
        is_due = Equal (place_parity, clock)
        count = Constant <value_ints = [{count}]> ()
        is_left = Less (place, count)
        is_said = And (is_loud, is_due)
        is_emitted = And (is_said, is_left)
        token = Add (place, one)
        chosen = Where (is_emitted, token, zero)
        shape = Constant <value_ints = [-1]> ()
        flat = Reshape (chosen, shape)
        depth = Constant <value_int = {count + 1}> ()
        scores = Constant <value_floats = [0.0, 10.0]> ()
        logit = OneHot <axis = -1> (flat, depth, scores)
        """,
        {"joiner_dim": 2},
    )
