"""Every parameter of notes and stock clients: works, is a hint, or is refused by name."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from sottovoce.errors import InvalidRequestError
from sottovoce.http.errors import invalid_request
from sottovoce.services.uploads.form import (
    FORMATS,
    ChunkingVad,
    TranscriptionForm,
    TranslationForm,
    check_times,
    parameters,
    parsed,
)
from tests.unit.services.scripted_transcriber import ScriptedTranscriber

FILE = ("file", UploadFile(io.BytesIO(b"x"), filename="a.wav"))
MODEL = ("model", "whisper-1")
ENGLISH = ("en",)


def transcription(*fields: tuple[str, Any]) -> TranscriptionForm:
    return parsed(TranscriptionForm, FormData([FILE, MODEL, *fields]), ENGLISH)


def fault(kind: type[TranslationForm], *fields: tuple[str, Any]) -> InvalidRequestError:
    """As it would be answered."""
    try:
        parsed(kind, FormData(fields), ENGLISH)
    except ValidationError as error:
        return invalid_request(error)
    except InvalidRequestError as error:
        return error
    raise AssertionError("it was accepted")


def test_file_and_model_are_enough() -> None:
    form = transcription()
    assert (form.model, form.response_format, form.granularities) == ("whisper-1", "json", {"segment"})
    assert (form.is_streamed, form.has_logprobs, form.vad) == (False, False, None)


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ([("language", "en")], "language", "en"),
        ([("language", "en-GB")], "language", "en-GB"),
        ([("language", "English")], "language", "English"),
        ([("languages[]", "de"), ("languages[]", "en")], "languages", ["de", "en"]),
        ([("keywords[]", "Sottovoce"), ("keywords[]", "voce")], "keywords", ["Sottovoce", "voce"]),
        ([("keywords", "one")], "keywords", ["one"]),
        ([("prompt", "A talk on birds.")], "prompt", "A talk on birds."),
        ([("temperature", "0.2")], "temperature", 0.2),
        ([("temperature", "1")], "temperature", 1.0),
        *(([("response_format", name)], "response_format", name) for name in FORMATS),
        ([("stream", "true")], "is_streamed", True),
        ([("stream", "false")], "is_streamed", False),
        ([("include[]", "logprobs")], "has_logprobs", True),
        ([("include", "logprobs")], "has_logprobs", True),
        ([("chunking_strategy", "auto")], "vad", None),
        ([("chunking_strategy[type]", "server_vad")], "vad", ChunkingVad(type="server_vad")),
        (
            [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.7")],
            "vad",
            ChunkingVad(type="server_vad", threshold=0.7),
        ),
        (
            [("chunking_strategy", '{"type": "server_vad", "silence_duration_ms": 300}')],
            "vad",
            ChunkingVad(type="server_vad", silence_duration_ms=300),
        ),
        # what clients send for "not given"
        ([("language", ""), ("stream", ""), ("temperature", ""), ("chunking_strategy", "")], "stream", False),
        ([("known_speaker_names[]", "")], "known_speaker_names", ()),
    ],
)
def test_what_is_given_is_read(fields: list[tuple[str, str]], name: str, value: object) -> None:
    assert getattr(transcription(*fields), name) == value


def test_both_granularities_are_read() -> None:
    form = transcription(
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
    )
    assert form.granularities == {"word", "segment"}


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ([("response_format", "diarized_json")], "response_format", "unsupported_format"),
        ([("response_format", "docx")], "response_format", "unsupported_format"),
        ([("language", "de")], "language", "invalid_value"),
        ([("languages[]", "de"), ("languages[]", "fr")], "languages", "invalid_value"),
        ([("temperature", "1.5")], "temperature", "invalid_value"),
        ([("temperature", "-1")], "temperature", "invalid_value"),
        ([("temperature", "nan")], "temperature", "invalid_value"),
        ([("temperature", "warm")], "temperature", "invalid_value"),
        ([("stream", "maybe")], "stream", "invalid_value"),
        ([("stream", "true"), ("response_format", "srt")], "stream", "invalid_value"),
        ([("timestamp_granularities[]", "word")], "timestamp_granularities", "invalid_value"),
        (
            [("response_format", "verbose_json"), ("timestamp_granularities[]", "syllable")],
            "timestamp_granularities.0",
            "invalid_value",
        ),
        ([("include[]", "logprobs"), ("response_format", "verbose_json")], "include", "invalid_value"),
        ([("include[]", "everything")], "include.0", "invalid_value"),
        ([("known_speaker_names[]", "Ann")], "known_speaker_names", "unsupported_parameter"),
        (
            [("known_speaker_references[]", "data:audio/wav;base64,AAAA")],
            "known_speaker_references",
            "unsupported_parameter",
        ),
        ([("chunking_strategy", "by hand")], "chunking_strategy", "invalid_value"),
        ([("chunking_strategy", "{")], "chunking_strategy", "invalid_value"),
        ([("chunking_strategy", "[" * 9000)], "chunking_strategy", "invalid_value"),
        ([("chunking_strategy", '{"a":' * 3000)], "chunking_strategy", "invalid_value"),
        (
            [("chunking_strategy[threshold]", "0.5")],
            "chunking_strategy.type",
            "missing_required_parameter",
        ),
        (
            [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "2")],
            "chunking_strategy",
            "invalid_value",
        ),
        (
            [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[speed]", "2")],
            "chunking_strategy",
            "unknown_parameter",
        ),
        (
            [("chunking_strategy", "auto"), ("chunking_strategy[type]", "x")],
            "chunking_strategy",
            "invalid_value",
        ),
        ([("chunking_strategy", "auto"), ("chunking_strategy[]", "x")], "chunking_strategy", "invalid_value"),
        ([("language", "en"), ("language", "en")], "language", "invalid_value"),
        ([("beam_size", "5")], "beam_size", "unknown_parameter"),
        ([("beam_size", "")], "beam_size", "unknown_parameter"),
        ([("beam_size[]", "5")], "beam_size", "unknown_parameter"),
        ([("model[]", "x")], "model", "invalid_value"),
    ],
)
def test_what_does_not_work_is_refused_by_name(fields: list[tuple[str, str]], param: str, code: str) -> None:
    error = fault(TranscriptionForm, FILE, MODEL, *fields)
    assert error.param is not None
    named = (error.param, error.param.partition(".")[0])
    assert (param in named, error.code) == (True, code)
    assert error.message


@pytest.mark.parametrize("missing", ["file", "model"])
def test_what_is_needed_is_named(missing: str) -> None:
    error = fault(TranscriptionForm, *(field for field in (FILE, MODEL) if field[0] != missing))
    assert (error.param, error.code) == (missing, "missing_required_parameter")


def test_a_file_has_to_be_one() -> None:
    error = fault(TranscriptionForm, ("file", "words"), MODEL)
    assert (error.param, error.code) == ("file", "invalid_value")


@pytest.mark.parametrize(
    "name", ["language", "stream", "include[]", "timestamp_granularities[]", "chunking_strategy"]
)
def test_a_translation_knows_only_its_own_parameters(name: str) -> None:
    error = fault(TranslationForm, FILE, MODEL, (name, "en"))
    assert (error.param, error.code) == (name.removesuffix("[]"), "unknown_parameter")


def test_a_translation_takes_hints_and_formats() -> None:
    fields = [("prompt", "x"), ("temperature", "0"), ("response_format", "vtt")]
    form = parsed(TranslationForm, FormData([FILE, MODEL, *fields]), ENGLISH)
    assert (form.prompt, form.temperature, form.response_format) == ("x", 0.0, "vtt")


def test_the_model_object_names_every_parameter_that_is_not_refused() -> None:
    refused = {"known_speaker_names", "known_speaker_references"}
    given = parameters(ScriptedTranscriber())
    assert {*given.honoured, *given.ignored} == set(TranscriptionForm.model_fields) - refused


def test_a_recogniser_that_finds_the_language_itself_says_so() -> None:
    given = parameters(ScriptedTranscriber(heeds_language=False, has_probabilities=False))
    assert set(given.ignored) == {"prompt", "temperature", "keywords", "language", "languages"}
    assert "include" not in given.honoured


def test_times_of_words_are_refused_where_the_recogniser_has_none() -> None:
    fields = ("response_format", "verbose_json"), ("timestamp_granularities[]", "word")
    form = transcription(*fields)
    check_times(form, ScriptedTranscriber())
    with pytest.raises(InvalidRequestError, match="scripted tells when segments were said") as refusal:
        check_times(form, ScriptedTranscriber(has_word_times=False))
    assert refusal.value.param == "timestamp_granularities"
    check_times(transcription(), ScriptedTranscriber(has_word_times=False))


def test_probabilities_are_refused_where_the_recogniser_has_none() -> None:
    form = transcription(("response_format", "json"), ("include[]", "logprobs"))
    check_times(form, ScriptedTranscriber())
    with pytest.raises(InvalidRequestError) as refusal:
        check_times(form, ScriptedTranscriber(has_probabilities=False))
    assert (refusal.value.param, refusal.value.code) == ("include", "unsupported_parameter")


NAMES = st.sampled_from(sorted(TranscriptionForm.model_fields)) | st.text(max_size=5)
SPELLINGS = st.builds(str.__add__, NAMES, st.sampled_from(["", "[]", "[type]", "[0]", "[", "]", "[a][b]"]))
VALUES = st.text(max_size=8) | st.sampled_from(
    ["server_vad", "word", "logprobs", "true", "1e999", '{"type":1}']
)


@given(st.lists(st.tuples(SPELLINGS, VALUES | st.just(FILE[1])), max_size=6))
def test_no_form_has_an_undocumented_end(fields: list[tuple[str, Any]]) -> None:
    try:
        transcription(*fields)
    except (ValidationError, InvalidRequestError) as error:
        known = invalid_request(error) if isinstance(error, ValidationError) else error
    else:
        return
    assert known.message
    assert known.param is not None
