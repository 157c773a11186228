"""Conversations in LiveKit rooms: how soon they answer and fall silent, what they cost, and where it breaks.

    python bench/livekit_rooms.py [--sessions 1,2,4,8] [--contenders ABC] [--json FILE]
    python bench/livekit_rooms.py --quick              # a look, about a minute
    python bench/livekit_rooms.py --ramp               # A alone, more and more of them until it breaks
    python bench/livekit_rooms.py --past-limit 4       # twice as many as a worker may have

Participants, in processes of their own, speak recordings into rooms of a real livekit-server, or into calls:
A  sottovoce, rooms      `sottovoce worker`
B  livekit-agents, VAD   a plain worker whose turns end by VAD, otherwise the framework's defaults
C  sottovoce, calls      `sottovoce serve`, WebRTC without LiveKit
All ask the same engines, by default ones that take a fixed time (timed_engines.py: transcript 100 ms, first
token 200 ms, first audio 80 ms; all three send them speech as files, unless --streaming), so that only turn
taking and transport differ. They take turns (A B C A B C), once for each of --rounds.

voice       last sample of speech sent to first audible sample received: p50, p95; least and greatest median
silent      start of speech over a reply to the reply's last audible sample
again       voice to voice of what was said over a reply
CPU         percent of one core for each session, of the worker (C: gateway) and of livekit-server
MB          proportional set size: of the worker with nobody there, and for each session on top
It breaks where the p95 is over --bound-ms, or somebody is refused, gets no answer or an error. The clients
work on the same machine: where `machine` is near 100 % of its cores, they are a part of the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from livekit_contenders import (
    DEPARTURE_TIMEOUT,
    Contender,
    Engines,
    contenders,
    embedded_engines,
    timed_engines,
)
from livekit_figures import Costs, Outcome, Row, Step, row
from livekit_participants import Plan, Ticket
from pydantic import TypeAdapter

from sottovoce.bench.child import Meter, child
from sottovoce.bench.voice_to_voice import environment

HERE = Path(__file__).parent
RECORDINGS = HERE.parent / "tests" / "data" / "recordings"
SPOKEN = (
    "dialogue-what-time-is-it-slt",
    "dialogue-what-is-twelve-times-seven-slt",
    "dialogue-tell-me-a-joke-slt",
)
"""Short questions, without a pause in them."""
PER_PROCESS = 4
"""Participants of one process of clients: few enough to keep their pace on a part of a core."""
CYCLE = 3.0
"""Seconds that a turn takes, over which the participants are spread."""
ADMISSION = 20.0
"""Seconds to the assistant's coming, after which a participant counts as refused."""
STEP_DEADLINE = 240.0
RAMP = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)


@dataclass(frozen=True)
class Script:
    """What each participant does."""

    turns: int
    interruptions: int
    admission: float = ADMISSION


class Clients:
    """One process of them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid = process.pid
        self._stdin, self._stdout = process.stdin, process.stdout

    def tell(self, line: bytes) -> None:
        self._stdin.write(line + b"\n")

    def end(self) -> None:
        self._stdin.close()

    async def told(self) -> dict[str, Any]:
        """Raises `RuntimeError` where it has ended."""
        line = await self._stdout.readline()
        if not line:
            raise RuntimeError("A process of participants has ended; see its log.")
        event: dict[str, Any] = json.loads(line)
        return event


@asynccontextmanager
async def clients(plans: Sequence[Plan], log: Path) -> AsyncIterator[list[Clients]]:
    command = [sys.executable, str(HERE / "livekit_participants.py")]
    async with AsyncExitStack() as stack:
        found = []
        for plan in plans:
            process = await stack.enter_async_context(child(command, log, has_pipes=True))
            found.append(Clients(process))
            found[-1].tell(TypeAdapter(Plan).dump_json(plan))
        yield found


def plans(tickets: Sequence[Ticket], script: Script) -> list[Plan]:
    """The participants in groups, each group having some of the early and some of the late ones."""
    groups = -(-len(tickets) // PER_PROCESS)
    paths = [str(RECORDINGS / f"{name}.wav") for name in SPOKEN]
    places = [list(range(group, len(tickets), groups)) for group in range(groups)]
    return [
        Plan(
            [tickets[place] for place in group],
            [CYCLE * place / len(tickets) for place in group],
            paths,
            script.turns,
            script.interruptions,
            script.admission,
        )
        for group in places
    ]


async def measured(contender: Contender, sessions: int, script: Script, folder: Path) -> Step:
    """One step, from joining to leaving."""
    worker, server = Meter(contender.pids), Meter(contender.server_pids)
    idle_mb = worker.memory_mb()
    async with (
        asyncio.timeout(STEP_DEADLINE),
        clients(plans(contender.tickets(sessions), script), folder / "participants.log") as groups,
    ):
        joined = await asyncio.gather(*(group.told() for group in groups))
        admitted = sum(event["admitted"] for event in joined)
        costs = None
        if admitted:
            costs = await _spoken(groups, admitted, worker, server, idle_mb)
        for group in groups:
            group.end()
        over = await asyncio.gather(*(group.told() for group in groups))
    outcomes = [TypeAdapter(Outcome).validate_python(one) for event in over for one in event["outcomes"]]
    await asyncio.sleep(DEPARTURE_TIMEOUT + 0.5)
    return Step(contender.letter, sessions, outcomes, costs)


async def _spoken(
    groups: Sequence[Clients], admitted: int, worker: Meter, server: Meter, idle_mb: float
) -> Costs:
    """CPU while all of them talk, that is from the last one's beginning to the first one's end."""
    own = Meter([group.pid for group in groups])
    for group in groups:
        group.tell(b"speak")
    async with _events(groups) as events:
        await events.until(begun=admitted)
        for meter in (worker, server, own):
            meter.start()
        psutil.cpu_percent()
        await events.until(done=1)
        cpu = worker.percent(), server.percent(), own.percent(), psutil.cpu_percent()
        await events.until(done=admitted)
    return Costs(*cpu, worker.memory_mb(), idle_mb, server.memory_mb())


class Events:
    """How far the participants are."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[str | RuntimeError] = asyncio.Queue()
        self._counts = {"begun": 0, "done": 0}

    async def listen(self, group: Clients) -> None:
        try:
            while True:
                self._told.put_nowait((await group.told())["event"])
        except RuntimeError as error:
            self._told.put_nowait(error)

    async def until(self, **counts: int) -> None:
        """Raises `RuntimeError` where a process of participants ends before that."""
        while any(self._counts[kind] < number for kind, number in counts.items()):
            told = await self._told.get()
            if isinstance(told, RuntimeError):
                raise told
            self._counts[told] += 1


