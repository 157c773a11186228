"""A `llama-server` for the tests: the flags of the real one, and xllamacpp behind them."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

FLAGS = {
    "--model": "model.path",
    "--port": "port",
    "--ctx-size": "n_ctx",
    "--parallel": "n_parallel",
    "--threads": "cpuparams.n_threads",
    "--threads-batch": "cpuparams_batch.n_threads",
    "--batch-size": "n_batch",
    "--ubatch-size": "n_ubatch",
    "--threads-http": "n_threads_http",
    "--sse-ping-interval": "sse_ping_interval",
    "--cache-ram": "cache_ram_mib",
    "--cache-reuse": "n_cache_reuse",
    "--cors-origins": "cors_origins",
    "--verbosity": "verbosity",
    "--n-gpu-layers": "n_gpu_layers",
    "--reasoning-budget": "sampling.reasoning_budget_tokens",
}
SWITCHES = {
    "--metrics": ("endpoint_metrics", True),
    "--props": ("endpoint_props", True),
    "--no-slots": ("endpoint_slots", False),
    "--no-webui": ("ui", False),
    "--no-kv-unified": ("kv_unified", False),
    "--no-context-shift": ("ctx_shift", False),
    "--no-prefill-assistant": ("prefill_assistant", False),
    "--offline": ("offline", True),
    "--jinja": ("use_jinja", True),
}
HOST = "--host"
DEVICES = "--list-devices"


def install(folder: Path, *, lacks: str = "") -> Path:
    """Put an executable into `folder`; `lacks` is a flag that it does not know."""
    program = folder / "llama-server"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{lacks}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def main() -> None:
    lacks, *arguments = sys.argv[1:]
    if "--help" in arguments:
        known = [flag for flag in (*FLAGS, *SWITCHES, HOST, DEVICES) if flag != lacks]
        print("usage: llama-server\n" + "\n".join(f"-x, {flag} VALUE  1: error" for flag in known))
        return
    if DEVICES in arguments:
        print("Available devices:")
        return
    import xllamacpp

    params = xllamacpp.CommonParams()
    words = iter(arguments)
    for flag in words:
        if flag in SWITCHES:
            setattr(params, *SWITCHES[flag])
        elif flag == HOST:
            params.hostnames = [next(words)]
        else:
            _set(params, FLAGS[flag], next(words))
    params.api_keys = [os.environ["LLAMA_API_KEY"]]
    server = xllamacpp.Server(params)
    threading.Event().wait()
    del server


def _set(params: object, path: str, value: str) -> None:
    *inner, name = path.split(".")
    for part in inner:
        params = getattr(params, part)
    setattr(params, name, int(value) if isinstance(getattr(params, name), int) else value)


if __name__ == "__main__":
    main()
