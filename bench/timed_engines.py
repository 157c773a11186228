"""Engines that take a fixed time, so that whoever asks them is all that differs between two measurements.

    python bench/timed_engines.py [--streaming] [--stt-ms 100] [--llm-ms 200] [--tts-ms 80]

One server of OpenAI's API on loopback that prints its address as a line of JSON and ends with its standard
input. Whatever is said to it is one question; a typed "count to forty" has a long answer. A transcript comes
`--stt-ms` after the last of the speech, the model's first word `--llm-ms` after the question and a further
word every 25 ms, the whole sound of a text `--tts-ms` after it. With --streaming the recogniser takes speech
as it comes as well (`/v1/realtime?intent=transcription`); without, all have to send it as files.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

sys.path.insert(0, str(Path(__file__).parents[1]))

from sottovoce.http.server import listen, serve
from tests.fake_engines import buzz

HEARD = "What time is it in the kitchen?"
SHORT = (
    "It is now half past seven in the evening. Dinner is ready.",
    "Twelve times seven is eighty four. That was an easy one.",
    "Here is one, but promise to laugh. A fish swims into a wall.",
)
"""One after the other: nine and six words to the first mark, and three, to a comma."""
LONG_FOR = "count to forty"
LONG = " ".join(f"This is sentence number {number} of a rather long story." for number in range(1, 11))
WORD_INTERVAL = 0.025
CHARACTERS_PER_SECOND = 45
"""Faster than anybody speaks: a measurement waits for the end of each reply."""
_ITEM = "conversation.item.input_audio_transcription"


@cache
def sound_of(length: int) -> bytes:
    """24 kHz s16 of a text of so many characters."""
    return buzz(length / CHARACTERS_PER_SECOND)


class TimedEngines:
    """Recogniser, language model and voice; the times are seconds."""

    def __init__(self, stt: float, llm: float, tts: float) -> None:
        self._stt, self._llm, self._tts = stt, llm, tts

    def app(self, *, has_streams: bool) -> Starlette:
        streams: list[BaseRoute] = [WebSocketRoute("/v1/realtime", self.transcribe_stream)]
        return Starlette(
            routes=[
                Route("/v1/audio/transcriptions", self.transcribe, methods=["POST"]),
                Route("/v1/chat/completions", self.complete, methods=["POST"]),
                Route("/v1/audio/speech", self.speak, methods=["POST"]),
                Route("/v1/models", self.models),
                Route("/v1/models/{name:path}", self.model),
                Route("/readyz", self.readiness),
                *(streams if has_streams else []),
            ]
        )

    async def transcribe(self, request: Request) -> Response:
        async with request.form():
            await asyncio.sleep(self._stt)
        return JSONResponse({"text": HEARD})

    async def transcribe_stream(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            async for message in socket.iter_text():
                if json.loads(message)["type"] == "input_audio_buffer.commit":
                    await asyncio.sleep(self._stt)
                    await socket.send_json({"type": f"{_ITEM}.completed", "transcript": HEARD})
        except WebSocketDisconnect:
            pass

    async def complete(self, request: Request) -> Response:
        body = json.loads(await request.body())
        asked = [message["content"] for message in body["messages"] if message["role"] == "user"]
        is_long = bool(asked) and LONG_FOR in json.dumps(asked[-1])
        reply = LONG if is_long else SHORT[len(asked) % len(SHORT)]
        return StreamingResponse(self._words(reply), media_type="text/event-stream")

    async def _words(self, reply: str) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._llm
        for word in reply.split(" "):
            await asyncio.sleep(due - loop.time())
            due += WORD_INTERVAL
            yield _chunk({"role": "assistant", "content": f"{word} "}, None)
        yield _chunk({}, "stop")
        yield "data: [DONE]\n\n"

    async def speak(self, request: Request) -> Response:
        body = json.loads(await request.body())
        await asyncio.sleep(self._tts)
        return Response(sound_of(len(body["input"])), media_type="audio/pcm")

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "timed", "object": "model"}]})

    async def model(self, request: Request) -> Response:
        return JSONResponse({"id": request.path_params["name"], "object": "model"})

    async def readiness(self, request: Request) -> Response:
        return JSONResponse({"status": "ready"})


def _chunk(delta: dict[str, Any], finish: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "timed",
        "choices": [choice],
    }
    return f"data: {json.dumps(chunk)}\n\n"


async def run(engines: TimedEngines, *, has_streams: bool) -> None:
    sock = listen("127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{sock.getsockname()[1]}/v1"}), flush=True)

    async def until() -> None:
        await asyncio.to_thread(sys.stdin.read)

    await serve(engines.app(has_streams=has_streams), sock, until=until)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--streaming", action="store_true", help="take speech as it comes, too")
    parser.add_argument("--stt-ms", type=float, default=100)
    parser.add_argument("--llm-ms", type=float, default=200)
    parser.add_argument("--tts-ms", type=float, default=80)
    given = parser.parse_args()
    engines = TimedEngines(given.stt_ms / 1000, given.llm_ms / 1000, given.tts_ms / 1000)
    asyncio.run(run(engines, has_streams=given.streaming))


if __name__ == "__main__":
    main()