@asynccontextmanager
async def _events(groups: Sequence[Clients]) -> AsyncIterator[Events]:
    events = Events()
    listening = [asyncio.create_task(events.listen(group)) for group in groups]
    try:
        yield events
    finally:
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


@dataclass(frozen=True)
class Options:
    sessions: Sequence[int]
    letters: str
    rounds: int
    script: Script
    workers: int
    bound_ms: float
    has_real_engines: bool
    has_streams: bool


@asynccontextmanager
async def started(options: Options, folder: Path, **given: int) -> AsyncIterator[dict[str, Contender]]:
    """All contenders, each having answered once: what only the first conversation costs is not measured."""
    async with AsyncExitStack() as stack:
        engines: Engines = await stack.enter_async_context(
            embedded_engines()
            if options.has_real_engines
            else timed_engines(folder / "engines.log", has_streams=options.has_streams)
        )
        making = contenders(options.letters, engines, folder, workers=options.workers, **given)
        found = await stack.enter_async_context(making)
        for contender in found.values():
            first = await measured(contender, options.workers, Script(1, 0), folder)
            if not first.admitted or first.errors:
                raise RuntimeError(f"{contender.name} does not answer: {first.errors or 'nobody came'}")
        yield found


async def compare(options: Options, folder: Path, rows: list[Row]) -> None:
    """All with so many participants, by turns, before there are more; who breaks is left alone after that."""
    async with started(options, folder) as going:
        for sessions in options.sessions:
            steps: dict[str, list[Step]] = {letter: [] for letter in going}
            for _ in range(options.rounds):
                for letter, contender in going.items():
                    steps[letter].append(await measured(contender, sessions, options.script, folder))
            for letter in list(going):
                rows.append(row(steps[letter]))
                show(rows[-1], options.bound_ms)
                if rows[-1].troubles(options.bound_ms):
                    del going[letter]


async def past_limit(options: Options, limit: int, folder: Path, rows: list[Row]) -> None:
    """As many as may come, twice as many at once, and as many again: places are free when they are left."""
    allowed = limit * options.workers
    async with started(options, folder, max_sessions=limit) as going:
        for sessions in (allowed, 2 * allowed, allowed):
            rows.append(row([await measured(going["A"], sessions, options.script, folder)]))
            show(rows[-1], options.bound_ms)
    before, during, after = rows
    has_held = (
        during.refused == allowed
        and not (during.errors or during.unanswered or before.refused or after.refused)
        and (during.voice_to_voice_p95 or options.bound_ms) < options.bound_ms
    )
    print(
        f"{allowed} places, {2 * allowed} came at once: {2 * allowed - during.refused} had an assistant, "
        f"{during.refused} had none. Those who had one: p95 {_shown(during.voice_to_voice_p95)} ms "
        f"(before: {_shown(before.voice_to_voice_p95)}, after: {_shown(after.voice_to_voice_p95)}). "
        f"{'Refused, not collapsed.' if has_held else 'THIS DOES NOT HOLD.'}"
    )


