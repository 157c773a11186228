"""The llm service as a process of its own, as `serve` starts it, with any model."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil

from sottovoce.http.server import listen
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import InstalledModel
from sottovoce.services.child import SERVICE_KEY, SERVICE_MODEL

KEY = "a-key-for-the-tests"
DEADLINE = 30.0
POLL = 0.05
CHAT = "/v1/chat/completions"


def gguf(path: Path) -> InstalledModel:
    return InstalledModel(entry=ModelEntry(id=path.stem, kind="llm", engine="llama.cpp"), path=path)


class MindService:
    """Running from the start on; `settings` go into its environment: `llm_parallel="2"`."""

    def __init__(
        self,
        model: InstalledModel | None,
        home: Path,
        *,
        path: str | None = None,
        prepare: Callable[[], None] | None = None,
        **settings: str,
    ) -> None:
        sock = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self.log = home / "llm.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SOTTOVOCE_")}
        own = {"home": str(home), **settings}
        environment |= {f"SOTTOVOCE_{name.upper()}": value for name, value in own.items()}
        environment |= {SERVICE_KEY: KEY} | ({SERVICE_MODEL: model.model_dump_json()} if model else {})
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sottovoce.services", "llm", "--fd", str(sock.fileno())],
                env=environment | ({"PATH": path} if path else {}),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(sock.fileno(),),
                preexec_fn=prepare,
            )
        sock.close()
        self.http = httpx.Client(
            base_url=self.url, headers={"authorization": f"Bearer {KEY}"}, timeout=DEADLINE, trust_env=False
        )

    def state(self) -> dict[str, object]:
        told: dict[str, object] = self.http.get("/readyz").json()
        return told

    def settle(self) -> dict[str, object]:
        """Its state, once that is ready or failed."""
        deadline = time.monotonic() + DEADLINE
        while (state := self.state())["status"] not in ("ready", "failed"):
            assert time.monotonic() < deadline, f"still {state}:\n{self.log.read_text()}"
            time.sleep(POLL)
        return state

    def ready(self) -> MindService:
        assert self.settle()["status"] == "ready", self.log.read_text()
        return self

    def llama(self) -> psutil.Process:
        """The process that llama.cpp runs in."""
        [child] = psutil.Process(self.process.pid).children()
        return child

    def stop(self) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(DEADLINE)
        assert self.process.stdin is not None
        self.process.stdin.close()
