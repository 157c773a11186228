"""A streaming model's files, looked at before sherpa-onnx is: it ends the process over many a flaw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sottovoce.engines.stt.model_files import CURE, check_tokens, fault, parts_of, properties_of
from sottovoce.models.installed import InstalledModel

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
        parts = parts_of(model, PARTS, prefers_int8=prefers_int8)
        properties, *_ = [properties_of(parts[part]) for part in ("encoder", "decoder", "joiner")]
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
                raise fault(f"{self.encoder.name} lacks the property {name}; {CURE}")
            if name in NUMBERS and not self.properties[name].strip().isdigit():
                raise fault(f"{self.encoder.name}: its {name} is no number; {CURE}")
        if is_nemo:
            check_tokens(self.tokens, int(self.properties["vocab_size"]))


def _prompts(properties: Mapping[str, str]) -> Iterator[str]:
    """The languages of a `{"en-US": 0, …}`, read as leniently as the engine reads it."""
    listed = properties.get("prompt_dictionary", "").strip().strip("{}")
    for entry in filter(None, listed.split(",")):
        yield entry.rpartition(":")[0].strip().strip("\"'").lower().replace("_", "-")
