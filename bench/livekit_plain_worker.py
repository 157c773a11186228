"""What `livekit_rooms.py` compares with: a plain livekit-agents worker, its options the framework's own.

An AgentSession whose turns end by VAD, with the openai plugin for all engines, one process for each job.
Three options differ from the defaults: the worker takes jobs although the machine, which carries the
participants too, is busy; its health is told on loopback; the voice is asked for PCM, as Sottovoce does.

It takes the server from LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET and the engines from ENGINES
(`{"stt": {"url": "http://…/v1", "api_key": "…"}, …}`), prints a line when it is registered, and ends with its
standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, inference
from livekit.plugins import openai

AGENT_NAME = "plain"


async def converse(job: JobContext) -> None:
    engines = json.loads(os.environ["ENGINES"])
    stt, llm, tts = (
        {"base_url": engines[kind]["url"], "api_key": engines[kind]["api_key"]}
        for kind in ("stt", "llm", "tts")
    )
    session: AgentSession[None] = AgentSession(
        stt=openai.STT(**stt),
        llm=openai.LLM(**llm),
        tts=openai.TTS(**tts, response_format="pcm"),
        vad=inference.VAD(model="silero"),
        turn_handling={"turn_detection": "vad"},
    )
    await session.start(Agent(instructions="You are a voice assistant."), room=job.room)


async def run() -> None:
    server = AgentServer(host="127.0.0.1", port=0, load_fnc=lambda: 0.0)
    server.rtc_session(converse, agent_name=AGENT_NAME)
    server.on("worker_registered", lambda *_: print("registered", flush=True))
    running = asyncio.create_task(server.run())
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([running, ended], return_when=asyncio.FIRST_COMPLETED)
    await server.aclose()
    await running


if __name__ == "__main__":
    asyncio.run(run())
