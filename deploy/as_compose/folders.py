"""Volumes and temporary file systems of containers, as folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.as_compose.project import DEPLOY, Service

IN_THE_IMAGE = {"/opt/sottovoce/healthcheck.py": DEPLOY / "healthcheck.py"}
"""What the image holds beside the packages that are installed here."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Everything below `root`: `volumes/NAME`, and `own/SERVICE` for what ends with a container."""

    root: Path

    def prepare(self, service: Service) -> Mapping[str, Path]:
        """The folder behind each mount; a mount below another is a link in that one."""
        made: dict[str, Path] = {}
        for target in sorted(service.mounts):
            volume = service.mounts[target]
            behind = (
                self.root / "volumes" / volume if volume else self.root / "own" / service.name / target[1:]
            )
            behind.mkdir(parents=True, exist_ok=True, mode=0o700)
            made[target] = behind
            if (
                above := next((made[path] for path in made if target.startswith(f"{path}/")), None)
            ) is not None:
                link = above / target.rpartition("/")[2]
                if not link.is_symlink():
                    link.symlink_to(behind, target_is_directory=True)
        return made


def placed(word: str, mounts: Mapping[str, Path]) -> str:
    """`word` with the path of the container that it may be put in its place."""
    if word in IN_THE_IMAGE:
        return str(IN_THE_IMAGE[word])
    for target, folder in mounts.items():
        if word == target or word.startswith(f"{target}/"):
            return str(folder) + word.removeprefix(target)
    return word
