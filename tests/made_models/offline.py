"""An offline transducer, in the shape of NVIDIA's Parakeet TDT, that says a phrase for a segment with sound.

sherpa-onnx loads it as it loads the real one: the same files, inputs, outputs and metadata, in a few
kilobytes. It says one token for every `FRAMES_PER_TOKEN` encoder frames of 80 ms that hold sound.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from tests.made_models.nemo import LOUD, MEL_BANDS, SUBSAMPLING, nemo_decoder
from tests.made_models.onnx_graph import parse_graph

FRAMES_PER_TOKEN = 2
DURATIONS = 5
"""Frames, from 0 to 4, that a step may pass over; the network says which beside every token."""


def build(folder: Path, phrase: str) -> None:
    """Words of the phrase may be cut into tokens at "|" ("tim|er")."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = [
        ("▁" if index == 0 else "") + piece
        for word in phrase.split()
        for index, piece in enumerate(word.split("|"))
    ]
    graphs = {
        "encoder": _encoder(len(tokens)),
        "decoder": _decoder(len(tokens)),
        "joiner": _joiner(len(tokens)),
    }
    for name, graph in graphs.items():
        onnx.save(graph, str(folder / f"{name}.onnx"))
    lines = [f"{token} {number}\n" for number, token in enumerate([*tokens, "<blk>"])]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")


def _encoder(vocabulary: int) -> onnx.ModelProto:
    """One number for each frame of 80 ms: whether there is sound in it, by its loudest 10 ms."""
    return parse_graph(
        f"""offline_encoder (float[B, {MEL_BANDS}, T] audio_signal, int64[B] length) => (
            float[B, 1, T2] outputs, int64[B] encoded_lengths
        )""",
        f"""
        level = ReduceMean <axes = [1], keepdims = 1> (audio_signal)
        loudest = MaxPool <kernel_shape = [{SUBSAMPLING}], strides = [{SUBSAMPLING}], ceil_mode = 0> (level)
        threshold = Constant <value_float = {LOUD}> ()
        loud = Greater (loudest, threshold)
        outputs = Cast <to = 1> (loud)
        step = Constant <value_ints = [{SUBSAMPLING}]> ()
        encoded_lengths = Div (length, step)
        """,
        {
            "vocab_size": vocabulary,
            "normalize_type": "",
            "pred_rnn_layers": 1,
            "pred_hidden": 1,
            "subsampling_factor": SUBSAMPLING,
            "model_type": "EncDecRNNTBPEModel",
            "feat_dim": MEL_BANDS,
            "version": 1,
            "url": "tdt test model, not trained",  # by this word the engine knows that there are durations
        },
    )


def _decoder(blank: int) -> onnx.ModelProto:
    """After token i comes i + 1; blank, which begins a segment, is followed by 0, the last one by blank."""
    following = [*[float(number + 1) for number in range(blank)], 0.0]
    return nemo_decoder(following)


def _joiner(blank: int) -> onnx.ModelProto:
    """The token that is due where there is sound, else blank; then how many frames to pass over."""
    return parse_graph(
        f"""offline_joiner (float[B, 1, T] encoder_outputs, float[B, 1, U] decoder_outputs) => (
            float[B, T, U, {blank + 1 + DURATIONS}] outputs
        )""",
        f"""
        half = Constant <value_float = 0.5> ()
        loud = Greater (encoder_outputs, half)
        due = Cast <to = 7> (decoder_outputs)
        blank = Constant <value_int = {blank}> ()
        chosen = Where (loud, due, blank)
        is_blank = Equal (chosen, blank)
        one = Constant <value_int = 1> ()
        more = Constant <value_int = {FRAMES_PER_TOKEN}> ()
        frames = Where (is_blank, one, more)
        shape = Constant <value_ints = [-1, 1, 1]> ()
        flat = Reshape (chosen, shape)
        flat_frames = Reshape (frames, shape)
        tokens = Constant <value_int = {blank + 1}> ()
        durations = Constant <value_int = {DURATIONS}> ()
        scores = Constant <value_floats = [0.0, 10.0]> ()
        token_scores = OneHot <axis = -1> (flat, tokens, scores)
        duration_scores = OneHot <axis = -1> (flat_frames, durations, scores)
        outputs = Concat <axis = -1> (token_scores, duration_scores)
        """,
    )
