"""The services of a project as processes: started as their dependencies allow, stopped in reverse."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

from deploy.as_compose.folders import Folders, placed
from deploy.as_compose.loopback import LOOPBACK, Loopback
from deploy.as_compose.project import DEPLOY, ComposeError, Dependency, Project, Service, image_environment

POLL = 0.1
"""Seconds between two looks; compose would wait for its interval, for nothing that matters here."""

ENTRYPOINT = (sys.executable, "-m", "sottovoce")
"""The image's, without tini: here are no orphans to reap but those of this machine's own init."""
LAUNCH = (sys.executable, "-P", "-m", "sottovoce.processes.launch")
"""Becomes the program, which then dies with whoever started it."""

INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR")
"""What a process needs of the machine; no setting of whoever runs this."""

LAST_LINES = 15


@dataclass(slots=True)
class Running:
    """`log` is all that the service wrote."""

    service: Service
    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path
    environment: Mapping[str, str] = field(repr=False)

    @property
    def is_up(self) -> bool:
        return self.process.poll() is None

    @property
    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:])


@dataclass(slots=True)
class Stack:
    """`programs` run images of others: their command lines by repository. `extra` goes to every process."""

    project: Project
    root: Path
    programs: Mapping[str, Sequence[str]]
    extra: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    loopback: Loopback = field(init=False)
    folders: Folders = field(init=False)

    def __post_init__(self) -> None:
        self.loopback = Loopback.of(self.project)
        self.folders = Folders(self.root)

    def url(self, service: str, port: int, scheme: str = "http") -> str:
        """Where the container's `port` is."""
        return f"{scheme}://{LOOPBACK}:{self.loopback.ports[service, port]}"

    def start(self) -> None:
        """All of it, ready. Raises `ComposeError` with the last words of what did not come up."""
        for service in self._in_order():
            for dependency in service.dependencies:
                self._await(service, dependency)
            self.running[service.name] = self.spawn(service)
        for running in self.running.values():
            if running.service.healthcheck is not None:
                self.await_health(running)

    def stop(self) -> dict[str, float | None]:
        """Seconds from SIGTERM to the end of each that still ran; None for who had to be killed."""
        return {
            running.service.name: _end(running)
            for running in reversed(self.running.values())
            if running.is_up
        }

    def _in_order(self) -> Iterator[Service]:
        left = dict(self.project.services)
        while left:
            free = [
                each for each in left.values() if not any(one.service in left for one in each.dependencies)
            ]
            if not free:
                raise ComposeError(f"these wait for one another: {', '.join(left)}")
            for service in free:
                del left[service.name]
                yield service

    def _await(self, service: Service, dependency: Dependency) -> None:
        running = self.running.get(dependency.service)
        if running is None:
            if dependency.is_required:
                raise ComposeError(f"{service.name} needs {dependency.service}, which no profile chose")
        elif dependency.condition == "service_completed_successfully":
            if running.process.wait():
                raise ComposeError(f"{dependency.service} failed:\n{running.last_words}")
        elif dependency.condition == "service_healthy":
            self.await_health(running)

    def await_health(self, running: Running) -> None:
        """Raises `ComposeError` when it takes longer than its check allows."""
        check = running.service.healthcheck
        assert check is not None, f"{running.service.name} has no health check to wait for"
        deadline = time.monotonic() + check.start_period + check.interval * check.retries
        while (said := self.health(running)) is not None:
            if not running.is_up or time.monotonic() > deadline:
                raise ComposeError(f"{running.service.name} is not healthy: {said}\n{running.last_words}")
            time.sleep(POLL)

    def health(self, running: Running) -> str | None:
        """What its check complains of."""
        check = running.service.healthcheck
        assert check is not None
        command = self._test(running)
        try:
            done = subprocess.run(
                command,
                env=dict(running.environment),
                capture_output=True,
                text=True,
                check=False,
                timeout=check.timeout,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {check.timeout} s"
        return (done.stdout + done.stderr).strip() or "it failed" if done.returncode else None

    def _test(self, running: Running) -> list[str]:
        """Other images bring programs of their own to ask with; the question is the same."""
        words = self.loopback.health_test(running.service)
        if not running.service.is_built_here:
            words = ["python", str(DEPLOY / "healthcheck.py"), words[-1]]
        return [sys.executable if word == "python" else placed(word, {}) for word in words]

    def spawn(self, service: Service) -> Running:
        """Its command, started; nothing is waited for."""
        mounts = self.folders.prepare(service)
        command = [
            *self._program(service),
            *(placed(word, mounts) for word in self.loopback.command(service)),
        ]
        own = self.root / "own" / service.name
        own.mkdir(parents=True, exist_ok=True)
        environment = self._machine() | {"HOME": str(own)} | dict(self.extra)
        given = (image_environment() if service.is_built_here else {}) | self.loopback.environment(service)
        environment |= {name: placed(value, mounts) for name, value in given.items()}
        log = self.root / f"{service.name}.log"
        with log.open("ab") as output:
            process = _process(command, environment, mounts.get("/data", own), output)
        return Running(service, process, log, environment)

    def _program(self, service: Service) -> Sequence[str]:
        if service.is_built_here:
            return ENTRYPOINT
        repository = service.image.partition("@")[0].rpartition(":")[0]
        if repository not in self.programs:
            raise ComposeError(f"{service.name} is {service.image}, and no program here stands in for that")
        return self.programs[repository]

    def _machine(self) -> dict[str, str]:
        return {name: os.environ[name] for name in INHERITED if name in os.environ}


def _process(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, output: IO[bytes]
) -> subprocess.Popen[bytes]:
    program = shutil.which(command[0], path=environment.get("PATH")) or command[0]
    return subprocess.Popen(
        [*LAUNCH, program, *command[1:]],
        env=dict(environment),
        cwd=folder,
        stdin=_lifeline(),
        stdout=output,
        stderr=output,
    )


@cache
def _lifeline() -> int:
    """A pipe that ends with this process, who alone holds its other end: nothing outlives a killed stack."""
    reading, _ = os.pipe()
    return reading


def _end(running: Running) -> float | None:
    began = time.monotonic()
    running.process.terminate()
    try:
        running.process.wait(running.service.stop_grace)
    except subprocess.TimeoutExpired:
        running.process.kill()
        running.process.wait()
        return None
    return time.monotonic() - began
