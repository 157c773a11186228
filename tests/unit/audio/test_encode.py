import io
import wave

import av

from sottovoce.audio.encode import ENCODINGS, UNKNOWN_SIZE, wav_header

SAMPLES = bytes(range(256)) * 20


def test_a_wav_of_known_length_is_read_by_the_standard_library() -> None:
    with wave.open(io.BytesIO(wav_header(24_000, len(SAMPLES)) + SAMPLES)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        assert file.readframes(file.getnframes()) == SAMPLES


def test_a_streamed_wav_is_decoded_to_its_end() -> None:
    header = ENCODINGS["wav"].header(24_000)
    assert len(header) == 44
    assert header[4:8] == header[40:44] == UNKNOWN_SIZE.to_bytes(4, "little")
    with av.open(io.BytesIO(header + SAMPLES)) as container:
        decoded = b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in container.decode(audio=0))
        assert container.streams.audio[0].sample_rate == 24_000
    assert decoded == SAMPLES


def test_pcm_has_no_header() -> None:
    assert ENCODINGS["pcm"].header(24_000) == b""
    assert ENCODINGS["pcm"].media_type == "audio/pcm"
    assert ENCODINGS["wav"].media_type == "audio/wav"
