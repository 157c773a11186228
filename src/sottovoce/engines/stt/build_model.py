"""Build the embedded recogniser's language model and dictionary once, and keep them for the next start.

    python -m sottovoce.engines.stt.build_model CACHE_FOLDER

prints the folder with the two files. It runs as a process of its own, because the arrays take some 300 MB
for the two seconds it needs.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LANGUAGE_MODEL, DICTIONARY = "words.lm.bin", "words.dict"

VOCABULARY = 20_000
"""Most frequent words of the general model that can be heard. The other 52,000 make up 1.1 % of its text,
and would double the decoder's time and triple the memory of a stream."""
DOMAIN_WEIGHT = 0.5
"""Share of utterances expected to be commands."""
SEEDS, SENTENCES_PER_SEED = 8, 3000
"""A template without slots yields one sentence per seed, so several seeds keep it from being
outnumbered."""

logger = logging.getLogger("sottovoce.engines.stt.build_model")


@dataclass(frozen=True, slots=True)
class Sources:
    """What the wheel brings."""

    language_model: Path
    dictionary: Path

    @classmethod
    def of_wheel(cls) -> Sources:
        from pocketsphinx import get_model_path

        folder = Path(get_model_path("en-us"))
        return cls(folder / "en-us.lm.bin", folder / "cmudict-en-us.dict")


def domain_sentences() -> list[str]:
    """What the dialogue engine understands, as it is spoken."""
    from sottovoce.engines.llm.phrases import sentences

    return [text for seed in range(SEEDS) for text in sentences(SENTENCES_PER_SEED, seed)]


def cached(cache: Path, texts: Sequence[str]) -> Path:
    """The folder of the model made from `texts`, built now if it is not there. Safe to call in parallel."""
    folder = cache / f"stt-{_fingerprint(texts)}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        logger.info("building the language model of the embedded recogniser (once, a few seconds)")
        _publish(folder, texts)
        logger.info("language model built in %.1f s", time.monotonic() - started)
    return folder


def _fingerprint(texts: Sequence[str]) -> str:
    """Changes with everything that the result depends on, this package's code included."""
    digest = hashlib.sha256(importlib.metadata.version("pocketsphinx").encode())
    for module in ("build_model", "domain_model", "mixed_model", "trie_model"):
        digest.update((Path(__file__).parent / f"{module}.py").read_bytes())
    digest.update("\n".join(texts).encode())
    return digest.hexdigest()[:16]


def _publish(folder: Path, texts: Sequence[str]) -> None:
    """Build beside `folder` and rename, so that nobody ever sees half a model."""
    building = Path(tempfile.mkdtemp(prefix="building-", dir=folder.parent))
    try:
        build(Sources.of_wheel(), texts, building)
        os.replace(building, folder)
    except OSError:
        if not folder.is_dir():  # else another process was first
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def build(sources: Sources, texts: Sequence[str], folder: Path) -> None:
    """Write both files into `folder`."""
    import numpy as np

    from sottovoce.engines.stt import domain_model, mixed_model, trie_model

    general = trie_model.read(sources.language_model)
    domain = domain_model.estimate(texts)
    keep = np.isin(np.array(general.words), domain.words)
    keep[np.argsort(-general.prob)[:VOCABULARY]] = True
    mixed = mixed_model.mix(trie_model.restrict(general, keep), domain, DOMAIN_WEIGHT)
    trie_model.write(mixed, folder / LANGUAGE_MODEL)
    _write_dictionary(sources.dictionary, frozenset(mixed.words), folder / DICTIONARY)


def _write_dictionary(source: Path, words: frozenset[str], target: Path) -> None:
    """The pronunciations of `words`; a further one of a word is listed as `word(2)`."""
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as kept:
        kept.writelines(line for line in lines if line.split(" ", 1)[0].split("(")[0] in words)


def unheard(words: Sequence[str], dictionary: Path) -> list[str]:
    """Those of `words` that the dictionary lacks: they cannot be recognised."""
    with dictionary.open(encoding="utf-8") as lines:
        known = {line.split(" ", 1)[0] for line in lines}
    return sorted(set(words) - known)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    texts = domain_sentences()
    folder = cached(Path(sys.argv[1]), texts)
    if lacking := unheard(" ".join(texts).split(), folder / DICTIONARY):
        logger.warning("without pronunciation, never heard: %s", " ".join(lacking))
    print(folder)  # noqa: T201  the answer to the caller


if __name__ == "__main__":
    main()
