"""Make the server's OpenAPI document from the types that read its requests and write its replies.

    python scripts/make_openapi.py [--check]

Requests come from the pydantic models of the services, replies from the types of the stock Python client, so
that neither is described twice. With --check nothing is written; it exits with 1 where that would change it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from openai.types.audio import (
    Transcription,
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
    TranscriptionVerbose,
    Translation,
    TranslationVerbose,
)
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from sottovoce import __version__
from sottovoce.audio.encode import ENCODINGS
from sottovoce.engines.llm.chat import MAX_TEXT_CHARACTERS, TEXT_PARTS
from sottovoce.engines.tts.base import MAX_INPUT_CHARACTERS
from sottovoce.engines.tts.voices import DEFAULT_VOICE
from sottovoce.gateway.model_listing import Model
from sottovoce.gateway.routes.connection_details import ConnectionDetails
from sottovoce.gateway.routes.openapi import DOCUMENT
from sottovoce.gateway.routes.secrets import MadeSecret, NewSecret
from sottovoce.livekit.token_request import TokenRequest
from sottovoce.services import chat_request
from sottovoce.services.chat_request import ChatRequest
from sottovoce.services.speech import SpeechRequest
from sottovoce.services.uploads.form import TranscriptionForm, TranslationForm

Schema = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One call. `body` and `replies` are schemas by media type; `faults` are its own, besides everybody's."""

    method: Literal["get", "post", "delete"]
    path: str
    summary: str
    tag: str
    body: Mapping[str, Schema] = field(default_factory=dict)
    is_body_required: bool = True
    status: int = 200
    replies: Mapping[str, Schema] = field(default_factory=dict)
    faults: Sequence[int] = ()
    is_located: bool = False
    """Whether its reply says where the new thing is."""


class Schemas(GenerateJsonSchema):
    """Uploaded files are bytes."""

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        return {"type": "string", "format": "binary"}


GROUPS: Mapping[str, tuple[type[BaseModel], ...]] = {
    "": (ChatRequest, SpeechRequest, TranscriptionForm, TranslationForm),
    "Reply.": (
        *(ChatCompletion, ChatCompletionChunk, Model),
        *(Transcription, TranscriptionVerbose, Translation, TranslationVerbose),
        *(TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent),
    ),
    "Realtime.": (NewSecret, MadeSecret),
    "Rooms.": (TokenRequest, ConnectionDetails),
}
"""What is described by types; each group's schemas begin with its name, as some are called the same."""

BINARY: Schema = {"type": "string", "format": "binary"}
TEXT: Schema = {"type": "string"}

FAULTS: Mapping[int, str] = {
    400: "The request breaks its contract; `error.param` names the field.",
    401: "No API key, or a wrong one.",
    403: "A key that may not do this, or a page of another site.",
    404: "There is no such thing: a model, a call, a route; rooms, where LiveKit is off.",
    405: "The method is not allowed here; `allow` names those that are.",
    409: "Something of that kind is already under way.",
    413: "The body, or the recording in it, is larger than the server's settings allow.",
    429: "Too many at a time; `retry-after` says when to come back.",
    500: "The server met an unexpected error; its log has the details.",
    503: "The server is full, or an engine or LiveKit is starting or gone; `retry-after` says when to come "
    "back.",
}
EVERYBODY = (400, 401, 403, 429, 500, 503)


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def events(*names: str, is_ended_by_done: bool = True) -> Schema:
    """One of the server-sent events of a stream, each of which holds an object of one of these types."""
    types: Schema = {"anyOf": [ref(name) for name in names]}
    data: Schema = {"type": "string", "contentMediaType": "application/json", "contentSchema": types}
    if is_ended_by_done:
        data = {"anyOf": [{"const": "[DONE]"}, data]}
    return {"type": "object", "required": ["data"], "properties": {"data": data}}


