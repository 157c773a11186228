"""The WebRTC calls that are up, from offer to hang-up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from sottovoce.conversation.port import SessionPort
from sottovoce.errors import NotFoundError
from sottovoce.gateway.limits import Slots
from sottovoce.realtime.opening import start
from sottovoce.realtime.protocol import ProtocolOptions
from sottovoce.realtime.webrtc import Call, CallOptions
from sottovoce.realtime.webrtc_offer import check_offer

logger = logging.getLogger(__name__)


class Calls:
    """`sessions` and `half_open` count what each call takes; both are given back however it ends."""

    def __init__(
        self, make_session: Callable[[], SessionPort], sessions: Slots, half_open: Slots, options: CallOptions
    ) -> None:
        self._make_session = make_session
        self._sessions = sessions
        self._half_open = half_open
        self._options = options
        self._running: dict[str, tuple[Call, asyncio.Task[None]]] = {}

    async def open(self, offer: bytes, protocol_options: ProtocolOptions) -> tuple[str, str]:
        """Start a call; returns its id and the SDP answer.

        Raises `InvalidRequestError` and `TooLargeError` for a bad offer, `ServerFullError`, `EngineError`.
        """
        checked = check_offer(offer)
        with contextlib.ExitStack() as taken:
            taken.enter_context(self._sessions.take())
            setup = taken.enter_context(self._half_open.take())
            session = await start(self._make_session())
            call = Call(session, protocol_options, self._options, on_connected=setup.release)
            answer = await call.answer(checked)
            task = asyncio.create_task(self._run(call, taken.pop_all()), name=call.id)
        self._running[call.id] = (call, task)
        return call.id, answer

    async def end(self, call_id: str) -> None:
        """Hang up; returns when everything is released. Raises `NotFoundError`."""
        if call_id not in self._running:
            raise NotFoundError(f"There is no call {call_id!r}; it may have ended.", code="call_not_found")
        call, task = self._running[call_id]
        call.end()
        await asyncio.wait([task])

    async def aclose(self) -> None:
        """Hang all up. Idempotent."""
        for call, _ in self._running.values():
            call.end()
        if self._running:
            await asyncio.wait([task for _, task in self._running.values()])

    def statistics(self) -> tuple[int, int]:
        """How many calls are up, and how many of all are still being set up."""
        return len(self._running), self._half_open.taken

    async def _run(self, call: Call, taken: contextlib.ExitStack) -> None:
        with taken:
            try:
                await call.run()
            except Exception:  # nobody awaits this task: what ended the call is told here or nowhere
                logger.exception("call %s ended by an unexpected error", call.id)
            finally:
                del self._running[call.id]
