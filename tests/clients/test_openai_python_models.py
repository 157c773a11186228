"""openai-python: models by name and alias, and the errors that it types."""

from __future__ import annotations

import openai
import pytest
from openai import OpenAI

from tests.clients.microphone import SPOKEN_QUESTION
from tests.clients.servers import Live
from tests.recordings import RECORDINGS

RECORDED = RECORDINGS / f"{SPOKEN_QUESTION}.wav"


def test_models_are_listed_and_found_by_their_names_and_aliases(client: OpenAI) -> None:
    listed = list(client.models.list())
    assert len(listed) >= 3
    for model in listed:
        assert client.models.retrieve(model.id).id == model.id
    for alias in ("gpt-4o", "whisper-1", "tts-1", "gpt-realtime-2.1", "gpt-4o-mini-transcribe"):
        assert client.models.retrieve(alias).object == "model"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("somebody/else's-model")
    assert caught.value.code == "model_not_found"


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as chat:
        client.chat.completions.create(model="nobody/9b", messages=[{"role": "user", "content": "hi"}])
    with pytest.raises(openai.NotFoundError) as speech:
        client.audio.speech.create(model="nobody/9b", voice="alloy", input="hi")
    with pytest.raises(openai.NotFoundError) as transcription:
        client.audio.transcriptions.create(model="nobody/9b", file=RECORDED)
    assert {one.value.code for one in (chat, speech, transcription)} == {"model_not_found"}


def test_a_wrong_key_is_an_authentication_error(live: Live) -> None:
    with OpenAI(base_url=live.base_url, api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.models.list()
        assert caught.value.code == "invalid_api_key"
        assert caught.value.request_id
        with pytest.raises(openai.AuthenticationError):
            client.audio.transcriptions.create(model="whisper-1", file=RECORDED)


def test_an_unknown_route_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="text-embedding-3-small", input="hi")
    assert caught.value.type == "invalid_request_error"