OPERATIONS = (
    Operation(
        *("get", "/v1/models", "The models of all engines", "Models"),
        replies={"application/json": ref("ModelList")},
    ),
    Operation(
        *("get", "/v1/models/{model}", "One model, by its name or one that OpenAI's clients send", "Models"),
        replies={"application/json": ref("Reply.Model")},
        faults=(404,),
    ),
    Operation(
        *("post", "/v1/chat/completions", "Answer a conversation", "Chat"),
        body={"application/json": ref("ChatRequest")},
        replies={
            "application/json": ref("Reply.ChatCompletion"),
            "text/event-stream": events("Reply.ChatCompletionChunk"),
        },
        faults=(404, 413),
    ),
    Operation(
        *("post", "/v1/audio/speech", "Speak a text, as a stream", "Audio"),
        body={"application/json": ref("SpeechRequest")},
        replies={encoding.media_type: BINARY for encoding in ENCODINGS.values()}
        | {"text/event-stream": events("SpeechEvent", is_ended_by_done=False)},
        faults=(404, 413),
    ),
    Operation(
        *("get", "/v1/audio/voices", "The voices of the speech engine", "Audio"),
        replies={"application/json": ref("VoiceList")},
    ),
    Operation(
        *("post", "/v1/audio/transcriptions", "Write down a recording", "Audio"),
        body={"multipart/form-data": ref("TranscriptionForm")},
        replies={
            "application/json": {"anyOf": [ref("Reply.TranscriptionVerbose"), ref("Reply.Transcription")]},
            "text/plain": TEXT,
            "text/event-stream": events(
                "Reply.TranscriptionTextDeltaEvent", "Reply.TranscriptionTextDoneEvent"
            ),
        },
        faults=(404, 413),
    ),
    Operation(
        *("post", "/v1/audio/translations", "Write down a recording in English", "Audio"),
        body={"multipart/form-data": ref("TranslationForm")},
        replies={
            "application/json": {"anyOf": [ref("Reply.TranslationVerbose"), ref("Reply.Translation")]},
            "text/plain": TEXT,
        },
        faults=(404, 413),
    ),
    Operation(
        *("post", "/v1/realtime/client_secrets", "Make a secret to hand to a page", "Realtime"),
        body={"application/json": ref("Realtime.NewSecret")},
        is_body_required=False,
        replies={"application/json": ref("Realtime.MadeSecret")},
        faults=(413,),
    ),
    Operation(
        *("post", "/v1/realtime/calls", "Begin a WebRTC call", "Realtime"),
        body={
            "application/sdp": TEXT,
            "multipart/form-data": {
                "type": "object",
                "properties": {"sdp": TEXT, "session": {"type": "object"}},
                "required": ["sdp"],
            },
        },
        status=201,
        replies={"application/sdp": TEXT},
        faults=(413,),
        is_located=True,
    ),
    Operation(
        *("post", "/v1/realtime/calls/{call_id}/hangup", "End a WebRTC call", "Realtime"), faults=(404,)
    ),
    Operation(
        *("post", "/api/connection-details", "A token to join a LiveKit room with", "Rooms"),
        body={"application/json": ref("Rooms.TokenRequest")},
        is_body_required=False,
        status=201,
        replies={"application/json": ref("Rooms.ConnectionDetails")},
        faults=(404, 413),
    ),
)


