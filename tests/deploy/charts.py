"""The chart as Helm renders it, with a stand-in for LiveKit's."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from deploy.as_compose.project import DEPLOY

CHART = DEPLOY / "chart"
BUILT_HELM = DEPLOY.parent / ".tools" / "bin" / "helm"
KUBERNETES = "1.37"
PARTS = ("gateway", "stt", "llm", "tts", "worker")
PORTS = {"gateway": 8080, "stt": 9001, "llm": 9002, "tts": 9003, "worker": 8081}
HOST = "host=voice.example.com"
EVERYTHING = (HOST, "ingress.enabled=true", "serviceMonitor.enabled=true")

VARIANTS = {
    "defaults": (HOST,),
    "everything": EVERYTHING,
    "keda": (
        *EVERYTHING,
        "worker.autoscaling.kind=keda",
        "worker.autoscaling.prometheus=http://prometheus:9090",
    ),
    "fixed number": (HOST, "worker.autoscaling.kind=none"),
    "embedded": (HOST, "engines.stt.model=", "engines.llm.model=", "engines.tts.model="),
    "engine elsewhere": (HOST, "engines.llm.url=http://vllm.llm:8000/v1"),
    "livekit elsewhere": (HOST, "livekit.enabled=false", "externalLivekit.url=wss://livekit.example.com"),
    "many gateways": (HOST, "gateway.replicas=3", "gateway.persistence.enabled=false"),
    "pinned": (HOST, f"image.digest=sha256:{'0' * 64}"),
}

Manifest: TypeAlias = dict[str, Any]

STAND_IN = {
    "Chart.yaml": "apiVersion: v2\nname: livekit-server\nversion: {version}\n",
    "templates/service.yaml": (
        "apiVersion: v1\nkind: Service\nmetadata:\n"
        "  name: {{ if contains .Chart.Name .Release.Name }}{{ .Release.Name }}"
        "{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}\n"
        "spec: { ports: [ { port: {{ .Values.loadBalancer.servicePort }} } ] }\n"
    ),
    "templates/config.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: livekit-values }\n"
        "data: { values: {{ toYaml .Values | quote }} }\n"
    ),
}
"""In place of LiveKit's chart, which tests do not fetch: its name, its service's, and what it is told."""


def helm() -> str:
    program = shutil.which("helm") or (str(BUILT_HELM) if BUILT_HELM.is_file() else None)
    assert program is not None, "There is no Helm. Run: make helm"
    return program


def with_stand_in(folder: Path) -> Path:
    """A copy of the chart, in `folder`, whose dependency is there."""
    shutil.copytree(CHART, folder)
    dependency = yaml.safe_load((CHART / "Chart.yaml").read_text())["dependencies"][0]
    for name, text in STAND_IN.items():
        file = folder / "charts" / dependency["name"] / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("{version}", dependency["version"]))
    return folder


def run(chart: Path, *values: str, release: str = "talk") -> subprocess.CompletedProcess[str]:
    sets = [word for value in values for word in ("--set", value)]
    command = [
        helm(),
        "template",
        release,
        str(chart),
        "--namespace",
        "voice",
        "--kube-version",
        KUBERNETES,
        *sets,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@functools.cache
def rendered(chart: Path, values: tuple[str, ...], release: str = "talk") -> tuple[Manifest, ...]:
    done = run(chart, *values, release=release)
    assert done.returncode == 0, done.stderr
    return tuple(each for each in yaml.safe_load_all(done.stdout) if each)


def of_kind(manifests: tuple[Manifest, ...], kind: str) -> dict[str, Manifest]:
    """By name, without the release's."""
    found = [each for each in manifests if each["kind"] == kind]
    return {each["metadata"]["name"].removeprefix("talk-sottovoce-"): each for each in found}


def pods(manifests: tuple[Manifest, ...]) -> dict[str, Manifest]:
    return {name: each["spec"]["template"]["spec"] for name, each in of_kind(manifests, "Deployment").items()}


def container(pod: Manifest) -> Manifest:
    first: Manifest = pod["containers"][0]
    return first


def environment(pod: Manifest) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container(pod)["env"]}
