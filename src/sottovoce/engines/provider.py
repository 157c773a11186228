"""What sherpa-onnx computes on: the processor, or a graphics card where its other build is installed."""

from __future__ import annotations

import ctypes
import logging
from pathlib import Path
from typing import Literal

from sottovoce.config import EngineKind
from sottovoce.errors import EngineError

CUDA_LIBRARY = "libonnxruntime_providers_cuda.so"
CUDA_DRIVER = "libcuda.so.1"

logger = logging.getLogger(__name__)


def choose_provider(wanted: Literal["auto", "cpu", "cuda"], kind: EngineKind) -> Literal["cpu", "cuda"]:
    """Raises `EngineError` for a wish that this machine cannot fulfil."""
    lack = None if wanted == "cpu" else _why_no_cuda()
    if wanted == "cuda" and lack:
        raise EngineError(f"SOTTOVOCE_{kind.upper()}_PROVIDER=cuda: {lack}.", engine=kind, code="no_cuda")
    if wanted == "auto" and lack:
        logger.info("%s runs on the processor: %s", kind, lack)
    return "cpu" if wanted == "cpu" or lack else "cuda"


def _why_no_cuda() -> str | None:
    import sherpa_onnx

    if not (Path(sherpa_onnx.__file__).parent / "lib" / CUDA_LIBRARY).exists():
        return "the installed sherpa-onnx is the one for the CPU (docs/models.md has the line for the other)"
    try:
        ctypes.CDLL(CUDA_DRIVER)
    except OSError:
        return "there is no NVIDIA driver"
    return None