def document() -> Schema:
    """The whole, in OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sottovoce",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "OpenAI's API on a server of one's own, as the embedded engines answer. Engines "
            "given by URL answer for themselves. `GET /v1/models/{model}` says which parameters an engine "
            "honours and which have no effect. Conversations over WebSocket (`/v1/realtime`) are described "
            "in OpenAI's Realtime reference.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths(),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "headers": {
                "x-request-id": {"description": "Names the request in the server's log.", "schema": TEXT},
                "retry-after": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
                "location": {"description": "The call's own address.", "schema": TEXT},
            },
            "responses": {str(status): fault(status) for status in FAULTS},
            "schemas": dict(sorted(schemas().items())),
        },
    }


def paths() -> Schema:
    described: Schema = {}
    for operation in OPERATIONS:
        described.setdefault(operation.path, {})[operation.method] = described_operation(operation)
    return described


def described_operation(operation: Operation) -> Schema:
    ok: Schema = {"description": "As asked for", "headers": headers("x-request-id")}
    if operation.is_located:
        ok["headers"] |= headers("location")
    if operation.replies:
        ok["content"] = content(operation.replies)
    faults = sorted({*EVERYBODY, *operation.faults})
    described: Schema = {
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": {
            str(operation.status): ok,
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in faults},
        },
    }
    if operation.body:
        described["requestBody"] = {
            "required": operation.is_body_required,
            "content": content(operation.body),
        }
    if names := [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]:
        described["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": TEXT} for name in names
        ]
    return described


def content(schemas: Mapping[str, Schema]) -> Schema:
    return {media_type: {"schema": schema} for media_type, schema in schemas.items()}


def headers(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def fault(status: int) -> Schema:
    carried = ("x-request-id", "retry-after") if status in (429, 503) else ("x-request-id",)
    return {
        "description": FAULTS[status],
        "headers": headers(*carried),
        "content": content({"application/json": ref("Error")}),
    }


def schemas() -> Schema:
    """Of requests and replies, and the few that no type describes."""
    found = {name: schema for group, types in GROUPS.items() for name, schema in definitions(group, types)}
    refine(found)
    return found | {
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["message", "type", "param", "code"],
                    "properties": {
                        "message": {"type": "string", "minLength": 1},
                        "type": TEXT,
                        "param": {"type": ["string", "null"]},
                        "code": {"type": ["string", "null"]},
                    },
                }
            },
        },
        "ModelList": {
            "type": "object",
            "required": ["object", "data"],
            "properties": {
                "object": {"const": "list"},
                "data": {"type": "array", "items": ref("Reply.Model")},
            },
        },
        "SpeechEvent": {
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": {"enum": ["speech.audio.delta", "speech.audio.done"]},
                "audio": {"type": "string", "contentEncoding": "base64"},
                "usage": {"type": "object"},
            },
        },
        "VoiceList": {
            "type": "object",
            "required": ["voices"],
            "properties": {
                "voices": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["id", "name", "language"],
                        "properties": {"id": TEXT, "name": TEXT, "language": TEXT},
                    },
                }
            },
        },
    }


def definitions(group: str, types: Sequence[type[BaseModel]]) -> Iterator[tuple[str, Schema]]:
    _, found = models_json_schema(
        [(kind, "validation") for kind in types],
        ref_template=f"#/components/schemas/{group}{{model}}",
        schema_generator=Schemas,
    )
    for name, schema in found["$defs"].items():
        yield group + name, tidy(schema)


def tidy(schema: Any) -> Any:
    """Without titles, which repeat the names, and without docstrings that talk to readers of the code."""
    if isinstance(schema, list):
        return [tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: one for name, one in schema.items() if not (name == "title" and isinstance(one, str))}
    if "type" in kept and isinstance(kept.get("description"), str) and kept["type"] == "object":
        del kept["description"]
    return {name: tidy(one) for name, one in kept.items()}


def refine(found: Schema) -> None:
    """Tell what validators written as functions check or let pass, and what the types do not name."""
    speech, chat = found["SpeechRequest"]["properties"], found["ChatRequest"]["properties"]
    name: Schema = {"type": "object", "required": ["id"], "properties": {"id": TEXT}}
    speech["input"] |= {"minLength": 1, "maxLength": MAX_INPUT_CHARACTERS}
    speech["response_format"]["enum"] = list(ENCODINGS)
    speech["voice"] = {"anyOf": [TEXT, name | {"additionalProperties": False}], "default": DEFAULT_VOICE}
    chat["stop"]["anyOf"].append({"type": "string", "maxLength": chat_request.MAX_STOP_CHARACTERS})
    found["Message"]["properties"]["content"]["anyOf"].append(
        {"type": "string", "maxLength": MAX_TEXT_CHARACTERS}
    )
    transcription = found["TranscriptionForm"]["properties"]
    for refused in ("known_speaker_names", "known_speaker_references"):
        del transcription[refused]
    for several in [name for name, one in transcription.items() if one.get("type") == "array"]:
        transcription[f"{several}[]"] = transcription.pop(several)  # as OpenAI spells lists in forms
    transcription["chunking_strategy"]["anyOf"].append({"const": "auto"})
    found["Part"]["properties"]["type"]["enum"] = sorted(TEXT_PARTS)
    for unlikely in chat_request.RULES.refused:
        chat[unlikely]["description"] = "Refused by the embedded engine, which has no probabilities."
    for hint in sorted(chat_request.HINTS):
        chat[hint] = {"description": "Accepted, without effect."}
    for refused, reason in chat_request.REPLACED.items():
        chat[refused] = {"enum": [None, False, 0, "", [], {}], "description": f"Not supported: {reason}."}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; say whether it is current")
    given = parser.parse_args()
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    if not given.check:
        Path(DOCUMENT).write_text(text, encoding="utf-8")
    elif DOCUMENT.read_text(encoding="utf-8") != text:
        print(f"{DOCUMENT} is not current. Cure: python scripts/make_openapi.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
