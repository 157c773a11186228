"""What `doctor` says of models and of what runs them: here, whole, fast enough, on the GPU."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from sottovoce.cli import finding
from sottovoce.cli.finding import Check, Finding
from sottovoce.cli.fitting import in_words
from sottovoce.cli.inventory import Item, inventory
from sottovoce.cli.model_tables import size
from sottovoce.config import ENGINE_KINDS, EngineKind, Settings
from sottovoce.errors import ConfigError
from sottovoce.models.catalogue import load_catalogue
from sottovoce.models.hub import Hub, without_password
from sottovoce.models.machine import this_machine
from sottovoce.models.plan import External, Link, plan, troubles
from sottovoce.models.store import Store
from sottovoce.models.unfinished import unfinished

NAMES: dict[EngineKind, str] = {"stt": "Hears with", "llm": "Answers with", "tts": "Speaks with"}

CUDA_SPEECH = (
    "pip install sherpa-onnx=={version}+cuda12.cudnn9 -f https://k2-fsa.github.io/sherpa/onnx/cuda.html"
)
CUDA_LLAMA = "pip install xllamacpp=={version} --index-url https://xorbitsai.github.io/xllamacpp/whl/cu128"
LLAMA_SERVER = "install llama-server (https://github.com/ggml-org/llama.cpp) and put it on PATH"
GOMP = "Install libgomp1 (Debian, Ubuntu) or libgomp (Fedora)"


def chains(settings: Settings) -> Iterator[Finding]:
    """What each kind uses, what is behind it, and why it is not what was chosen."""
    try:
        load_catalogue(settings)
        planned, faults = plan(settings), troubles(settings)
    except ConfigError as error:
        yield Finding("Models", "broken", error.message, "Correct the setting; see docs/settings.md")
        return
    for kind in ENGINE_KINDS:
        names = [_name(link) for link in planned[kind]]
        behind = f"; if it fails: {', '.join(names[1:])}" if names[1:] else ""
        detail = f"{names[0]}{behind}"
        if kind in faults:
            cure = f"sottovoce models use REFERENCE --kind {kind} chooses another."
            yield Finding(NAMES[kind], "note", f"{detail}. {faults[kind]}", cure)
        else:
            yield Finding(NAMES[kind], "ok", detail)


def _name(link: Link) -> str:
    return str(link.settings.url) if isinstance(link, External) else link.id


def models(settings: Settings) -> Iterator[Finding]:
    """Each model that is here or in use: whether it is whole, and fits."""
    try:
        items = inventory(settings)
    except ConfigError:
        return  # a finding of `chains`
    here = [item for item in items if not item.entry.is_embedded and (item.is_here or item.role)]
    yield from map(_model, here)
    if not here:
        yield Finding("Models", "ok", "none but the embedded ones; `sottovoce models fit` proposes a set")
    replaced = sorted(load_catalogue(settings).replaced)
    if replaced:
        yield Finding("Catalogue", "ok", f"your own entries stand in for: {', '.join(replaced)}")


def _model(item: Item) -> Finding:
    name, what = item.entry.id, f"{size(item.size_bytes)}, {item.role or 'not in use'}"
    if item.presence == "changed":
        cure = f"sottovoce models verify {name}; sottovoce models pull {name} mends it"
        return Finding(name, "note", f"{what}: {item.detail}", cure)
    detail = f"{what}; {in_words(item)}"
    if item.fit.verdict == "fits":
        return Finding(name, "ok", detail if item.fit.is_measured else f"{detail} Not measured yet.")
    smaller = item.fit.smaller
    take = f"sottovoce models pull {smaller}" if smaller else "Choose a smaller one: sottovoce models list"
    cure = take if item.fit.is_measured else f"{take}; or prove it: sottovoce models fit {name} --measure"
    return Finding(name, "note", detail, cure)


def downloads(settings: Settings) -> Iterator[Finding]:
    """What was broken off, and where models come from."""
    store = Store(settings.home)
    parts = {id_: part for id_ in store.unfinished() if (part := unfinished(store, id_)) is not None}
    for id_, part in parts.items():
        detail = f"{size(part.bytes)} of {size(part.total_bytes)} of {id_} are here"
        cure = f"sottovoce models pull {id_} goes on; sottovoce models rm --unfinished deletes them"
        yield Finding("Unfinished", "note", detail, cure)
    hub = Hub.of(settings)
    rule = "never asked: the settings say offline" if hub.is_offline else "asked only when models are wanted"
    yield Finding("Model hub", "ok", f"{without_password(hub.url)}: {rule}")


def llama(settings: Settings) -> Iterator[Finding]:
    """Which llama.cpp would run a language model, and whether this processor runs it."""
    wanted = settings.llm.server
    server = None if wanted == "built-in" else shutil.which(wanted or "llama-server")
    if server is not None:
        yield Finding("llama.cpp", "ok", f"llama-server at {server}")
        return
    if wanted not in (None, "built-in"):
        cure = "Correct SOTTOVOCE_LLM_SERVER, or unset it."
        yield Finding("llama.cpp", "note", f"there is no program {wanted}", cure)
        return
    missing = ", ".join(flag.upper() for flag in this_machine().missing_llama_flags)
    if missing:
        detail = f"the built-in one needs {missing}, which this processor lacks: it cannot run models here"
        yield Finding("llama.cpp", "note", detail, f"To run them, {LLAMA_SERVER}; or use SOTTOVOCE_LLM_URL.")
        return
    # importing loads the library without running any of it
    _, fault = finding.run_python("import xllamacpp")
    if fault is None:
        yield Finding("llama.cpp", "ok", f"built in: xllamacpp {_version('xllamacpp')}")
    else:
        cure = GOMP if "libgomp" in fault else f"To run language models here, {LLAMA_SERVER}."
        yield Finding("llama.cpp", "note", f"xllamacpp does not load: {fault}", cure)


def speech(settings: Settings) -> Iterator[Finding]:
    """Whether sherpa-onnx loads."""
    _, fault = finding.run_python("import sherpa_onnx; sherpa_onnx.OnlineRecognizer")
    if fault is None:
        yield Finding("sherpa-onnx", "ok", f"loads, version {_version('sherpa-onnx')}")
    else:
        yield Finding("sherpa-onnx", "note", f"does not load: {fault}", "Install anew: make clean setup")


def gpu(settings: Settings) -> Iterator[Finding]:
    """The graphics processor, and whether the engines are built for it."""
    here = this_machine().graphics
    asked = [kind for kind in ENGINE_KINDS if settings.engine(kind).provider == "cuda"]
    if here.fault:
        yield Finding("GPU", "note", here.fault, "Install the driver anew, or leave the GPU alone.")
    if not here.name:
        if not here.fault:
            yield Finding("GPU", "ok", "none; nothing needs one")
        for kind in asked:
            detail = f"SOTTOVOCE_{kind.upper()}_PROVIDER=cuda is set, and there is no GPU"
            yield Finding("GPU", "note", detail, "Unset it: the processor serves.")
        return
    memory = f", {size(here.memory_bytes)}" if here.memory_bytes else ""
    yield Finding("GPU", "ok", f"{here.name}{memory}")
    if here.name.startswith("Apple"):
        return
    yield _used_by("sherpa-onnx", here.runs_speech, "speech", CUDA_SPEECH)
    yield _used_by("xllamacpp", here.runs_llama, "language models", CUDA_LLAMA)


def _used_by(package: str, is_built_for_it: bool, what: str, cure: str) -> Finding:
    name = f"GPU for {what}"
    if is_built_for_it:
        return Finding(name, "ok", "used where the model suits it")
    number = _version(package).partition("+")[0]
    detail = f"not used: the {package} that is installed is built for processors"
    return Finding(name, "note", detail, cure.format(version=number))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "that is not installed"


MODEL_CHECKS: tuple[Check, ...] = (gpu, speech, llama, chains, models, downloads)
