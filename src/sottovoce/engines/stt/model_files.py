"""What is looked at in a model's files before sherpa-onnx is: it ends the process over many a flaw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sottovoce.errors import EngineError
from sottovoce.models.installed import InstalledModel
from sottovoce.models.onnx_header import HeaderError, read_properties
from sottovoce.models.parts import find_parts

BLANK = "<blk>"
CURE = "fetch the model again (`sottovoce models verify` tells which files are damaged)"


def parts_of(model: InstalledModel, needed: Sequence[str], *, prefers_int8: bool) -> dict[str, Path]:
    """The files in the model's folder by the part they play. Raises `EngineError` for what is missing."""
    if model.path is None:
        raise fault("the model has no folder")
    try:
        parts = find_parts(model.path, prefers_int8=prefers_int8)
    except OSError as error:
        raise fault(f"{model.path} cannot be read ({error.strerror})") from error
    if missing := [part for part in needed if part not in parts]:
        raise fault(f"{model.path} has no {', '.join(missing)}; {CURE}")
    return parts


def properties_of(graph: Path) -> dict[str, str]:
    """What it says of itself. Raises `EngineError` where it is no graph, or not the whole of one."""
    try:
        return read_properties(graph)
    except HeaderError as error:
        raise fault(f"{graph.name} {error}; {CURE}") from error
    except OSError as error:
        raise fault(f"{graph} cannot be read ({error.strerror})") from error


def check_tokens(path: Path, vocabulary: int) -> None:
    """A NeMo transducer's: the vocabulary, and blank as the last. Raises `EngineError`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise fault(f"{path.name} cannot be read ({error}); {CURE}") from error
    tokens = [line.rpartition(" ")[0] for line in lines if line.strip()]
    if BLANK not in tokens:
        raise fault(f"{path.name} lacks the token {BLANK}; {CURE}")
    if tokens[-1] != BLANK or len(tokens) != vocabulary + 1:
        raise fault(
            f"{path.name} has {len(tokens)} tokens, the last of them {tokens[-1]!r}; "
            f"{vocabulary + 1} and {BLANK} belong to the encoder; {CURE}"
        )


def fault(message: str) -> EngineError:
    return EngineError(f"The recogniser's model cannot be loaded: {message}.", engine="stt", code="bad_model")
