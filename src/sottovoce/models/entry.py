"""One model that Sottovoce can use: what it is, what it needs and where it comes from."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ByteSize, ConfigDict, Field, HttpUrl

from sottovoce.config import EngineKind

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""Of a model in the catalogue; it is a folder's name too."""

Engine: TypeAlias = Literal[
    "pocketsphinx",
    "sherpa-streaming",
    "sherpa-offline",
    "rules",
    "llama.cpp",
    "espeak-ng",
    "sherpa-tts",
]
"""What runs a model: "sherpa-streaming" hears as one speaks, "sherpa-offline" whole segments."""

Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """Files of a repository on the Hugging Face Hub. `revision` None takes the newest; `files` are patterns
    as in a shell. `sha256` pins single files by name, where the hub's own word is not enough."""

    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: str | None = None
    files: tuple[str, ...] = ("*",)
    sha256: dict[str, Sha256] = {}


class Needs(_Part):
    """The least machine on which the model keeps up. `cores` are physical ones."""

    cores: Annotated[int, Field(ge=1)] = 1
    has_avx2: bool = False
    has_gpu: bool = False


class ModelEntry(_Part):
    """A model of the catalogue, of the user's settings, or recognised from a folder.

    `family` says how the engine loads it ("nemo-transducer", "whisper", "kokoro", …). `languages` are BCP 47
    tags in lower case. `memory` is what it holds while it runs. `chunk_ms` is the chunk of a streaming
    recogniser, `context` the tokens that a language model was made for. `is_embedded`: its files come with
    the installation.
    """

    id: Annotated[str, Field(pattern=rf"^{ID.pattern}$")]
    kind: EngineKind
    engine: Engine
    family: str = ""
    title: str = ""
    languages: tuple[str, ...] = ()
    license: str = ""
    license_url: HttpUrl | None = None
    source: Source | None = None
    download: ByteSize = ByteSize(0)
    memory: ByteSize = ByteSize(0)
    needs: Needs = Needs()
    chunk_ms: int | None = None
    context: int | None = None
    quality: str = ""
    is_embedded: bool = False
