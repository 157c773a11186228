"""Scripted engines on loopback that speak OpenAI's API, so that a session is tested through its own wire.

`FakeEngines.heard` scripts the recogniser (one text for each committed segment, "" for noise),
`replies` scripts the model (text, a tool call, or a list of these), and `failing` names engines that answer
with errors or hang. The voice is a buzz whose length follows the text: `voice_rate` characters a second. A
word is a token.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sottovoce.config import EngineEndpoint, EngineKind
from tests.serving import served

KEY = "fake-engine-key-0123456789"


@dataclass
class ToolCall:
    name: str
    arguments: dict[str, Any]


Script: TypeAlias = str | ToolCall | list[str | ToolCall]


@dataclass
class FakeEngines:
    heard: deque[str] = field(default_factory=deque)
    replies: deque[Script] = field(default_factory=deque)
    failing: dict[EngineKind, str] = field(default_factory=dict)
    deadlines: dict[EngineKind, float] = field(default_factory=dict)
    """"refuse" answers 500, "hang" never answers, "cut" breaks off in the middle (a recogniser only once),
    "mute" breaks off before the first of it, "busy" answers 429, "bad" finds fault with the request."""
    refused: dict[EngineKind, int] = field(default_factory=dict)
    """The one question to the model, or clause for the voice, that is answered 500; the first is 0."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    leads: list[str] = field(default_factory=list)
    """What each clause said of the sound before it, "" for nothing."""
    voices: list[tuple[str, float]] = field(default_factory=list)
    segments: list[bytes] = field(default_factory=list)
    hints: list[dict[str, Any]] = field(default_factory=list)
    """What each session update of the recogniser, and each upload, said of language and prompt."""
    languages: frozenset[str] | None = None
    """Those that the recogniser takes; None: any."""
    takes_streams: bool = True
    """Whether the recogniser has transcription sessions, or only takes files."""
    goes_on: asyncio.Event | None = None
    """Where there is one, the model says its first word and waits for it."""
    prefill: asyncio.Event | None = None
    """Where there is one, the model pings until it is set, and says its first word only then."""
    known_voices: tuple[str, ...] | None = None
    """Those that the voice engine lists and has; None: it lists none and takes any."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the model says about itself."""
    context_characters: int | None = None
    """The longest messages that the model takes, all together."""
    prewarmed: list[dict[str, Any]] = field(default_factory=list)
    is_ready: bool = True
    name: str = "fake"
    connections: int = 0
    looks: int = 0
    audio: int = 0
    """Bytes of speech that came, whether or not they were committed."""
    url: str = ""
    voice_rate: float = 15
    sockets: set[WebSocket] = field(default_factory=set)

    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        return EngineEndpoint(kind, self.url, KEY, f"{self.name}-{kind}", deadline=self.deadlines.get(kind))

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return (self.endpoint(kind),)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                WebSocketRoute("/v1/realtime", self.transcribe),
                Route("/v1/audio/transcriptions", self.transcribe_file, methods=["POST"]),
                Route("/v1/chat/completions", self.complete, methods=["POST"]),
                Route("/v1/audio/speech", self.speak, methods=["POST"]),
                Route("/v1/audio/voices", self.list_voices),
                Route("/v1/chat/prewarm", self.prewarm, methods=["POST"]),
                Route("/v1/models/{name:path}", self.describe),
                Route("/readyz", self.readiness),
            ]
        )

    async def transcribe(self, socket: WebSocket) -> None:
        if not self.takes_streams:
            return await socket.close()
        await socket.accept()
        self.connections += 1
        self.sockets.add(socket)
        audio = b""
        try:
            async for message in socket.iter_text():
                event = json.loads(message)
                if event["type"] == "input_audio_buffer.append":
                    audio += base64.b64decode(event["audio"])
                    self.audio += len(audio)
                elif event["type"] == "session.update":
                    await self._configure(socket, event["session"]["audio"]["input"]["transcription"])
                elif event["type"] == "input_audio_buffer.commit":
                    segment, audio = audio, b""
                    await self._final(socket, segment)
        except WebSocketDisconnect:
            pass
        finally:
            self.sockets.discard(socket)

    async def _configure(self, socket: WebSocket, hints: dict[str, Any]) -> None:
        self.hints.append(hints)
        if self.languages is not None and hints.get("language") not in self.languages:
            param = "session.audio.input.transcription.language"
            error = {"message": "not served here", "code": "invalid_value", "param": param}
            await socket.send_json({"type": "error", "error": error})

    async def _final(self, socket: WebSocket, segment: bytes) -> None:
        self.segments.append(segment)
        prefix = "conversation.item.input_audio_transcription"
        match self.failing.get("stt"):
            case "hang":
                return
            case "refuse":
                await socket.send_json({"type": f"{prefix}.failed", "error": {"message": "broken"}})
                return
            case "mute":
                await socket.close(1011)
                raise WebSocketDisconnect(1011)
            case "cut":
                self.failing.pop("stt")
                await socket.close(1011)
                raise WebSocketDisconnect(1011)
        text = self.heard.popleft() if self.heard else ""
        if text:
            await socket.send_json({"type": f"{prefix}.delta", "delta": text.split()[0]})
        await socket.send_json({"type": f"{prefix}.completed", "transcript": text})

    async def readiness(self, request: Request) -> Response:
        self.looks += 1
        return JSONResponse({"status": "ready" if self.is_ready else "failed"}, 200 if self.is_ready else 503)

    async def describe(self, request: Request) -> Response:
        return JSONResponse({"id": request.path_params["name"], **self.facts})

    async def prewarm(self, request: Request) -> Response:
        self.prewarmed.append(await request.json())
        return JSONResponse({"object": "chat.prewarm"})

    async def list_voices(self, request: Request) -> Response:
        if self.known_voices is None:
            return Response(status_code=404)
        return JSONResponse({"voices": [{"id": voice} for voice in self.known_voices]})

    async def transcribe_file(self, request: Request) -> Response:
        if "stt" in self.failing:
            return JSONResponse({"error": {"message": "broken"}}, status_code=500)
        async with request.form() as form:
            self.hints.append({name: form[name] for name in form if name != "file"})
            upload = form["file"]
            assert isinstance(upload, UploadFile)
            self.segments.append(await upload.read())
        return JSONResponse({"text": self.heard.popleft() if self.heard else ""})

    async def complete(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.requests.append(body)
        self.credentials.append(request.headers.get("authorization", ""))
        if (refusal := await self._fault("llm")) is not None:
            return refusal
        length = sum(len(message.get("content") or "") for message in body["messages"])
        if self.context_characters is not None and length > self.context_characters:
            error = {"message": "too long", "code": "context_length_exceeded", "param": "messages"}
            return JSONResponse({"error": error}, status_code=400)
        reply = self.replies.popleft() if self.replies else "I have nothing to say."
        limit = body.get("max_completion_tokens")
        return StreamingResponse(self._chunks(reply, limit), media_type="text/event-stream")

    async def _chunks(self, reply: Script, limit: int | None) -> AsyncIterator[str]:
        while self.prefill is not None and not self.prefill.is_set():
            yield ": ping\n\n"
            await asyncio.sleep(0.05)
        parts, calls = reply if isinstance(reply, list) else [reply], 0
        spent = 1
        for part in parts:
            if isinstance(part, ToolCall):
                yield _call(part, f"call_{len(self.requests)}_{calls}", calls)
                calls += 1
                continue
            words = part.split(" ")
            spent = min(len(words), limit or len(words))
            for index, word in enumerate(words[:limit]):
                if self.failing.get("llm") == "cut" and index == len(words) // 2:
                    raise ConnectionResetError
                yield _chunk({"role": "assistant", "content": word + " " * (index < len(words) - 1)}, None)
                if self.goes_on is not None:
                    await self.goes_on.wait()
        yield _chunk({}, "tool_calls" if calls else "stop")
        tokens = 3 if limit is None else min(spent, limit)
        usage = {"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens}
        yield f"data: {json.dumps({**_CHUNK, 'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"

    async def speak(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.spoken.append(body["input"])
        self.leads.append(request.headers.get("sottovoce-lead", ""))
        self.voices.append((body["voice"], body["speed"]))
        if (refusal := await self._fault("tts")) is not None:
            return refusal
        if self.known_voices is not None and body["voice"] not in self.known_voices:
            error = {"message": "no such voice", "param": "voice"}
            return JSONResponse({"error": error}, status_code=400)
        sound = buzz(len(body["input"]) / self.voice_rate)
        if self.failing.get("tts") == "cut":
            return StreamingResponse(_cut(sound[: len(sound) // 2 // 2 * 2]), media_type="audio/pcm")
        return Response(sound, media_type="audio/pcm")

    async def _fault(self, kind: EngineKind) -> Response | None:
        """How an engine that fails before its answer begins answers."""
        asked = len(self.requests if kind == "llm" else self.spoken)
        fault = "refuse" if self.refused.get(kind) == asked - 1 else self.failing.get(kind)
        match fault:
            case "hang":
                await asyncio.sleep(3600)
            case "refuse":
                return JSONResponse({"error": {"message": "broken"}}, status_code=500)
            case "busy":
                return JSONResponse({"error": {"message": "busy"}}, status_code=429)
            case "bad":
                return JSONResponse({"error": {"message": "no"}}, status_code=400)
            case "mute":
                return StreamingResponse(_cut(b""), media_type="text/event-stream")
        return None


async def _cut(beginning: bytes) -> AsyncIterator[bytes]:
    yield beginning
    raise ConnectionResetError


def buzz(seconds: float) -> bytes:
    """24 kHz s16 with syllable-like swells, which the transcript synchroniser takes for speech."""
    time = np.arange(int(seconds * 24_000)) / 24_000
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)
    wave = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 8))
    return bytes((3000 * swell * wave).astype(np.int16).tobytes())


_CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def _chunk(delta: dict[str, Any], finish: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({**_CHUNK, 'choices': [choice]})}\n\n"


def _call(call: ToolCall, call_id: str, index: int) -> str:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    told = {"index": index, "id": call_id, "type": "function", "function": function}
    return _chunk({"role": "assistant", "tool_calls": [told]}, None)


@dataclass
class FakeChain:
    """Several of them in the order of preference, the same for every kind; `members` may change."""

    members: list[FakeEngines]

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return tuple(member.endpoint(kind) for member in self.members)


@asynccontextmanager
async def running_chain(*names: str) -> AsyncIterator[FakeChain]:
    async with AsyncExitStack() as stack:
        yield FakeChain([await stack.enter_async_context(running(name)) for name in names])


@asynccontextmanager
async def running(name: str = "fake") -> AsyncIterator[FakeEngines]:
    engines = FakeEngines(name=name)
    async with served(engines.app(), graceful_timeout=0.1) as url:
        engines.url = f"{url}/v1"
        yield engines
