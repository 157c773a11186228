"""The assistant's voice in the format that the client asked for."""

from __future__ import annotations

from sottovoce.audio import g711
from sottovoce.audio.playout import PLAYOUT_RATE_HZ
from sottovoce.audio.resample import Resampler
from sottovoce.realtime.audio_config import G711Format, PcmFormat
from sottovoce.realtime.input_audio import LAWS


class OutputAudio:
    """One reply's sound: 24 kHz mono s16le in, `form` out."""

    def __init__(self, form: PcmFormat | G711Format) -> None:
        self._law = LAWS[form.type] if isinstance(form, G711Format) else None
        rate_hz = PLAYOUT_RATE_HZ if self._law is None else g711.RATE_HZ
        self._resampler = Resampler(PLAYOUT_RATE_HZ, rate_hz)

    def encode(self, samples: bytes) -> bytes:
        return self._compressed(self._resampler.push(samples))

    def flush(self) -> bytes:
        """What the resampler still holds, at the reply's end."""
        return self._compressed(self._resampler.flush())

    def _compressed(self, samples: bytes) -> bytes:
        return samples if self._law is None else g711.compress(samples, self._law)
