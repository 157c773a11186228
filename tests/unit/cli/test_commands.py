"""What `serve`, `key`, `doctor`, `bench`, `talk` and `transcribe` refuse, and what they print."""

from __future__ import annotations

import json
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sottovoce import machine_names
from sottovoce.cli import bench, finding
from sottovoce.cli.app import run
from sottovoce.cli.greeting import _greeting
from sottovoce.config import EngineKind, Settings
from sottovoce.gateway.certificate import LIFETIME, self_signed
from sottovoce.gateway.routes import page
from sottovoce.gateway.tls import ServerTls, load_certificate
from sottovoce.http.server import listen
from sottovoce.services.status import EngineStatus


@pytest.fixture
def built_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "index.html").write_text("<title>Sottovoce</title>")
    monkeypatch.setattr(page.check_page, "__defaults__", (folder,))
    return folder


def test_serve_without_a_page_says_how_to_build_it(
    built_page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (built_page / "index.html").unlink()
    assert run(["serve"]) == 2
    assert "make setup" in capsys.readouterr().err


def test_serve_on_a_taken_port_names_it(built_page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert str(port) in error
    assert "--port" in error


def test_serve_refuses_an_open_bind(built_page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--host", "0.0.0.0"]) == 2
    assert "--behind-proxy" in capsys.readouterr().err


def test_serve_refuses_a_key_file_that_others_can_read(
    built_page: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["key", "show"])
    (home / "api-key").chmod(0o644)
    capsys.readouterr()
    assert run(["serve", "--port", "0"]) == 2
    assert "chmod 600" in capsys.readouterr().err


def test_the_key_is_made_once_and_is_private(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["key", "show"]) == 0  # a program reads it: the key alone
    first = capsys.readouterr().out.strip()
    assert first.startswith("sk-sottovoce-")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(["key", "show", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == first
    assert run(["key", "show"]) == 0
    assert capsys.readouterr().out.split() == ["key", first, "from", str(home / "api-key")]
    assert stat.S_IMODE((home / "api-key").stat().st_mode) == 0o600


def test_a_key_of_the_settings_is_shown_as_such(
    monkeypatch: pytest.MonkeyPatch, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOTTOVOCE_API_KEY", "sk-chosen-by-the-owner")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run(["key", "show"])
    assert capsys.readouterr().out.split() == ["key", "sk-chosen-by-the-owner", "from", "SOTTOVOCE_API_KEY"]
    assert not (home / "api-key").exists()


@pytest.fixture
def no_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children answer at once and well: what they would find on this machine is not the test's matter."""
    monkeypatch.setattr(finding, "run", lambda command: ("[1, 1]", None))


def doctor(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, dict[str, dict[str, str]]]:
    code = run(["doctor", "--json", *flags])
    report = json.loads(capsys.readouterr().out)
    assert report["is_ok"] == (code == 0)
    return code, {each["name"]: each for each in report["findings"]}


def test_a_sound_machine_passes(
    built_page: Path, no_probes: None, capsys: pytest.CaptureFixture[str]
) -> None:
    code, findings = doctor(capsys, "--port", "0")
    assert code == 0
    assert {"Python", "Processor", "Memory", "Audio devices", "espeak-ng", "Page", "Key"} <= findings.keys()
    assert findings["Audio devices"]["detail"] == "1 microphones, 1 speakers"


def test_the_doctor_finds_what_is_broken_and_knows_the_cure(
    built_page: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(finding, "run", lambda command: ("", "ended by signal 11"))
    (built_page / "index.html").unlink()
    (home / "api-key").write_text("sk-sottovoce-known-to-all")
    (home / "api-key").chmod(0o644)
    with listen("127.0.0.1", 0) as taken:
        code, findings = doctor(capsys, "--port", str(taken.getsockname()[1]))
    assert code == 1
    for name in ("pocketsphinx", "espeak-ng", "Page", "Port", "Key"):
        assert findings[name]["state"] == "broken", name
        assert findings[name]["cure"], name
    assert "signal 11" in findings["espeak-ng"]["detail"]
    assert findings["Audio devices"]["state"] == "note"


@pytest.mark.usefixtures("built_page", "no_probes")
def test_the_doctor_looks_at_the_certificate(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "TLS" not in doctor(capsys, "--port", "0")[1]
    monkeypatch.setenv("SOTTOVOCE_TLS", "true")
    assert "serve" in doctor(capsys, "--port", "0")[1]["TLS"]["detail"]
    assert not (home / "tls").exists()
    ServerTls(Settings(home=home, tls=True))
    monkeypatch.delenv("SOTTOVOCE_TLS")  # by the flag of `serve`, of which the doctor does not know
    code, findings = doctor(capsys, "--port", "0")
    assert (code, findings["TLS"]["state"]) == (0, "ok")
    assert "127.0.0.1" in findings["TLS"]["detail"]
    monkeypatch.setenv("SOTTOVOCE_TLS_CERT", str(home / "tls" / "cert.pem"))
    monkeypatch.setenv("SOTTOVOCE_TLS_KEY", str(home / "gone.pem"))
    code, findings = doctor(capsys, "--port", "0")
    assert (code, findings["TLS"]["state"]) == (1, "broken")
    assert "gone.pem" in findings["TLS"]["detail"]


def test_the_doctor_finds_an_expired_certificate(
    built_page: Path,
    no_probes: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pair = tmp_path / "old.pem"
    pair.write_bytes(self_signed(("localhost",), datetime.now(UTC) - LIFETIME))
    for name in ("CERT", "KEY"):
        monkeypatch.setenv(f"SOTTOVOCE_TLS_{name}", str(pair))
    code, findings = doctor(capsys, "--port", "0")
    assert (code, findings["TLS"]["state"]) == (1, "broken")
    assert "expired" in findings["TLS"]["detail"]


@pytest.mark.parametrize("flags", [["--tls-cert", "a.pem"], ["--tls-key", "a.pem"]])
def test_serve_wants_a_certificate_and_its_key(
    built_page: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", *flags]) == 2
    assert "belong together" in capsys.readouterr().err


def test_serve_names_a_certificate_that_is_missing(
    built_page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--port", "0", "--tls-cert", "gone.pem", "--tls-key", "gone.pem"]) == 2
    assert "gone.pem cannot be read: No such file" in capsys.readouterr().err


TALKING: dict[EngineKind, EngineStatus] = {"tts": EngineStatus("tts", "espeak-ng", "ready")}


def greeting(home: Path, url: str, **settings: object) -> dict[str, str]:
    given = Settings(home=home, **settings)
    tls = ServerTls(given) if given.has_tls else None
    lines = _greeting(given, url, TALKING, tls)
    return {f"{label} {number}": value for number, (label, value) in enumerate(lines)}


def test_the_greeting_over_tls_shows_addresses_and_fingerprint(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = ("192.168.7.7", "10.1.1.1", "fd00::2", "fd00::3")
    monkeypatch.setattr(machine_names, "network_addresses", lambda: addresses)
    lines = greeting(home, "https://127.0.0.1:8080", host="0.0.0.0", tls=True)
    shown = "\n".join(lines.values())
    assert "https://192.168.7.7:8080[/] from your network" in shown
    assert "https://[fd00::2]:8080[/]" in shown
    assert "fd00::3" not in shown
    fingerprint = load_certificate(home / "tls" / "cert.pem").fingerprint
    assert fingerprint in "".join(lines.values())
    assert "self-signed" in shown


def test_the_greeting_on_loopback_is_short(home: Path) -> None:
    lines = greeting(home, "http://127.0.0.1:8080")
    assert [name.split()[0] for name in lines] == ["Open", "API", "Models", "End"]
    assert "speaks espeak-ng" in lines.values()


def test_a_wrong_setting_is_a_finding_of_the_doctor_s(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOTTOVOCE_PORT", "http")
    code, findings = doctor(capsys)
    assert code == 1
    assert "SOTTOVOCE_PORT" in findings["Settings"]["detail"]


def test_the_doctor_s_table_shows_cures(
    built_page: Path, no_probes: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (built_page / "index.html").unlink()
    assert run(["doctor", "--port", "0"]) == 1
    shown = capsys.readouterr().out
    assert "broken" in shown
    assert "Cure: make setup" in shown
    assert "embedded" in shown


def test_a_probe_that_crashes_or_is_missing_is_told_in_one_line() -> None:
    crash = ["/bin/sh", "-c", "kill -SEGV $$"]
    assert finding.run(crash) == ("", "ended by signal 11")
    assert finding.run(["/bin/sh", "-c", "echo a >&2; echo b >&2; exit 3"]) == ("", "b")
    output, fault = finding.run(["/nonexistent"])
    assert output == ""
    assert fault is not None


def test_talk_needs_both_files_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["talk", "--output", str(tmp_path / "answer.wav")]) == 2
    assert "--input" in capsys.readouterr().err


def test_transcribe_names_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["transcribe", "nowhere.wav"]) == 2
    assert "nowhere.wav" in capsys.readouterr().err


def test_the_bench_speaks_questions_and_no_orders_to_stop() -> None:
    names = [path.stem for path in bench.find_recordings(None)]
    assert "dialogue-what-time-is-it-slt" in names
    assert not [name for name in names if "stop" in name]


def test_the_bench_wants_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--recordings", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err.replace("\n", "")
