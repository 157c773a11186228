"""The parameters of both calls, read strictly: each works, is a hint that is known to have no effect, or is
refused by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator
from starlette.datastructures import FormData, UploadFile

from sottovoce.engines.stt.base import Transcriber
from sottovoce.errors import InvalidRequestError
from sottovoce.services.languages import check_language, heard_as
from sottovoce.services.models import Parameters
from sottovoce.services.transcription_events import ServerVad
from sottovoce.services.uploads.fields import gathered

FORMATS: Final = ("json", "text", "srt", "vtt", "verbose_json")
Format: TypeAlias = Literal["json", "text", "srt", "vtt", "verbose_json"]

HONOURED = (
    *("file", "model", "response_format", "timestamp_granularities", "include", "stream"),
    *("chunking_strategy", "language", "languages"),
)
IGNORED = ("prompt", "temperature", "keywords")


def parameters(transcriber: Transcriber) -> Parameters:
    """What a request may hold, and what of it makes no difference to this recogniser."""
    lacks = {
        "include": not transcriber.has_probabilities,
        "language": not transcriber.heeds_language,
        "languages": not transcriber.heeds_language,
    }
    ignored = (name for name in ("language", "languages") if lacks[name])
    return Parameters(
        honoured=tuple(name for name in HONOURED if not lacks.get(name)), ignored=(*IGNORED, *ignored)
    )


MAX_SHOWN_CHARACTERS = 64
"""Of what a client sent, in the error about it."""


def _is_file(given: object) -> object:
    if not isinstance(given, UploadFile):
        raise InvalidRequestError(
            "file has to be a file, with a filename in its part's header.", param="file"
        )
    return given


def _served_format(given: object) -> object:
    if given == "diarized_json":
        raise InvalidRequestError(
            "response_format 'diarized_json' is not served: this recogniser does not tell speakers apart.",
            param="response_format",
            code="unsupported_format",
        )
    if given not in FORMATS:
        raise InvalidRequestError(
            f"response_format {_shown(given)} does not exist; choose one of {', '.join(FORMATS)}.",
            param="response_format",
            code="unsupported_format",
        )
    return given


def _language(given: object, info: ValidationInfo) -> object:
    check_language(str(given), _heard(info), "language")
    return given


def _languages(given: object, info: ValidationInfo) -> object:
    """Possible ones: one that is heard has to be among them."""
    if isinstance(given, list) and all(heard_as(str(each), _heard(info)) is None for each in given):
        check_language(str(given[0]), _heard(info), "languages")
    return given


def _heard(info: ValidationInfo) -> Sequence[str]:
    assert info.context is not None
    languages: Sequence[str] = info.context["languages"]
    return languages


def _no_speakers(given: object, info: ValidationInfo) -> object:
    if given:
        raise InvalidRequestError(
            f"{info.field_name} is not served: this recogniser does not tell speakers apart.",
            param=info.field_name,
            code="unsupported_parameter",
        )
    return given


def _strategy(given: object) -> object:
    """An object is spelt with bracketed keys by OpenAI's clients and as JSON by people with curl."""
    if given == "auto":
        return None
    try:
        given = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise InvalidRequestError(
            "chunking_strategy has to be auto, or an object of type server_vad.", param="chunking_strategy"
        )
    return given


class ChunkingVad(ServerVad):
    """As in a realtime session, where keys that OpenAI adds are ignored; here they are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["server_vad"]


class TranslationForm(BaseModel):
    """What translations take, and transcriptions too."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, frozen=True)

    file: Annotated[UploadFile, BeforeValidator(_is_file)]
    model: str
    prompt: str = ""
    response_format: Annotated[Format, BeforeValidator(_served_format)] = "json"
    temperature: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0

    @property
    def spoken(self) -> Sequence[str]:
        """The languages of which it is in one; none for any."""
        return ()

    @property
    def granularities(self) -> frozenset[str]:
        return frozenset({"segment"})

    @property
    def is_streamed(self) -> bool:
        return False

    @property
    def has_logprobs(self) -> bool:
        return False

    @property
    def vad(self) -> ServerVad | None:
        return None


Speakers: TypeAlias = Annotated[Sequence[str], BeforeValidator(_no_speakers)]


class TranscriptionForm(TranslationForm):
    language: Annotated[str, BeforeValidator(_language)] = ""
    languages: Annotated[Sequence[str], BeforeValidator(_languages)] = ()
    keywords: Sequence[str] = ()
    timestamp_granularities: Sequence[Literal["word", "segment"]] = ()
    include: Sequence[Literal["logprobs"]] = ()
    chunking_strategy: Annotated[ChunkingVad | None, BeforeValidator(_strategy)] = None
    """None is "auto": the recogniser's own way."""
    stream: bool = False
    known_speaker_names: Speakers = ()
    known_speaker_references: Speakers = ()

    @model_validator(mode="after")
    def _fit_together(self) -> TranscriptionForm:
        if self.timestamp_granularities and self.response_format != "verbose_json":
            raise _needs("timestamp_granularities", "verbose_json")
        if self.include and self.response_format != "json":
            raise _needs("include", "json")
        if self.stream and self.response_format not in ("json", "text"):
            raise _needs("stream", "json")
        return self

    @property
    def spoken(self) -> Sequence[str]:
        return [self.language] if self.language else self.languages

    @property
    def granularities(self) -> frozenset[str]:
        return frozenset(self.timestamp_granularities) or frozenset({"segment"})

    @property
    def is_streamed(self) -> bool:
        return self.stream

    @property
    def has_logprobs(self) -> bool:
        return bool(self.include)

    @property
    def vad(self) -> ServerVad | None:
        return self.chunking_strategy


def check_times(form: TranslationForm, transcriber: Transcriber) -> None:
    """Raises `InvalidRequestError` for what its words do not come with."""
    if "word" in form.granularities and not transcriber.has_word_times:
        raise _lacks(
            "timestamp_granularities",
            f"{transcriber.model} tells when segments were said, not when words were",
        )
    if form.has_logprobs and not transcriber.has_probabilities:
        raise _lacks("include", f"{transcriber.model} does not tell how sure it is of its words")


def _lacks(param: str, why: str) -> InvalidRequestError:
    return InvalidRequestError(f"{param} is not served so: {why}.", param=param, code="unsupported_parameter")


def _needs(param: str, response_format: str) -> InvalidRequestError:
    return InvalidRequestError(f"{param} needs response_format={response_format}.", param=param)


def _shown(given: object) -> str:
    return repr(str(given)[:MAX_SHOWN_CHARACTERS])


Form = TypeVar("Form", bound=TranslationForm)


def parsed(kind: type[Form], form: FormData, languages: Sequence[str]) -> Form:
    """`languages` are the recogniser's. Raises `InvalidRequestError`, or pydantic's `ValidationError`."""
    fields = kind.model_fields.items()
    lists = {name for name, field in fields if field.default == ()}
    optional = {name for name, field in fields if not field.is_required()}
    return kind.model_validate(gathered(form, lists, optional), context={"languages": languages})
