"""A Kokoro-shaped voice whose speech can be read: every phoneme is a tone that tells phoneme and speaker.

sherpa-onnx loads it as it loads Kokoro, and callbacks, speakers, speed and limits are the real ones. The
sound is deterministic, `read_tones` turns it back into phonemes, so a test can say which text reached the
listener, in whose voice, how fast, and where it was cut off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from tests.made_models.onnx_graph import Metadata, parse_graph

RATE_HZ = 24_000
TONE = 0.06
"""Seconds of a phoneme at speed 1."""
TONE_SAMPLES = round(TONE * RATE_HZ)
LOWEST_HZ, STEP_HZ, SPEAKER_HZ = 200.0, 8.0, 1800.0
"""Pitch of the first symbol, from symbol to symbol, and from speaker to speaker."""

STYLE_ROWS, STYLE_WIDTH = 510, 256
SPEAKERS = ("af_heart", "af_alloy", "am_onyx", "bf_emma", "ef_dora")
"""More would not fit below half the sample rate."""

QUIET = 100
"""Samples below this are silence."""

PAD = "$"
"""sherpa-onnx puts one before and after every clause."""
_MARKS = ';:,.!?—…"()“” '
_LETTERS = "AIOQSTWYabcdefhijklmnopqrstuvwxyz"
_IPA = "ɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵊᵻ\u0303ʣʦʨʥ"
SYMBOLS = PAD + _MARKS + _LETTERS + _IPA

LEXICON_US = {
    "a": "A",
    "and": "ænd",
    "dog": "dˈɔɡ",
    "dollar": "dˈɑləɹ",
    "hello": "həlˈO",
    "is": "ɪz",
    "it": "ɪt",
    "one": "wˈʌn",
    "the": "ði",
    "there": "ðˈɛɹ",
    "this": "ðˈɪs",
    "three": "θɹˈi",
    "to": "tu",
    "twenty": "twˈɛnti",
    "two": "tˈu",
    "voice": "vˈYs",
    "walk": "wˈɔk",
    "was": "wˈʌz",
    "world": "wˈɜɹld",
}
LEXICON_GB = {"hello": "həlˈQ", "there": "ðˈɛː", "two": "tˈuː"}
LEXICON_ZH = {"你好": "ni↓xau↓", "你": "ni↓", "世界": "ʂɨ↘ʨjɛ↘", "三": "san→"}

_TONES = f"""
    first = Constant <value_ints = [0]> ()
    last = Constant <value_ints = [1]> ()
    zero = Constant <value_int = 0> ()
    one = Constant <value_int = 1> ()

    ids_int = Squeeze (tokens, first)
    ids = Cast <to = 1> (ids_int)
    step = Constant <value_float = {STEP_HZ}> ()
    lowest = Constant <value_float = {LOWEST_HZ}> ()
    apart = Constant <value_float = {SPEAKER_HZ}> ()
    speaker = ReduceMean <keepdims = 0> (style)
    by_symbol = Mul (ids, step)
    by_speaker = Mul (speaker, apart)
    raised = Add (by_symbol, lowest)
    hertz = Add (raised, by_speaker)

    plain = Constant <value_float = {float(TONE_SAMPLES)}> ()
    length_real = Div (plain, speed)
    length_one = Cast <to = 7> (length_real)
    length = Squeeze (length_one, first)
    index_int = Range (zero, length, one)
    index = Cast <to = 1> (index_int)
    rate = Constant <value_float = {float(RATE_HZ)}> ()
    seconds = Div (index, rate)

    turn = Constant <value_float = {2 * np.pi:.7f}> ()
    radians = Mul (seconds, turn)
    column = Unsqueeze (hertz, last)
    row = Unsqueeze (radians, first)
    phase = Mul (column, row)
    wave = Sin (phase)
    loudness = Constant <value_float = 0.2> ()
    quiet = Mul (wave, loudness)
    flat = Constant <value_ints = [-1]> ()
    audio = Reshape (quiet, flat)
"""


def make_tone_voice(
    folder: Path,
    speakers: Sequence[str] = SPEAKERS,
    *,
    version: int = 2,
    has_lexicons: bool = True,
    without: Sequence[str] = (),
) -> Path:
    """Write the files of Kokoro's archive into `folder`; `without` leaves metadata out."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {name: value for name, value in metadata(speakers, version).items() if name not in without}
    signature = "tone_voice (int64[1, N] tokens, float[1, S] style, float[1] speed) => (float[T] audio)"
    onnx.save(parse_graph(signature, _TONES, facts), str(folder / "model.onnx"))
    styles = np.empty((len(speakers), STYLE_ROWS, 1, STYLE_WIDTH), np.float32)
    styles[:] = np.arange(len(speakers), dtype=np.float32)[:, None, None, None]
    styles.tofile(folder / "voices.bin")
    write_tokens(folder)
    if has_lexicons:
        for name, lexicon in (("us-en", LEXICON_US), ("gb-en", LEXICON_GB), ("zh", LEXICON_ZH)):
            lines = [f"{word} {' '.join(phonemes)}\n" for word, phonemes in lexicon.items()]
            (folder / f"lexicon-{name}.txt").write_text("".join(lines), encoding="utf-8")
    return folder


def metadata(speakers: Sequence[str] = SPEAKERS, version: int = 2) -> Metadata:
    """What Kokoro's converter writes into the model."""
    return {
        "model_type": "kokoro",
        "language": "multi-lang",
        "has_espeak": 1,
        "sample_rate": RATE_HZ,
        "version": version,
        "voice": "en-us",
        "style_dim": f"{STYLE_ROWS},1,{STYLE_WIDTH}",
        "n_speakers": len(speakers),
        "speaker_names": ",".join(speakers),
    }


def write_tokens(folder: Path) -> None:
    lines = [f"{symbol} {index}\n" for index, symbol in enumerate(SYMBOLS)]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")


def read_tones(samples: npt.NDArray[np.int16] | bytes, speed: float = 1.0) -> tuple[str, set[int]]:
    """The phonemes heard, and whose: the numbers of the speakers. Sound that stops within a tone ends there.

    Each clause begins with a pad, which is where one clause is told from the next: a "|" stands between them.
    """
    heard = np.frombuffer(samples, "<i2") if isinstance(samples, bytes) else samples
    length = int(np.float32(TONE_SAMPLES) / np.float32(speed))
    tones = [_tone(heard[begin : begin + length]) for begin in range(0, len(heard) - length + 1, length)]
    symbols = "".join(symbol for symbol, _ in tones)
    clauses = re.sub(re.escape(PAD) + "+", "|", symbols).strip("|")
    return clauses, {speaker for symbol, speaker in tones if symbol}


def _tone(samples: npt.NDArray[np.int16]) -> tuple[str, int]:
    """No symbol for silence."""
    if np.abs(samples).max() < QUIET:
        return "", 0
    bins = 1 << 16
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), bins))
    above = float(spectrum.argmax()) * RATE_HZ / bins - LOWEST_HZ
    speaker = int((above + STEP_HZ / 2) // SPEAKER_HZ)
    return SYMBOLS[round((above - speaker * SPEAKER_HZ) / STEP_HZ)], speaker