COLUMNS = (9, 7, 8, 7, 12, 8, 7, 7, 8, 8, 8, 8, 8, 9, 9)
HEADINGS = (
    ",,voice,,,silent,,,% CPU each,,MB,,,clients,machine".split(","),
    "sessions,turns,p50,p95,spread,p50,max,again,worker,server,idle,each,server,% CPU,%".split(","),
)


def line(letter: str, cells: Sequence[str]) -> str:
    return letter + "".join(cell.rjust(width) for cell, width in zip(cells, COLUMNS, strict=True))


def show(one: Row, bound_ms: float) -> None:
    least, greatest = map(_shown, one.spread)
    spread = least if least == greatest else f"{least}–{greatest}"
    silent = _shown(one.silent_p50), _shown(one.silent_max)
    cpu = _shown(one.worker_cpu_each, 1), _shown(one.server_cpu_each, 1)
    memory = _shown(one.worker_mb_idle), _shown(one.worker_mb_each, 1), _shown(one.server_mb)
    voice = _shown(one.voice_to_voice_p50), _shown(one.voice_to_voice_p95), spread
    again = _shown(one.after_interruption_p50)
    others = _shown(one.clients_cpu), _shown(one.machine_cpu)
    cells = (str(one.sessions), str(one.turns), *voice, *silent, again, *cpu, *memory, *others)
    print(line(one.contender, cells), flush=True)
    remarks = one.troubles(bound_ms) + ([f"{one.cut_ins} cut in"] if one.cut_ins else [])
    if remarks:
        print(f"   {', '.join(remarks)}", flush=True)


def _shown(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def numbers(text: str) -> list[int]:
    return sorted({int(number) for number in text.split(",") if number})


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=numbers, help="how many at once (1,2,4,8)")
    parser.add_argument("--contenders", default="ABC", help="who takes part (ABC)")
    parser.add_argument("--workers", type=int, choices=(1, 2), default=1, help="of A and B each")
    parser.add_argument("--turns", type=int, help="of each participant in each round (3)")
    parser.add_argument("--interruptions", type=int, default=1, help="after them (1)")
    parser.add_argument("--rounds", type=int, help="of all contenders (2)")
    parser.add_argument("--engines", choices=("timed", "embedded"), default="timed")
    parser.add_argument("--streaming", action="store_true", help="A and C send speech as it comes; B cannot")
    parser.add_argument("--bound-ms", type=float, default=1500, help="a p95 above it is a break (1500)")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--quick", action="store_true", help="1 and 2 sessions, 2 turns, 1 round")
    modes.add_argument("--ramp", action="store_true", help="A alone until it breaks, 2 turns, 1 round")
    modes.add_argument("--past-limit", type=int, metavar="N", help="A with max_sessions N, and 2 N at once")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep what all processes write")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    return parser.parse_args()


def options_of(given: argparse.Namespace) -> Options:
    is_short = given.quick or given.ramp
    sessions = given.sessions or (RAMP if given.ramp else [1, 2] if given.quick else [1, 2, 4, 8])
    letters = "A" if given.ramp or given.past_limit else given.contenders.upper()
    if not letters or set(letters) - set("ABC"):
        raise SystemExit("The contenders are A, B and C.")
    return Options(
        sessions,
        "".join(sorted(set(letters))),
        given.rounds or (1 if is_short else 2),
        Script(given.turns or (2 if is_short else 3), given.interruptions),
        given.workers,
        given.bound_ms,
        has_real_engines=given.engines == "embedded",
        has_streams=given.streaming,
    )


async def interruptible(work: Coroutine[None, None, None]) -> None:
    """Ctrl-C and SIGTERM end what was started first. Raises `CancelledError` then."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await work


def main() -> None:
    given = parsed()
    options, rows = options_of(given), list[Row]()
    print(f"load average {psutil.getloadavg()[0]:.2f}, {psutil.cpu_count()} cores; times in ms")
    for heading in HEADINGS:
        print(line(" ", heading))
    with tempfile.TemporaryDirectory(prefix="sottovoce-bench-") as own:
        folder = given.logs or Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            if given.past_limit:
                asyncio.run(interruptible(past_limit(options, given.past_limit, folder, rows)))
            else:
                asyncio.run(interruptible(compare(options, folder, rows)))
        except asyncio.CancelledError:
            raise SystemExit("Stopped.") from None
        except RuntimeError as error:
            raise SystemExit(f"{error} (--logs FOLDER keeps what the processes write)") from error
        finally:
            if given.json and rows:
                figures = list(map(asdict, rows))
                report = {"environment": environment(), "options": asdict(options), "rows": figures}
                given.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
