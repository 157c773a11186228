"""An offline model's files, looked at before sherpa-onnx is: it ends the process over many a flaw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sottovoce.engines.stt.model_files import CURE, check_tokens, fault, parts_of, properties_of
from sottovoce.models.installed import InstalledModel

PARTS: Mapping[str, tuple[str, ...]] = {
    "whisper": ("encoder", "decoder", "tokens"),
    "nemo-transducer": ("encoder", "decoder", "joiner", "tokens"),
    "zipformer": ("encoder", "decoder", "joiner", "tokens"),
    "moonshine": ("preprocessor", "encoder", "uncached_decoder", "cached_decoder", "tokens"),
    "sense-voice": ("model", "tokens"),
}
"""What each family is made of."""
PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "whisper": (
        *("n_mels", "n_text_layer", "n_text_ctx", "n_text_state", "n_vocab", "sot", "eot", "blank_id"),
        *("translate", "transcribe", "is_multilingual", "no_timestamps", "no_speech", "sot_sequence"),
    ),
    "nemo-transducer": (
        *("vocab_size", "subsampling_factor", "normalize_type", "pred_rnn_layers", "pred_hidden"),
    ),
    "sense-voice": ("vocab_size", "lfr_window_size", "lfr_window_shift"),
}
"""What sherpa-onnx reads from a family's first graph, and ends the process without."""
TEXTS = frozenset({"normalize_type", "sot_sequence"})
"""Those that are no numbers."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """`properties` are those of the graph that comes first."""

    family: str
    parts: Mapping[str, Path]
    properties: Mapping[str, str]

    @classmethod
    def find(cls, model: InstalledModel, *, prefers_int8: bool) -> ModelFiles:
        """Those in the model's folder. Raises `EngineError` for what is missing, cut off or no such model."""
        family = model.entry.family
        if family not in PARTS:
            raise fault(f"{model.id} is of the family {family!r}, which is none of {', '.join(PARTS)}")
        parts = parts_of(model, PARTS[family], prefers_int8=prefers_int8)
        graphs = [part for part in PARTS[family] if part != "tokens"]
        properties = [properties_of(parts[part]) for part in graphs]
        files = cls(family, parts, next((each for each in properties if each), {}))
        files._check()
        return files

    def __getitem__(self, part: str) -> str:
        return str(self.parts[part])

    def _check(self) -> None:
        for name in PROPERTIES.get(self.family, ()):
            if name not in self.properties:
                raise fault(f"{self._first} lacks the property {name}; {CURE}")
            if name not in TEXTS and not self.properties[name].strip().lstrip("-").isdigit():
                raise fault(f"{self._first}: its {name} is no number; {CURE}")
        if self.family == "whisper":
            self._check_languages()
        elif self.family == "nemo-transducer":
            check_tokens(self.parts["tokens"], int(self.properties["vocab_size"]))

    def _check_languages(self) -> None:
        """As many codes as numbers for them, where there are several languages."""
        if self.properties["is_multilingual"].strip() != "1":
            return
        codes, numbers = (
            self.properties.get(f"all_language_{name}", "").split(",") for name in ("codes", "tokens")
        )
        if len(codes) != len(numbers) or not all(number.strip().isdigit() for number in numbers):
            raise fault(f"{self._first} lists its languages wrongly; {CURE}")

    @property
    def _first(self) -> str:
        return self.parts[PARTS[self.family][0]].name
