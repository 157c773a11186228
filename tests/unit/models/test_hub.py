"""Which hub is asked, whether it may be, and what its worker gets to know."""

from __future__ import annotations

import errno
from pathlib import Path

import httpx2
import pytest

from sottovoce.config import Settings
from sottovoce.models.download_errors import HubOffline, HubUnreachable, NoSpace
from sottovoce.models.download_faults import fault_of
from sottovoce.models.download_job import Progress
from sottovoce.models.download_meter import Meter
from sottovoce.models.hub import Hub, address_to_ask


def test_the_public_hub_is_the_default_and_both_names_of_a_mirror_count() -> None:
    assert Hub.of(Settings(), {}).url == "https://huggingface.co"
    assert Hub.of(Settings(), {"HF_ENDPOINT": "https://mirror.example/"}).url == "https://mirror.example"
    ours = Settings.model_validate({"hub_url": "https://ours.example/hub"})
    assert Hub.of(ours, {"HF_ENDPOINT": "https://mirror.example"}).url == "https://ours.example/hub"


@pytest.mark.parametrize(("given", "is_offline"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_hub_s_own_word_for_offline_counts(given: str, is_offline: bool) -> None:
    hub = Hub.of(Settings(), {"HF_HUB_OFFLINE": given})
    assert hub.is_offline is is_offline
    if is_offline:
        with pytest.raises(HubOffline, match="HF_HUB_OFFLINE"):
            hub.check_online()


def test_the_worker_gets_the_user_s_token_for_the_hub_and_no_other_secret(tmp_path: Path) -> None:
    given = {
        "HF_TOKEN": "hf_mine",
        "OPENAI_API_KEY": "sk-other",
        "SOTTOVOCE_API_KEY": "ours",
        "HTTPS_PROXY": "http://proxy:3128",
        "PATH": "/bin",
    }
    hub = Hub.of(Settings(), given)
    assert "hf_mine" not in repr(hub)
    environment = hub.environment(tmp_path, given)
    assert environment["HF_TOKEN"] == "hf_mine"
    assert environment["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert environment["HF_HOME"] == str(tmp_path)
    assert {"PATH", "HTTPS_PROXY"} <= environment.keys()
    assert not {"OPENAI_API_KEY", "SOTTOVOCE_API_KEY"} & environment.keys()


def test_behind_a_proxy_the_proxy_is_asked_for_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert address_to_ask("https://huggingface.co") == ("huggingface.co", 443)
    assert address_to_ask("http://127.0.0.1:8000/hub") == ("127.0.0.1", 8000)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert address_to_ask("https://huggingface.co") == ("proxy.example", 3128)
    monkeypatch.setenv("no_proxy", "huggingface.co")
    assert address_to_ask("https://huggingface.co") == ("huggingface.co", 443)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_is_told_as_that(number: int) -> None:
    fault = fault_of(OSError(number, "full"), "https://hub.example", "maker/model")
    assert isinstance(fault.error, NoSpace)
    assert not fault.is_passing
    assert "goes on where it was" in fault.error.message


def test_what_cannot_be_written_is_named() -> None:
    fault = fault_of(PermissionError(errno.EACCES, "Permission denied", "/models/x"), "hub", "repo")
    assert "/models/x" in fault.error.message


def test_what_servers_say_is_cut_short_and_cleaned() -> None:
    error = httpx2.ConnectError("\x1b[31mboom\nsecond line" + "x" * 500)
    fault = fault_of(error, "https://hub.example", "repo")
    assert isinstance(fault.error, HubUnreachable)
    assert "\x1b" not in fault.error.message
    assert "second line" not in fault.error.message


def test_progress_is_told_now_and_then_and_the_rate_is_that_of_the_last_seconds() -> None:
    now, told = 0.0, list[Progress]()
    meter = Meter(told.append, lambda: now)
    meter.plan(total_bytes=10_000, here_bytes=1_000, file_count=1)
    meter.step("fetching")
    meter.begin("model.onnx", 1, 10_000, 1_000)
    told.clear()
    for _ in range(100):
        now += 0.1
        meter.add(50)
    assert 30 <= len(told) <= 52
    assert told[-1].rate == pytest.approx(500, rel=0.1)
    assert (meter.progress.bytes, meter.progress.file_bytes) == (6_000, 6_000)
    assert told[-1].seconds_left == pytest.approx(8, rel=0.25)
    meter.drop(6_000)
    assert (meter.progress.bytes, meter.high_water) == (0, 6_000)
