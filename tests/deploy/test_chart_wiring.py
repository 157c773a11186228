"""The chart: how its parts are wired, scaled and kept apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sottovoce.config import load
from sottovoce.livekit.server.config import NO_STUN
from sottovoce.livekit.server.program import BUILT_VERSION
from sottovoce.models.catalogue import load_catalogue
from tests.deploy.charts import (
    CHART,
    EVERYTHING,
    HOST,
    PARTS,
    VARIANTS,
    container,
    environment,
    of_kind,
    pods,
    rendered,
)


def test_keys_come_from_the_secret_alone(chart: Path) -> None:
    manifests = rendered(chart, EVERYTHING)
    assert not of_kind(manifests, "Secret")
    taken = {
        (part, name): value["secretKeyRef"]["key"]
        for part, pod in pods(manifests).items()
        for name, value in environment(pod).items()
        if name.endswith(("_KEY", "_SECRET"))
    }
    engine_keys = {f"SOTTOVOCE_{kind}_API_KEY": "engine-key" for kind in ("STT", "LLM", "TTS")}
    rooms = {"LIVEKIT_API_KEY": "livekit-api-key", "LIVEKIT_API_SECRET": "livekit-api-secret"}
    assert taken == {
        **{(engine, "SOTTOVOCE_SERVICE_KEY"): "engine-key" for engine in ("stt", "llm", "tts")},
        **{("worker", name): key for name, key in (engine_keys | rooms).items()},
        **{
            ("gateway", name): key
            for name, key in (engine_keys | rooms | {"SOTTOVOCE_API_KEY": "api-key"}).items()
        },
    }


def test_parts_find_one_another(chart: Path) -> None:
    manifests = rendered(chart, (HOST,))
    services = {
        each["metadata"]["name"]: each["spec"]["ports"][0]["port"]
        for each in of_kind(manifests, "Service").values()
    }
    for part in ("gateway", "worker"):
        given = environment(pods(manifests)[part])
        for url in [
            given["LIVEKIT_URL"],
            *(given[f"SOTTOVOCE_{kind}_URL"] for kind in ("STT", "LLM", "TTS")),
        ]:
            name, _, port = url.partition("://")[2].partition("/")[0].partition(":")
            assert services[name] == int(port)


@pytest.mark.parametrize("release", ["talk", "livekit", "sottovoce"])
def test_livekit_is_found_whatever_the_release_is_called(chart: Path, release: str) -> None:
    manifests = rendered(chart, (HOST, "ingress.enabled=true"), release)
    services = {each["metadata"]["name"] for each in manifests if each["kind"] == "Service"}
    ingress = next(each for each in manifests if each["kind"] == "Ingress")
    backends = [path["backend"]["service"]["name"] for path in ingress["spec"]["rules"][0]["http"]["paths"]]
    assert len(backends) == 2
    assert set(backends) <= services


def test_the_ingress_lets_in_what_joins_rooms_and_nothing_else_of_livekit(chart: Path) -> None:
    ingress = of_kind(rendered(chart, EVERYTHING), "Ingress")["talk-sottovoce"]
    paths = {
        path["path"]: path["backend"]["service"]["name"]
        for path in ingress["spec"]["rules"][0]["http"]["paths"]
    }
    assert paths == {"/rtc": "talk-livekit", "/": "talk-sottovoce-gateway"}
    assert environment(pods(rendered(chart, EVERYTHING))["gateway"])["SOTTOVOCE_LIVEKIT_PUBLIC_URL"] == (
        "wss://voice.example.com"
    )


def test_livekit_is_told_what_our_own_is_told(chart: Path) -> None:
    told = yaml.safe_load(of_kind(rendered(chart, (HOST,)), "ConfigMap")["livekit-values"]["data"]["values"])

    assert told["image"]["tag"] == f"v{BUILT_VERSION}"
    assert told["livekit"]["rtc"]["stun_servers"] == [NO_STUN]
    assert told["livekit"]["rtc"]["port_range_start"] == 0
    assert told["storeKeysInSecret"] == {"enabled": True, "existingSecret": "sottovoce-keys"}


def test_livekit_elsewhere_needs_none_here(chart: Path) -> None:
    manifests = rendered(chart, VARIANTS["livekit elsewhere"])
    assert "talk-livekit" not in {each["metadata"]["name"] for each in manifests}
    given = environment(pods(manifests)["gateway"])
    assert given["LIVEKIT_URL"] == given["SOTTOVOCE_LIVEKIT_PUBLIC_URL"] == "wss://livekit.example.com"


def test_workers_are_scaled_by_the_load_they_tell(chart: Path) -> None:
    scaler = of_kind(rendered(chart, (HOST,)), "HorizontalPodAutoscaler")["worker"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == "talk-sottovoce-worker"
    assert scaler["metrics"] == [
        {
            "type": "Pods",
            "pods": {
                "metric": {"name": "sottovoce_worker_load"},
                "target": {"type": "AverageValue", "averageValue": "600m"},
            },
        }
    ]
    assert "replicas" not in of_kind(rendered(chart, (HOST,)), "Deployment")["worker"]["spec"]


def test_or_by_keda_from_the_same_figure(chart: Path) -> None:
    scaler = of_kind(rendered(chart, VARIANTS["keda"]), "ScaledObject")["worker"]["spec"]
    assert scaler["scaleTargetRef"] == {"name": "talk-sottovoce-worker"}
    assert (scaler["minReplicaCount"], scaler["maxReplicaCount"]) == (2, 10)
    trigger = scaler["triggers"][0]
    assert trigger["metadata"]["query"].startswith("sum(sottovoce_worker_load{")
    assert (trigger["metricType"], trigger["metadata"]["threshold"]) == ("AverageValue", "0.6")


def test_a_worker_outlives_its_calls(chart: Path) -> None:
    worker = pods(rendered(chart, (HOST, "worker.drainTimeout=600")))["worker"]
    assert environment(worker)["SOTTOVOCE_LIVEKIT_DRAIN_TIMEOUT"] == "600"
    assert worker["terminationGracePeriodSeconds"] > 600
    update = of_kind(rendered(chart, (HOST,)), "Deployment")["worker"]["spec"]["strategy"]["rollingUpdate"]
    assert update == {"maxSurge": 1, "maxUnavailable": 0}


def test_every_part_goes_one_by_one(chart: Path) -> None:
    budgets = of_kind(rendered(chart, (HOST,)), "PodDisruptionBudget")
    assert set(budgets) == set(PARTS)
    for part, budget in budgets.items():
        labels = of_kind(rendered(chart, (HOST,)), "Deployment")[part]["spec"]["template"]["metadata"][
            "labels"
        ]
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_engines_answer_to_gateway_and_workers_alone(chart: Path) -> None:
    policies = of_kind(rendered(chart, (HOST,)), "NetworkPolicy")
    assert set(policies) == set(PARTS)
    for engine in ("stt", "llm", "tts"):
        sources = policies[engine]["spec"]["ingress"][0]["from"]
        named = {source["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for source in sources}
        assert named == {"gateway", "worker"}
    embedded = of_kind(rendered(chart, VARIANTS["embedded"]), "NetworkPolicy")
    assert embedded["stt"]["spec"]["egress"] == []


def test_a_model_is_fetched_before_its_engine_starts(chart: Path) -> None:
    pod = pods(rendered(chart, (HOST,)))["tts"]
    fetching = pod["initContainers"][0]
    assert fetching["args"] == ["models", "pull", "--profile", "auto"]
    assert {"name": "SOTTOVOCE_TTS_MODEL", "value": "kokoro-v1.0"} in fetching["env"]
    assert environment(pod)["SOTTOVOCE_TTS_MODEL"] == "kokoro-v1.0"
    assert fetching["volumeMounts"] == container(pod)["volumeMounts"]
    assert "initContainers" not in pods(rendered(chart, VARIANTS["embedded"]))["tts"]


def test_metrics_are_read_with_the_key_they_take(chart: Path) -> None:
    monitors = of_kind(rendered(chart, EVERYTHING), "PodMonitor")
    read = {name: monitor["spec"]["podMetricsEndpoints"][0] for name, monitor in monitors.items()}
    assert read["gateway"]["authorization"]["credentials"] == {"name": "sottovoce-keys", "key": "api-key"}
    assert "authorization" not in read["worker"]


def test_models_of_the_values_are_of_the_catalogue(chart: Path) -> None:

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for kind, engine in values["engines"].items():
        assert load_catalogue(load(environment={})).get(engine["model"]).kind == kind
