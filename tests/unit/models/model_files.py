"""Folders laid out as the archives of speech models are, with graphs that compute nothing."""

from __future__ import annotations

from pathlib import Path

import gguf
import onnx

from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import InstalledModel
from sottovoce.models.store import Store
from tests.made_models.onnx_graph import Metadata, parse_graph

NEMO_STREAMING: Metadata = {"vocab_size": 4, "window_size": 65, "chunk_shift": 56, "normalize_type": ""}
NEMO_OFFLINE: Metadata = {
    "vocab_size": 4,
    "normalize_type": "per_feature",
    "model_type": "EncDecRNNTBPEModel",
}
ZIPFORMER: Metadata = {"model_type": "zipformer", "decode_chunk_len": 32, "T": 39}
WHISPER: Metadata = {
    "model_type": "whisper-base",
    "n_text_ctx": 448,
    "is_multilingual": 1,
    "all_language_codes": "en,zh,de",
}
KOKORO: Metadata = {"model_type": "kokoro", "sample_rate": 24_000, "n_speakers": 2}


def write_onnx(path: Path, metadata: Metadata | None = None) -> None:
    graph = parse_graph("nothing (float[N] x) => (float[N] y)", "y = Identity (x)", metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(graph, str(path))


def write_transducer(folder: Path, metadata: Metadata, suffix: str = "") -> Path:
    for part in ("encoder", "decoder", "joiner"):
        write_onnx(folder / f"{part}{suffix}.onnx", metadata if part == "encoder" else None)
    (folder / "tokens.txt").write_text("a 0\n<blk> 1\n", encoding="utf-8")
    return folder


def write_whisper(folder: Path, prefix: str = "base-", metadata: Metadata = WHISPER) -> Path:
    write_onnx(folder / f"{prefix}encoder.int8.onnx", metadata)
    write_onnx(folder / f"{prefix}decoder.int8.onnx")
    (folder / f"{prefix}tokens.txt").write_text("YQ== 0\n", encoding="utf-8")
    return folder


def write_moonshine(folder: Path) -> Path:
    for name in ("preprocess", "encode.int8", "uncached_decode.int8", "cached_decode.int8"):
        write_onnx(folder / f"{name}.onnx")
    (folder / "tokens.txt").write_text("a 0\n", encoding="utf-8")
    return folder


def write_kokoro(folder: Path, metadata: Metadata = KOKORO) -> Path:
    write_onnx(folder / "model.onnx", metadata)
    (folder / "voices.bin").write_bytes(b"\0" * 16)
    (folder / "tokens.txt").write_text("a 0\n", encoding="utf-8")
    return folder


def write_gguf(path: Path, architecture: str = "qwen3", **facts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_name("Tiny")
    writer.add_license("apache-2.0")
    writer.add_token_list(["a", "b", "c"])
    writer.add_token_scores([0.0, 1.0, 2.0])
    writer.add_context_length(4096)
    for key, value in facts.items():
        writer.add_string(key.replace("__", "."), value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def install(home: Path, entry: ModelEntry, files: dict[str, bytes] | None = None) -> InstalledModel:
    """Put files where a finished download of `entry` has them, and commit it."""
    store = Store(home)
    given = files or {"model.bin": b"weights"}
    for name, content in given.items():
        path = store.partial(entry.id) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return store.commit(entry, "0" * 40, dict.fromkeys(given, "0" * 64))
