"""`python -m sottovoce.services.llama.builtin`: llama.cpp's server out of the xllamacpp package.

It has a process of its own because some faults end the process, and because the service must be able to end
it. The environment variable FLAGS says what to run.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from pydantic import TypeAdapter

from sottovoce.lifeline import die_with_parent
from sottovoce.services.llama.flags import BATCH, FOREIGN_ORIGIN, PING, REUSED, Flags

FLAGS = "SOTTOVOCE_LLAMA_FLAGS"
KEY = "LLAMA_API_KEY"
"""The same that `llama-server` reads."""

ERRORS = 1
"""llama.cpp's level of logging: it warns of what is as it should be."""

ADAPTER = TypeAdapter(Flags)

_NO_GOMP = (
    "libgomp is missing, which llama.cpp needs: install the package libgomp1 (Debian, Ubuntu), "
    "or libgomp (Fedora, Arch: gcc-libs)"
)


def main() -> None:
    """Until the parent has gone. Exits with one line for what is missing."""
    die_with_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the parent's to handle
    flags, key = ADAPTER.validate_json(os.environ.pop(FLAGS)), os.environ.pop(KEY)
    try:
        import xllamacpp
    except ImportError as error:
        sys.exit(f"error: {_NO_GOMP if 'libgomp' in str(error) else error}")
    if flags.is_gpu_required and not _has_gpu(xllamacpp):
        sys.exit("error: this build of xllamacpp has no GPU to use; docs/models.md tells of one that has")
    try:
        server = xllamacpp.Server(_params(xllamacpp, flags, key))
    except (RuntimeError, MemoryError) as error:
        sys.exit(f"error: {error}")  # llama.cpp itself has said the reason before
    threading.Event().wait()
    del server


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


def _has_gpu(xllamacpp: Any) -> bool:
    return any("GPU" in str(device.get("type", "")).upper() for device in xllamacpp.get_device_info())


def _params(xllamacpp: Any, flags: Flags, key: str) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(flags.model)
    params.port = 0
    params.n_ctx, params.n_parallel = flags.whole_context, flags.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = flags.threads
    params.n_batch = params.n_ubatch = BATCH
    params.n_threads_http = flags.http_threads
    params.endpoint_metrics = params.endpoint_props = True
    params.endpoint_slots = params.ui = False
    params.cors_origins = FOREIGN_ORIGIN
    params.sse_ping_interval = PING
    params.kv_unified = params.ctx_shift = params.prefill_assistant = False
    params.cache_ram_mib, params.n_cache_reuse = flags.cache_mib, REUSED
    params.offline = True
    params.verbosity = ERRORS
    params.api_keys = [key]
    if not flags.is_thinking:
        params.sampling.reasoning_budget_tokens = 0
    if flags.gpu_layers is not None:
        params.n_gpu_layers = flags.gpu_layers
        params.fit_params = False  # nothing is left to be chosen, and choosing reads the model twice
    return params


if __name__ == "__main__":
    main()
