"""The WebRTC calls that are up, from offer to hang-up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import NotFoundError
from sottovoce.gateway.limits import Slots
from sottovoce.gateway.principal import Principal
from sottovoce.realtime.commands import Close
from sottovoce.realtime.opening import SessionFactory, session_options, start
from sottovoce.realtime.protocol import ProtocolOptions, RealtimeProtocol
from sottovoce.realtime.webrtc import Call, CallOptions
from sottovoce.realtime.webrtc_offer import check_offer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningCall:
    call: Call
    task: asyncio.Task[None]
    caller: Principal

    def is_open_to(self, principal: Principal) -> bool:
        """A key opens every call; whoever came without one, with an ephemeral secret say, only its own."""
        return principal.kind == "key" or principal == self.caller


class Calls:
    """`sessions` and `half_open` count what each call takes; both are given back however it ends."""

    def __init__(
        self,
        make_session: SessionFactory,
        defaults: SessionOptions,
        sessions: Slots,
        half_open: Slots,
        options: CallOptions,
    ) -> None:
        self._make_session = make_session
        self._defaults = defaults
        self._sessions = sessions
        self._half_open = half_open
        self._options = options
        self._running: dict[str, RunningCall] = {}

    async def open(self, offer: bytes, asked: ProtocolOptions, caller: Principal) -> tuple[str, str]:
        """Start a call; returns its id and the SDP answer.

        Raises `InvalidRequestError` and `TooLargeError` for a bad offer or session, `ServerFullError`,
        `EngineError`.
        """
        checked, options = check_offer(offer), session_options(asked, self._defaults)
        with contextlib.ExitStack() as taken:
            taken.enter_context(self._sessions.take())
            setup = taken.enter_context(self._half_open.take())
            session = await start(self._make_session(options))
            protocol = RealtimeProtocol(session.id, self._defaults, asked)
            call = Call(session, protocol, self._options, on_connected=setup.release)
            answer = await call.answer(checked)
            task = asyncio.create_task(self._run(call, taken.pop_all()), name=call.id)
        self._running[call.id] = RunningCall(call, task, caller)
        return call.id, answer

    def find(self, call_id: str, principal: Principal) -> Call:
        """A call that `principal` may have a hand in. Raises `NotFoundError`."""
        return self._find(call_id, principal).call

    async def end(self, call_id: str, principal: Principal) -> None:
        """Hang up; returns when everything is released. Raises `NotFoundError`."""
        running = self._find(call_id, principal)
        running.call.end()
        await asyncio.wait([running.task])

    async def aclose(self) -> None:
        """Hang all up. Idempotent."""
        for running in self._running.values():
            running.call.end(Close(1001, "The server is shutting down."))
        if self._running:
            await asyncio.wait([running.task for running in self._running.values()])

    def owners(self) -> set[str]:
        """The keys that somebody calls under, as far as they can be revoked."""
        return {running.caller.key_id for running in self._running.values() if running.caller.key_id}

    def end_of(self, owner: str, ending: Close) -> None:
        """Hang up the calls of one key."""
        for running in self._running.values():
            if running.caller.key_id == owner:
                running.call.end(ending)

    def statistics(self) -> tuple[int, int]:
        """How many calls are up, and how many of all are still being set up."""
        return len(self._running), self._half_open.taken

    def _find(self, call_id: str, principal: Principal) -> RunningCall:
        running = self._running.get(call_id)
        if running is None or not running.is_open_to(principal):
            raise NotFoundError(
                f"There is no call {call_id[:99]!r}; it may have ended.", code="call_not_found"
            )
        return running

    async def _run(self, call: Call, taken: contextlib.ExitStack) -> None:
        with taken:
            try:
                await call.run()
            except Exception:  # nobody awaits this task: what ended the call is told here or nowhere
                logger.exception("call %s ended by an unexpected error", call.id)
            finally:
                del self._running[call.id]
