"""What `doctor` looks at: each check answers with findings and never raises.

Native libraries are tried in a child process, so that one that crashes is a finding too.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from sottovoce.cli import finding
from sottovoce.cli.finding import Check, Finding, key_file
from sottovoce.cli.livekit_checks import LIVEKIT_CHECKS
from sottovoce.cli.model_checks import MODEL_CHECKS
from sottovoce.cli.running import is_running
from sottovoce.config import Settings
from sottovoce.errors import ConfigError
from sottovoce.gateway.routes.page import PAGE_FOLDER, check_page
from sottovoce.gateway.server_key import KEY_FILE, load_or_create_key
from sottovoce.gateway.tls import ServerTls, certificate_file, load_certificate
from sottovoce.http.server import listen
from sottovoce.models.machine import counted_cores, this_machine

MIN_MEMORY_BYTES = 1 << 30
MIN_FREE_DISK_BYTES = 200 << 20
MIN_CORES = 2
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class ProfileNeeds:
    """What a profile asks of a machine, for people who choose one."""

    name: str
    parts: str
    needs: str


PROFILES = (
    ProfileNeeds(
        "embedded",
        "pocketsphinx, rules, espeak-ng",
        f"{MIN_CORES} cores, {MIN_MEMORY_BYTES // GIB} GB of memory, no GPU, no download; English",
    ),
    ProfileNeeds(
        "local",
        "Nemotron, a language model in llama.cpp, Kokoro",
        "from 2 cores and 8 GB, about 2 GB to download; 4 cores and 16 GB for a better model",
    ),
    ProfileNeeds(
        "whisper",
        "Whisper instead of Nemotron",
        "from 2 cores and 8 GB, about 1.5 GB to download; 99 languages heard",
    ),
    ProfileNeeds("auto", "the embedded ones until models are chosen, then those", "what those need"),
)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check's findings, as they come."""
    for check in CHECKS:
        yield from check(settings)


def _python(settings: Settings) -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield Finding("System", "ok", f"{platform.system()} {platform.release()}, {platform.machine()}")


def _processor(settings: Settings) -> Iterator[Finding]:
    cores = this_machine().cores
    extensions = _vector_extensions()
    detail = counted_cores(cores) + (f", {extensions}" if extensions else "")
    if cores < MIN_CORES:
        yield Finding("Processor", "note", detail, "One core recognises speech slower than it is spoken.")
    else:
        yield Finding("Processor", "ok", detail)


