"""A Whisper that says a phrase for every segment with sound in it, and nothing for silence.

It has the inputs, outputs and metadata of sherpa-onnx's export and weighs a few kilobytes.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

from tests.made_models.onnx_graph import Metadata, parse_graph

LOUD = 0.0
"""Scaled log energy from which a frame counts as sound: white noise of about -55 dBFS."""
LAYERS, WIDTH, CONTEXT, MELS = 2, 16, 448, 80
TIMESTAMPS = 1501
"""Whisper's vocabularies end in a token for every 20 ms of 30 s."""


def build(
    folder: Path,
    phrases: Mapping[str, str],
    *,
    translation: str = "",
    name: str = "scripted",
    is_multilingual: bool = True,
) -> None:
    """Write encoder, decoder and tokens, named as in sherpa-onnx's archives.

    `phrases` by language code; the first language is the one it takes all sound to be in unless told. Asked
    to translate it says `translation`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    script = _Script(phrases, translation, is_multilingual)
    facts = metadata(MELS, LAYERS, WIDTH, CONTEXT, script.special, list(phrases), is_multilingual)
    onnx.save(_encoder(facts), str(folder / f"{name}-encoder.onnx"))
    onnx.save(_decoder(script), str(folder / f"{name}-decoder.onnx"))
    write_tokens(folder / f"{name}-tokens.txt", script.texts)


class _Script:
    """Numbers the words of all phrases, one after another; `following` is what comes after each token.

    The language is told from the token before the task, so a decoder step sees it only in the first call:
    words of different languages are different tokens, and every word leads to the next of its phrase.
    """

    def __init__(self, phrases: Mapping[str, str], translation: str, is_multilingual: bool) -> None:
        self.texts: list[str] = []
        spoken = {**phrases, "": translation}
        first = {key: self._number(phrase.split()) for key, phrase in spoken.items()}
        ends = [*list(first.values())[1:], len(self.texts)]
        names = ["eot", "sot", *phrases, "translate", "transcribe", "sot_lm", "sot_prev", "no_speech"]
        self.special = {name: len(self.texts) + index for index, name in enumerate([*names, "no_timestamps"])}
        self.special["vocabulary"] = len(self.texts) + len(names) + 1 + TIMESTAMPS
        eot = self.special["eot"]
        self.following = [number + 1 for number in range(len(self.texts))]
        for end in ends:
            if end:
                self.following[end - 1] = eot
        self.languages = [self.special[code] for code in phrases]
        self.first = {self.special[code]: first[code] for code in phrases}
        if not is_multilingual:
            self.first = {self.special["sot"]: 0}
        self.first_translated = first[""] if translation else eot

    def _number(self, words: Sequence[str]) -> int:
        first = len(self.texts)
        self.texts += [f" {word}" for word in words]
        return first

    def opening(self) -> list[int]:
        """By language token: the first word."""
        eot = self.special["eot"]
        return [self.first.get(token, eot) for token in range(self.special["vocabulary"])]

    def table(self) -> list[int]:
        """By token: the next one. After sot comes the language; words lead on; all else ends."""
        eot = self.special["eot"]
        table = [*self.following, *[eot] * (self.special["vocabulary"] - len(self.following))]
        table[self.special["sot"]] = self.languages[0]
        return table


def metadata(
    mels: int,
    layers: int,
    width: int,
    context: int,
    special: Mapping[str, int],
    languages: Sequence[str],
    is_multilingual: bool = True,
) -> Metadata:
    """What sherpa-onnx reads from the encoder; without one of these it ends the process."""
    start = [special["sot"]]
    if is_multilingual:
        start += [special[languages[0]], special["transcribe"]]
    return {
        "model_type": "whisper-test",
        "version": 1,
        "maintainer": "test model, not trained",
        "n_mels": mels,
        "n_audio_ctx": 1500,
        "n_audio_state": width,
        "n_audio_head": 2,
        "n_audio_layer": layers,
        "n_vocab": special["vocabulary"],
        "n_text_ctx": context,
        "n_text_state": width,
        "n_text_head": 2,
        "n_text_layer": layers,
        "sot_sequence": ",".join(map(str, start)),
        "all_language_tokens": ",".join(str(special[code]) for code in languages),
        "all_language_codes": ",".join(languages),
        "sot_index": 0,
        "blank_id": 0,
        "is_multilingual": int(is_multilingual),
        "non_speech_tokens": "0",
        **{
            name: special[name]
            for name in ("sot", "eot", "no_speech", "transcribe", "translate", "sot_prev", "sot_lm")
        },
        "no_timestamps": special["no_timestamps"],
    }


def write_tokens(path: Path, texts: Sequence[str]) -> None:
    encoded = [base64.b64encode(text.encode()).decode() for text in texts]
    path.write_text("".join(f"{token} {number}\n" for number, token in enumerate(encoded)), "utf-8")


def _encoder(facts: Metadata) -> onnx.ModelProto:
    """Hands on one flag, "there is sound", in the shape of keys and values."""
    return parse_graph(
        f"""scripted_whisper_encoder (float[N, {MELS}, T] mel) => (
            float[{LAYERS}, N, T2, {WIDTH}] n_layer_cross_k, float[{LAYERS}, N, T2, {WIDTH}] n_layer_cross_v
        )""",
        f"""
        peak = ReduceMax <axes = [1, 2], keepdims = 1> (mel)
        threshold = Constant <value_float = {LOUD}> ()
        loud = Greater (peak, threshold)
        sound = Cast <to = 1> (loud)
        first = Constant <value_ints = [0]> ()
        last = Constant <value_ints = [{2**31}]> ()
        two = Constant <value_ints = [2]> ()
        half = Slice (mel, first, last, two, two)
        band = ReduceMax <axes = [1], keepdims = 1> (half)
        nothing = Sub (band, band)
        row = Add (nothing, sound)
        column = Transpose <perm = [0, 2, 1]> (row)
        layer = Unsqueeze (column, first)
        shape = Constant <value_ints = [{LAYERS}, 1, 1, {WIDTH}]> ()
        n_layer_cross_k = Expand (layer, shape)
        n_layer_cross_v = Identity (n_layer_cross_k)
        """,
        facts,
    )


def _decoder(script: _Script) -> onnx.ModelProto:
    """Looks up what follows the last token; after the opening ones that is the phrase of their language."""
    cache = f"float[{LAYERS}, N, {CONTEXT}, {WIDTH}]"
    cross = f"float[{LAYERS}, N, T2, {WIDTH}]"
    vocabulary = script.special["vocabulary"]
    return parse_graph(
        f"""scripted_whisper_decoder (
            int64[N, M] tokens, {cache} in_n_layer_self_k_cache, {cache} in_n_layer_self_v_cache,
            {cross} n_layer_cross_k, {cross} n_layer_cross_v, int64[1] offset
        ) => (
            float[N, M, {vocabulary}] logits,
            {cache} out_n_layer_self_k_cache, {cache} out_n_layer_self_v_cache
        )""",
        f"""
        table = Constant <value_ints = {script.table()}> ()
        next = Gather (table, tokens)

        # the whole opening comes in one call: sot, and language and task where there are several
        opening = Constant <value_ints = {script.opening()}> ()
        openings = Gather (opening, tokens)
        spoken = ReduceMin <axes = [1], keepdims = 1> (openings)
        translate = Constant <value_int = {script.special["translate"]}> ()
        is_task = Equal (tokens, translate)
        task_int = Cast <to = 7> (is_task)
        task = ReduceMax <axes = [1], keepdims = 1> (task_int)
        should_translate = Cast <to = 9> (task)
        translated = Constant <value_int = {script.first_translated}> ()
        said = Where (should_translate, translated, spoken)

        # where times are asked for, one comes first; the first word waits for it in the cache
        eot = Constant <value_int = {script.special["eot"]}> ()
        is_opening = Less (said, eot)
        none = Constant <value_int = 0> ()
        kept = Where (is_opening, said, none)
        kept_float = Cast <to = 1> (kept)
        cached = ReduceMax <keepdims = 0> (in_n_layer_self_k_cache)
        waiting = Cast <to = 7> (cached)
        last_no_time = Constant <value_int = {script.special["no_timestamps"]}> ()
        is_time = Greater (tokens, last_no_time)
        begins = Equal (tokens, last_no_time)
        timed = Where (is_time, waiting, next)
        following = Where (begins, said, timed)

        # words only where there is sound; the language is found in silence, too
        flag = ReduceMax <keepdims = 0> (n_layer_cross_k)
        half = Constant <value_float = 0.5> ()
        sound = Greater (flag, half)
        words = Constant <value_int = {len(script.texts)}> ()
        is_word = Less (following, words)
        silent = Not (sound)
        unsaid = And (is_word, silent)
        end = Constant <value_int = {script.special["eot"]}> ()
        chosen = Where (unsaid, end, following)
        depth = Constant <value_int = {vocabulary}> ()
        scores = Constant <value_floats = [0.0, 20.0]> ()
        logits = OneHot <axis = -1> (chosen, depth, scores)
        out_n_layer_self_k_cache = Add (in_n_layer_self_k_cache, kept_float)
        out_n_layer_self_v_cache = Identity (in_n_layer_self_v_cache)
        """,
    )
