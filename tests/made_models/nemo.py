"""What the made transducers have in common that are shaped like NVIDIA's NeMo models."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from tests.made_models.onnx_graph import parse_graph

MEL_BANDS = 128
FRAME_MS, FEATURE_MS = 80, 10
SUBSAMPLING = FRAME_MS // FEATURE_MS
LOUD = -9.0
"""Mean of the logarithms of the mel energies above which 10 ms are sound: white noise of about -40 dBFS."""


def nemo_decoder(following: Sequence[float]) -> onnx.ModelProto:
    """A prediction network that tells by the last token what follows: `following` has a number for each."""
    return parse_graph(
        """scripted_prediction (
            int32[B, U] targets, int32[B] target_length, float[1, B, 1] h, float[1, B, 1] c
        ) => (
            float[B, 1, U] outputs, int32[B] prednet_lengths, float[1, B, 1] h_next, float[1, B, 1] c_next
        )""",
        f"""
        table = Constant <value_floats = {list(following)}> ()
        following = Gather (table, targets)
        one = Constant <value_ints = [1]> ()
        outputs = Unsqueeze (following, one)
        prednet_lengths = Identity (target_length)
        h_next = Identity (h)
        c_next = Identity (c)
        """,
    )
