"""A hub with three models made on the spot, and a server whose catalogue begins with them."""

from __future__ import annotations

from pathlib import Path

from tests.fake_hub import FakeHub
from tests.live_server import Server
from tests.made_models import gguf, kokoro, streaming

QUESTION = "dialogue-what-is-twelve-times-seven-slt"
SAID = "What's twelve times seven, plus one?"
"""Not what is recorded: only the model that was made says this."""
SCRIPT = streaming.Script("What's twelve tim|es seven, plus one?", frames_per_token=1)
REPLY = gguf.REPLY
EAR, MIND, VOICE = "made-ear", "made-mind", "made-voice"

CONTEXT = 16_384
"""The made language model reads letter by letter."""

SETTINGS = """
hub_url = "{hub}"
llm = {{ context = {context} }}

[[models]]
id = "made-ear"
kind = "stt"
engine = "sherpa-streaming"
family = "nemo-transducer"
title = "Made ear"
languages = ["en"]
license = "MIT"
license_url = "https://example.org/mit"
quality = "Says one sentence."
source = {{ repo = "me/ear" }}
download = "20kB"

[[models]]
id = "made-mind"
kind = "llm"
engine = "llama.cpp"
title = "Made mind"
languages = ["en"]
license = "Apache-2.0"
source = {{ repo = "me/mind" }}
download = "4MB"

[[models]]
id = "made-voice"
kind = "tts"
engine = "sherpa-tts"
family = "kokoro"
title = "Made voice"
languages = ["en-us"]
license = "Apache-2.0"
source = {{ repo = "me/voice" }}
download = "2MB"
"""


def stock(hub: FakeHub, folder: Path) -> None:
    """Put the models' files on the hub."""
    ear = streaming.build(folder / "ear", SCRIPT)
    mind = gguf.scripted(folder / "mind.gguf", gguf.Script(context=CONTEXT))
    voice = kokoro.make_tone_voice(folder / "voice")
    hub.repos["me/ear"] = {file.name: file.read_bytes() for file in ear.iterdir()}
    hub.repos["me/mind"] = {mind.name: mind.read_bytes()}
    hub.repos["me/voice"] = {file.name: file.read_bytes() for file in voice.iterdir()}


def server_of(hub: FakeHub, home: Path, folder: Path) -> Server:
    file = folder / "sottovoce.toml"
    file.write_text(SETTINGS.format(hub=hub.url, context=CONTEXT))
    return Server(home, "--config", str(file))
