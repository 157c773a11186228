"""The resolved compose file, as far as running it needs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

DEPLOY = Path(__file__).parents[1]
COMPOSE_FILE = DEPLOY / "docker-compose.yml"
DOCKERFILE = DEPLOY / "Dockerfile"

Published: TypeAlias = tuple[str, int, int]
"""Protocol, the host's port, the container's."""


class ComposeError(Exception):
    """The file, its settings or what they start are at fault; the message is for people."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Seconds throughout."""

    test: tuple[str, ...]
    interval: float
    timeout: float
    retries: int
    start_period: float


@dataclass(frozen=True, slots=True)
class Dependency:
    service: str
    condition: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Service:
    """`mounts` maps paths in the container to volumes, None for what ends with it."""

    name: str
    image: str
    is_built_here: bool
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    aliases: frozenset[str]
    published: tuple[Published, ...]
    dependencies: tuple[Dependency, ...]
    healthcheck: HealthCheck | None
    mounts: Mapping[str, str | None]
    stop_grace: float


@dataclass(frozen=True, slots=True)
class Project:
    services: Mapping[str, Service]

    def named(self, name: str) -> Service | None:
        """The service that answers to `name` on the project's networks."""
        return next((each for each in self.services.values() if name in each.aliases), None)


def read_project(settings: Mapping[str, str], file: Path = COMPOSE_FILE) -> Project:
    """What compose makes of `file` under `settings`, not the `.env` beside it. Raises `ComposeError`."""
    resolved = _unescaped(json.loads(_compose(settings, file, "config", "--format", "json")))
    return Project({name: _service(name, given) for name, given in resolved["services"].items()})


def _unescaped(value: Any) -> Any:
    """Compose writes each `$` twice, so that what it writes can be read again."""
    if isinstance(value, dict):
        return {key: _unescaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_unescaped(each) for each in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def _compose(settings: Mapping[str, str], file: Path, *arguments: str) -> str:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [*compose_program(), "--env-file", os.devnull, "--file", str(file), *arguments]
    done = subprocess.run(command, env=kept | dict(settings), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ComposeError(done.stderr.strip())
    return done.stdout


def compose_program() -> list[str]:
    """Compose by itself: that of the test packages, else one on PATH, else Docker's. No engine is asked."""
    beside = Path(sys.executable).with_name("docker-compose")
    if beside.is_file():
        return [str(beside)]
    if (found := shutil.which("docker-compose")) is not None:
        return [found]
    raise ComposeError(
        "There is no docker-compose. Install the test packages, or Docker Compose 2.24 or newer."
    )


def _service(name: str, given: Mapping[str, Any]) -> Service:
    networks = given.get("networks") or {}
    others = {alias for network in networks.values() for alias in (network or {}).get("aliases", ())}
    return Service(
        name=name,
        image=given["image"],
        is_built_here="build" in given,
        command=tuple(given.get("command") or ()),
        environment={
            key: value for key, value in (given.get("environment") or {}).items() if value is not None
        },
        aliases=frozenset({name, *others}),
        published=tuple(map(_published, given.get("ports", ()))),
        dependencies=tuple(
            Dependency(other, how["condition"], how.get("required", True))
            for other, how in (given.get("depends_on") or {}).items()
        ),
        healthcheck=_healthcheck(given.get("healthcheck")),
        mounts=_mounts(given),
        stop_grace=seconds(given.get("stop_grace_period", "10s")),
    )


def _published(given: Mapping[str, Any]) -> Published:
    return given.get("protocol", "tcp"), int(given["published"]), int(given["target"])


def _healthcheck(given: Mapping[str, Any] | None) -> HealthCheck | None:
    if given is None or given.get("disable"):
        return None
    return HealthCheck(
        test=tuple(given["test"]),
        interval=seconds(given.get("interval", "30s")),
        timeout=seconds(given.get("timeout", "30s")),
        retries=given.get("retries", 3),
        start_period=seconds(given.get("start_period", "0s")),
    )


def _mounts(given: Mapping[str, Any]) -> dict[str, str | None]:
    volumes = {
        each["target"]: each["source"] for each in given.get("volumes", ()) if each["type"] == "volume"
    }
    return volumes | {each.partition(":")[0]: None for each in given.get("tmpfs", ())}


def seconds(duration: str) -> float:
    """Of Go's notation: `5m0s`, `1.5s`, `300ms`."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)(ms|h|m|s)", duration))


def image_environment(file: Path = DOCKERFILE) -> dict[str, str]:
    """What the last stage of the image sets, but the program path, which is the image's own."""
    last = instructions(file.read_text())
    start = max(at for at, (name, _) in enumerate(last) if name == "FROM")
    pairs = [word for name, text in last[start:] if name == "ENV" for word in text.split()]
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs) if key != "PATH"}


def instructions(dockerfile: str) -> Sequence[tuple[str, str]]:
    """Each instruction with its arguments, comments and line ends taken out."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [
        (name.upper(), " ".join(text.split())) for name, _, text in (line.partition(" ") for line in whole)
    ]
