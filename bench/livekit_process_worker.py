"""Our conversation with one process for each job: what `livekit_executors.py` measures the worker against.

The best case of processes: what a job needs is imported before they are forked, and none of livekit's own
models is loaded. Servers and engines come as for `sottovoce worker`; it prints a line when it is registered.
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial

from sottovoce.livekit.worker.environment import OWN

os.environ.update(OWN)

from livekit.agents import AgentServer, AutoSubscribe, JobContext, JobExecutorType

from sottovoce.cli.worker import engine_chains
from sottovoce.config import load
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.session import Session
from sottovoce.livekit.room.converse import converse
from sottovoce.livekit.room.options import RoomOptions
from sottovoce.livekit.worker.fed_engines import FixedEngines

PRELOADED = ["sottovoce.livekit.room.converse", "sottovoce.conversation.session", "sottovoce.cli.worker"]


async def hold(job: JobContext) -> None:
    clients = EngineClients(FixedEngines(engine_chains(load())))
    await job.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
    try:
        await converse(
            job.room,
            partial(Session, clients),
            SessionOptions(),
            options=RoomOptions(departure_timeout=0.5),
        )
    finally:
        await clients.aclose()
        job.shutdown()


async def run() -> None:
    server = AgentServer(
        job_executor_type=JobExecutorType.PROCESS,
        host="127.0.0.1",
        port=0,
        load_fnc=lambda: 0.0,
        num_idle_processes=2,
        preload_modules=PRELOADED,
    )
    server.rtc_session(hold, agent_name=load().livekit.agent_name)
    server.on("worker_registered", lambda *_: print("registered", flush=True))
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    running = asyncio.create_task(server.run())
    await asyncio.wait([running, ended], return_when=asyncio.FIRST_COMPLETED)
    await server.aclose()
    await running


if __name__ == "__main__":
    asyncio.run(run())