def _vector_extensions() -> str:
    """What larger models profit from; empty where it cannot be told."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return "NEON"
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return ""
    found = [name.upper() for name in ("avx2", "avx512f") if name in words]
    return " and ".join(found) or "no AVX2"


def _memory(settings: Settings) -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    total_bytes = this_machine().memory_bytes  # a container's, where there is one
    detail = f"{total_bytes / GIB:.1f} GB, {min(memory.available, total_bytes) / GIB:.1f} GB free"
    if memory.available < MIN_MEMORY_BYTES:
        yield Finding("Memory", "note", detail, "Sottovoce needs about 0.7 GB; end other programs.")
    else:
        yield Finding("Memory", "ok", detail)


def _node(settings: Settings) -> Iterator[Finding]:
    node = shutil.which("node")
    if node is None:
        yield Finding("Node", "ok", "none (only building the page needs it; `make` brings its own)")
        return
    version, fault = finding.run([node, "--version"])
    yield Finding("Node", "ok", version.strip() if fault is None else f"fails: {fault}")


_AUDIO_PROBE = """
import json, sounddevice
devices = sounddevice.query_devices()
count = lambda side: sum(device[f"max_{side}_channels"] > 0 for device in devices)
print(json.dumps([count("input"), count("output")]))
"""


def _audio(settings: Settings) -> Iterator[Finding]:
    output, fault = finding.run_python(_AUDIO_PROBE)
    if fault is not None:
        cure = (
            "For `talk` and `say` without -o install PortAudio (Debian: libportaudio2). The page needs none."
        )
        yield Finding("Audio devices", "note", fault, cure)
        return
    inputs, outputs = json.loads(output.strip().splitlines()[-1])
    detail = f"{inputs} microphones, {outputs} speakers"
    if inputs and outputs:
        yield Finding("Audio devices", "ok", detail)
    else:
        yield Finding(
            "Audio devices", "note", detail, "Use the page from another machine, or files (`talk --input`)."
        )


_ENGINE_PROBES = {
    "pocketsphinx": (
        "import pocketsphinx; pocketsphinx.Decoder(samprate=16000, loglevel='FATAL'); print('loads')"
    ),
    "espeak-ng": (
        "import ctypes, espeakng_loader as e; lib = ctypes.CDLL(e.get_library_path()); "
        "rate = lib.espeak_Initialize(2, 0, e.get_data_path().encode(), 0); "
        "assert rate > 0, 'espeak_Initialize failed'; print('loads')"
    ),
}


def _engines(settings: Settings) -> Iterator[Finding]:
    for name, probe in _ENGINE_PROBES.items():
        output, fault = finding.run_python(probe)
        if fault is None:
            yield Finding(name, "ok", output.strip())
        else:
            yield Finding(name, "broken", f"does not load: {fault}", "Install anew: make clean setup")


def _page(settings: Settings) -> Iterator[Finding]:
    try:
        check_page()
    except ConfigError as error:
        yield Finding("Page", "broken", error.message, "make setup")
    else:
        yield Finding("Page", "ok", f"built, in {PAGE_FOLDER}")


def _port(settings: Settings) -> Iterator[Finding]:
    where = f"{settings.host}:{settings.port}"
    if is_running(settings):
        yield Finding("Port", "ok", f"{where}: Sottovoce runs there")
        return
    try:
        listen(settings.host, settings.port).close()
    except ConfigError as error:
        yield Finding("Port", "broken", error.message, "Choose another: SOTTOVOCE_PORT, --port")
    else:
        yield Finding("Port", "ok", f"{where} is free")


def _key(settings: Settings) -> Iterator[Finding]:
    if settings.api_key is not None:
        yield Finding("Key", "ok", "from SOTTOVOCE_API_KEY")
    else:
        path = settings.home / KEY_FILE
        yield key_file("Key", path, makes="one", read=lambda: load_or_create_key(settings))


def _tls(settings: Settings) -> Iterator[Finding]:
    path = certificate_file(settings)
    if settings.tls_cert is None and not path.exists():
        if settings.has_tls:
            yield Finding("TLS", "ok", f"no certificate yet; `serve` makes one in {path.parent}")
        return
    try:
        certificate = load_certificate(path) if settings.tls_cert is None else ServerTls(settings).certificate
    except ConfigError as error:
        yield Finding("TLS", "broken", error.message, "Correct SOTTOVOCE_TLS_CERT and SOTTOVOCE_TLS_KEY")
        return
    detail = f"{path}, until {certificate.expires:%Y-%m-%d}, for {', '.join(sorted(certificate.names))}"
    if settings.tls_cert is not None and certificate.expires <= datetime.now(UTC):
        yield Finding("TLS", "broken", f"expired: {detail}", "Renew the certificate")
    else:
        yield Finding("TLS", "ok", detail)


def _home(settings: Settings) -> Iterator[Finding]:
    folder = next(path for path in (settings.home, *settings.home.absolute().parents) if path.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        cure = "Set SOTTOVOCE_HOME to a folder of yours."
        yield Finding("Home", "broken", f"{settings.home} cannot be written", cure)
        return
    free_bytes = shutil.disk_usage(folder).free
    detail = f"{settings.home}, {free_bytes / GIB:.1f} GB free"
    if free_bytes < MIN_FREE_DISK_BYTES:
        yield Finding("Home", "note", detail, "Make room, or set SOTTOVOCE_HOME to another disk.")
    else:
        yield Finding("Home", "ok", detail)


CHECKS: tuple[Check, ...] = (
    _python,
    _processor,
    _memory,
    _node,
    _audio,
    _engines,
    *MODEL_CHECKS,
    _page,
    _port,
    _key,
    _tls,
    *LIVEKIT_CHECKS,
    _home,
)
