"""The chart, held to Kubernetes' own schemas, and to what pods may be."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest

from deploy.as_compose.project import read_project
from sottovoce.config import RESERVED_VARIABLES, variables
from tests.deploy.charts import (
    EVERYTHING,
    HOST,
    KUBERNETES,
    PARTS,
    PORTS,
    VARIANTS,
    container,
    helm,
    pods,
    rendered,
    run,
)
from tests.deploy.example import good_settings

OLDEST = "1.30"
"""The oldest that the chart admits."""
OF_OTHERS = {"PodMonitor", "ScaledObject"}
"""Kinds that operators bring: no schema of Kubernetes' tells of them."""


def test_the_linter_has_nothing_against_it(chart: Path) -> None:
    done = subprocess.run(
        [helm(), "lint", "--strict", str(chart), "--set", HOST], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@functools.cache
def is_taken(manifest: str, version: str) -> bool:
    """By Kubernetes of that version; many variants render the same. Raises what is wrong with it."""
    kubernetes_validate.validate(json.loads(manifest), version, strict=True)
    return True


@pytest.mark.parametrize("variant", VARIANTS)
def test_kubernetes_takes_what_is_rendered(chart: Path, variant: str) -> None:
    manifests = [each for each in rendered(chart, VARIANTS[variant]) if each["kind"] not in OF_OTHERS]
    assert len(manifests) > 15
    assert all(is_taken(json.dumps(each), KUBERNETES) for each in manifests)


def test_the_oldest_kubernetes_takes_it_too(chart: Path) -> None:
    manifests = [each for each in rendered(chart, EVERYTHING) if each["kind"] not in OF_OTHERS]
    assert all(is_taken(json.dumps(each), OLDEST) for each in manifests)


def test_the_schemas_would_see_a_fault(chart: Path) -> None:
    deployment = next(each for each in rendered(chart, (HOST,)) if each["kind"] == "Deployment")
    faulty = deployment | {"spec": deployment["spec"] | {"replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(faulty, KUBERNETES, strict=True)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("keys.existingSecret=", "existingSecret"),
        ("typo=1", "typo"),
        ("engines.stt.replicas=2", "ReadWriteMany"),
        ("gateway.replicas=2", "persistence"),
        ("worker.autoscaling.load=1", "load"),
        ("worker.autoscaling.kind=keda", "prometheus"),
        ("worker.environment.SOTTOVOCE_STT_API_KEY=x", "SOTTOVOCE_STT_API_KEY"),
        ("engines.llm.enabled=false", "engines.llm is not enabled and has no url"),
        ("livekit.enabled=false", "externalLivekit.url"),
        ("host=", "host is needed"),
        ("image.digest=latest", "digest"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(chart: Path, value: str, said: str) -> None:
    done = run(chart, HOST, value)
    assert done.returncode != 0
    assert said in done.stderr


def test_each_part_runs_its_role(chart: Path) -> None:
    found = pods(rendered(chart, (HOST,)))
    assert set(found) == set(PARTS)
    for part, pod in found.items():
        role, *flags = container(pod)["args"]
        assert role == {"gateway": "serve"}.get(part, part)
        assert flags[:4] == ["--host", "0.0.0.0", "--port", str(PORTS[part])]


def test_the_command_lines_are_those_that_compose_runs(chart: Path) -> None:
    """Which a whole conversation goes through (test_as_compose.py)."""

    composed = read_project(good_settings()).services
    for part, pod in pods(rendered(chart, (HOST,))).items():
        assert container(pod)["args"] == list(composed[part].command)


def test_each_part_is_asked_for_life_and_readiness(chart: Path) -> None:
    for pod in pods(rendered(chart, (HOST,))).values():
        paths = {
            name: container(pod)[f"{name}Probe"]["httpGet"]["path"]
            for name in ("startup", "liveness", "readiness")
        }
        assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}


def test_no_pod_may_do_more_than_it_needs(chart: Path) -> None:
    for pod in pods(rendered(chart, EVERYTHING)).values():
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        for each in [*pod["containers"], *pod.get("initContainers", ())]:
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in each["resources"]["limits"]
            assert {mount["mountPath"] for mount in each["volumeMounts"]} == {"/data", "/tmp"}


def test_services_leave_no_settings_in_the_environment(chart: Path) -> None:
    """Kubernetes would set SOTTOVOCE_STT_PORT and the like, which the parts refuse as no settings."""
    for pod in pods(rendered(chart, (HOST,))).values():
        assert pod["enableServiceLinks"] is False


def test_every_setting_is_one(chart: Path) -> None:

    for variant in VARIANTS.values():
        for pod in pods(rendered(chart, variant)).values():
            for each in [*pod["containers"], *pod.get("initContainers", ())]:
                assert {setting["name"] for setting in each["env"]} <= {*variables(), *RESERVED_VARIABLES}
