"""The espeak-ng library through ctypes, as the `espeakng-loader` wheel brings it.

espeak-ng keeps voice, rate and callback in globals and corrupts its memory when two threads call it. One lock
guards it, and every call sets what it depends on inside that lock.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from typing import Any

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: espeak_Synth returns when all audio was delivered
_DONT_EXIT = 0x8000  # report missing data instead of calling exit()
_UTF8 = 1
_RATE, _PITCH = 1, 3
_STOP = 1
_IPA, _TIED = 0x02, 0x80

TIE = "^"
"""Stands between the parts of one sound in `EspeakLibrary.phonemes`, such as a diphthong."""

Receive = Callable[[bytes], bool]
"""Gets s16le mono samples and returns whether to go on. It runs with the library locked: store and return."""


class _VoiceEntry(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # pairs of a priority byte and a string
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class LibraryError(Exception):
    """espeak-ng is missing, has no data, or refused a call."""


class EspeakLibrary:
    """espeak-ng itself; its state is global, so one object per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._receive: Receive | None = None
        self._error: BaseException | None = None
        self._callback = _Callback(self._on_audio)  # must live as long as the library uses it
        self._library, data = _load()
        self.sample_rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DONT_EXIT))
        if self.sample_rate <= 0:
            raise LibraryError(f"espeak-ng cannot use its data in {data}")
        self._library.espeak_SetSynthCallback(self._callback)

    def languages(self) -> dict[str, tuple[str, str]]:
        """Language tag to (voice file, name); where two files speak one language, the first."""
        found: dict[str, tuple[str, str]] = {}
        for language, identifier, name in self._entries(None):
            found.setdefault(language.lower(), (identifier, name))
        return found

    def variants(self) -> frozenset[str]:
        kind = ctypes.create_string_buffer(b"variant")
        wanted = _VoiceEntry(languages=ctypes.cast(kind, ctypes.c_void_p))
        return frozenset(
            identifier.removeprefix("!v/") for _, identifier, _ in self._entries(ctypes.byref(wanted))
        )

    def speak(self, text: str, voice: str, words_per_minute: int, pitch: int, receive: Receive) -> bool:
        """Speak `text` in pieces of about 60 ms; False when `receive` ended it.

        `voice` must come from `languages` and `variants`. What `receive` raises ends the speech and comes
        out of here.
        """
        encoded = _encoded(text)
        with self._lock:
            self._set(voice, words_per_minute, pitch)
            self._receive, self._error = receive, None
            try:
                code = self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _UTF8, None, None)
                is_whole = self._receive is not None
            finally:
                self._receive = None
            if self._error is not None:
                raise self._error
        if code != 0 and is_whole:
            raise LibraryError(f"espeak-ng failed with code {code}")
        return is_whole

    def phonemes(self, text: str, voice: str) -> str:
        """The IPA of `text` with TIE inside diphthongs and affricates; punctuation is lost."""
        buffer = ctypes.create_string_buffer(_encoded(text))
        cursor, found = ctypes.c_void_p(ctypes.addressof(buffer)), []
        with self._lock:
            self._choose(voice)
            while cursor.value:  # a clause at a time
                spoken = self._library.espeak_TextToPhonemes(
                    ctypes.byref(cursor), _UTF8, _IPA | _TIED | ord(TIE) << 8
                )
                found.append((spoken or b"").decode("utf-8", "ignore").strip())
        return " ".join(filter(None, found))

    def _choose(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise LibraryError(f"espeak-ng has no voice {voice!r}")

    def _set(self, voice: str, words_per_minute: int, pitch: int) -> None:
        self._choose(voice)
        self._library.espeak_SetParameter(_RATE, words_per_minute, 0)
        self._library.espeak_SetParameter(_PITCH, pitch, 0)

    def _on_audio(self, samples: int | None, count: int, _events: int | None) -> int:
        if self._receive is None:  # it is called once more after a stop
            return _STOP
        if not samples or count <= 0:
            return 0
        try:
            is_wanted = self._receive(ctypes.string_at(samples, 2 * count))
        except BaseException as error:  # noqa: BLE001  must not cross the C frames; `speak` raises it
            self._error, is_wanted = error, False
        if is_wanted:
            return 0
        self._receive = None
        return _STOP

    def _entries(self, wanted: Any) -> Iterator[tuple[str, str, str]]:
        """Language, identifier and name of each voice, copied out: the next listing frees them."""
        with self._lock:
            entries, index = self._library.espeak_ListVoices(wanted), 0
            found: list[tuple[str, str, str]] = []
            while entries[index]:
                entry = entries[index].contents
                language = ctypes.string_at(entry.languages + 1).decode() if entry.languages else ""
                found.append((language, entry.identifier.decode(), entry.name.decode()))
                index += 1
        return iter(found)


def _encoded(text: str) -> bytes:
    return text.replace("\0", " ").encode("utf-8", "ignore")


def _load() -> tuple[Any, str]:
    try:
        import espeakng_loader

        library = ctypes.CDLL(espeakng_loader.get_library_path())
        data: str = espeakng_loader.get_data_path()
    except (ImportError, OSError, RuntimeError) as error:
        raise LibraryError(f"espeak-ng cannot be loaded: {error}") from error
    return _declare(library), data


def _declare(library: Any) -> Any:
    integer, string, pointer = ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p
    library.espeak_Initialize.argtypes = [integer, integer, string, integer]
    library.espeak_SetSynthCallback.argtypes = [_Callback]
    library.espeak_SetSynthCallback.restype = None
    library.espeak_SetVoiceByName.argtypes = [string]
    library.espeak_SetParameter.argtypes = [integer, integer, integer]
    size, flags = ctypes.c_size_t, ctypes.c_uint
    library.espeak_Synth.argtypes = [string, size, flags, integer, flags, flags, pointer, pointer]
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(pointer), integer, integer]
    library.espeak_TextToPhonemes.restype = string
    library.espeak_ListVoices.argtypes = [pointer]
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceEntry))
    return library
