"""A streaming model's files, looked at before sherpa-onnx is: it ends the process over many a flaw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sottovoce.errors import EngineError
from sottovoce.models.installed import InstalledModel
from sottovoce.models.onnx_header import HeaderError, read_properties
from sottovoce.models.parts import find_parts

PARTS = ("encoder", "decoder", "joiner", "tokens")
NEMO = "nemo-transducer"
NEMO_PROPERTIES = (
    *("vocab_size", "window_size", "chunk_shift", "subsampling_factor", "normalize_type"),
    *("pred_rnn_layers", "pred_hidden"),
    *(f"cache_last_{name}_dim{number}" for name in ("channel", "time") for number in (1, 2, 3)),
)
"""What sherpa-onnx reads from the encoder of a NeMo model, and ends the process without."""
OTHER_PROPERTIES = ("model_type",)
NUMBERS = frozenset(NEMO_PROPERTIES) - {"normalize_type"}
BLANK = "<blk>"
CURE = "fetch the model again (`sottovoce models verify` tells which files are damaged)"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """`properties` are the encoder's own facts."""

    encoder: Path
    decoder: Path
    joiner: Path
    tokens: Path
    properties: Mapping[str, str]

    @classmethod
    def find(cls, model: InstalledModel, *, prefers_int8: bool) -> ModelFiles:
        """Those in the model's folder. Raises `EngineError` for what is missing, cut off or no such model."""
        if model.path is None:
            raise _fault("the model has no folder")
        try:
            parts = find_parts(model.path, prefers_int8=prefers_int8)
        except OSError as error:
            raise _fault(f"{model.path} cannot be read ({error.strerror})") from error
        if missing := [part for part in PARTS if part not in parts]:
            raise _fault(f"{model.path} has no {', '.join(missing)}; {CURE}")
        properties, *_ = [_properties(parts[part]) for part in ("encoder", "decoder", "joiner")]
        files = cls(parts["encoder"], parts["decoder"], parts["joiner"], parts["tokens"], properties)
        files._check(is_nemo=model.entry.family == NEMO or "vocab_size" in properties)
        return files

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that a multilingual NeMo model can be told, in lower case."""
        return tuple(language for language in _prompts(self.properties) if language != "auto")

    def _check(self, *, is_nemo: bool) -> None:
        needed = NEMO_PROPERTIES if is_nemo else OTHER_PROPERTIES
        for name in needed:
            if name not in self.properties:
                raise _fault(f"{self.encoder.name} lacks the property {name}; {CURE}")
            if name in NUMBERS and not self.properties[name].strip().isdigit():
                raise _fault(f"{self.encoder.name}: its {name} is no number; {CURE}")
        if is_nemo:
            self._check_tokens(int(self.properties["vocab_size"]))

    def _check_tokens(self, vocabulary: int) -> None:
        tokens = list(_tokens(self.tokens))
        if BLANK not in tokens:
            raise _fault(f"{self.tokens.name} lacks the token {BLANK}; {CURE}")
        if tokens[-1] != BLANK or len(tokens) != vocabulary + 1:
            raise _fault(
                f"{self.tokens.name} has {len(tokens)} tokens, the last of them {tokens[-1]!r}; "
                f"{vocabulary + 1} and {BLANK} belong to the encoder; {CURE}"
            )


def _properties(path: Path) -> dict[str, str]:
    try:
        return read_properties(path)
    except HeaderError as error:
        raise _fault(f"{path.name} {error}; {CURE}") from error
    except OSError as error:
        raise _fault(f"{path} cannot be read ({error.strerror})") from error


def _tokens(path: Path) -> Iterator[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(f"{path.name} cannot be read ({error}); {CURE}") from error
    return (line.rpartition(" ")[0] for line in lines if line.strip())


def _prompts(properties: Mapping[str, str]) -> Iterator[str]:
    """The languages of a `{"en-US": 0, …}`, read as leniently as the engine reads it."""
    listed = properties.get("prompt_dictionary", "").strip().strip("{}")
    for entry in filter(None, listed.split(",")):
        yield entry.rpartition(":")[0].strip().strip("\"'").lower().replace("_", "-")


def _fault(message: str) -> EngineError:
    return EngineError(f"The recogniser's model cannot be loaded: {message}.", engine="stt", code="bad_model")
