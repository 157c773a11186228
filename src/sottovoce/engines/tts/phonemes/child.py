"""`python -m sottovoce.engines.tts.phonemes.child`: espeak-ng in a process of its own, for its phonemes.

espeak-ng is GPL and crashes in threads: here it is one program that reads lines and writes lines. A request
is {"id": 1, "voice": "en-us", "texts": ["…"]}, the answer {"id": 1, "phonemes": ["…"]}, or "error" instead of
"phonemes". The first line of all says what it speaks: {"languages": […]}, or {"error": "…"} where the library
is missing. It ends with its standard input.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TextIO

from sottovoce.engines.tts.libespeak import EspeakLibrary, LibraryError
from sottovoce.lifeline import die_with_parent


def main(requests: TextIO = sys.stdin, answers: TextIO = sys.stdout) -> None:
    try:
        library = EspeakLibrary()
        voices = {tag: identifier for tag, (identifier, _) in library.languages().items()}
    except LibraryError as error:
        _say(answers, {"error": str(error)})
        return
    _say(answers, {"languages": sorted(voices)})
    for line in requests:
        _say(answers, _answer(library, voices, json.loads(line)))


def _answer(library: EspeakLibrary, voices: Mapping[str, str], request: dict[str, object]) -> object:
    texts, voice = request["texts"], voices.get(str(request["voice"]))
    assert isinstance(texts, list)
    if voice is None:
        return {"id": request["id"], "error": f"espeak-ng does not speak {request['voice']}"}
    try:
        return {"id": request["id"], "phonemes": [library.phonemes(text, voice) for text in texts]}
    except LibraryError as error:
        return {"id": request["id"], "error": str(error)}


def _say(answers: TextIO, answer: object) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    die_with_parent()
    main()
