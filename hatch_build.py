"""Put the page into sdist and wheel: they hold it ready built, so that installing needs no Node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageBuildHook(BuildHookInterface[Any]):
    """Builds the page from `web/` where it is not built yet; editable installs are left alone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if version == "editable":
            return
        if self.target_name == "wheel":
            build_data["force_include"].update(_recordings(root))
        if (root / "src/sottovoce/web/dist/index.html").exists():
            return
        if shutil.which("npm") is None:
            raise RuntimeError(
                "The page is not built and npm is not on the PATH. Run `make page`, or install Node 20.19 or "
                "newer. (The published sdist and wheel hold the page already.)"
            )
        subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=root / "web", check=True)
        subprocess.run(["npm", "run", "build"], cwd=root / "web", check=True)


def _recordings(root: Path) -> dict[str, str]:
    """The recordings of whole questions, which `sottovoce bench` speaks where there is no checkout."""
    paths = (root / "tests/data/recordings").glob("dialogue-*.wav")
    return {str(path): f"sottovoce/bench/recordings/{path.name}" for path in paths}
