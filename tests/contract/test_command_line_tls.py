"""`sottovoce serve --tls` as people run it, and the commands and stock clients that use it."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.contract.test_command_line import free_port, sottovoce

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(120)]


@pytest.fixture
def port(home: Path) -> Iterator[int]:
    """Of a server for the whole network, with a home and keys of its own."""
    number, log = free_port(), home / "server.log"
    flags = ["--host", "0.0.0.0", "--tls", "--port", str(number), "--no-browser"]
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "sottovoce", "serve", *flags], stderr=output)
    try:
        wait_ready(process, number, home)
        yield number
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def wait_ready(process: subprocess.Popen[bytes], port: int, home: Path) -> None:
    certificate = home / "tls" / "cert.pem"
    while True:
        assert process.poll() is None, (home / "server.log").read_text()
        time.sleep(0.1)
        if certificate.exists():
            trusted = ssl.create_default_context(cafile=str(certificate))
            try:
                if httpx.get(f"https://localhost:{port}/readyz", verify=trusted, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                continue


def test_a_server_over_tls_serves_commands_and_clients(port: int, home: Path, tmp_path: Path) -> None:
    here = {"SOTTOVOCE_PORT": str(port)}  # its flags are not known here: the commands find it all the same
    examined = json.loads(sottovoce("doctor", "--json", **here).stdout)
    found = next(finding for finding in examined["findings"] if finding["name"] == "Port")
    assert found["detail"].endswith("Sottovoce runs there")

    speech = tmp_path / "speech.wav"
    said = sottovoce("say", "what time is it", "-o", speech, **here)
    assert said.returncode == 0, said.stderr
    answer = tmp_path / "answer.wav"
    talked = sottovoce("talk", "--input", speech, "--output", answer, **here)
    assert talked.returncode == 0, talked.stderr
    assert "No server runs here" not in talked.stderr
    assert len(talked.stdout.splitlines()) == 2

    key = sottovoce("key", "create", "--name", "phone", "--scope", "chat", **here).stdout.strip()
    trusted = ssl.create_default_context(cafile=str(home / "tls" / "cert.pem"))
    http = httpx.Client(verify=trusted, trust_env=False)
    with openai.OpenAI(base_url=f"https://127.0.0.1:{port}/v1", api_key=key, http_client=http) as client:
        reply = client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "what is two plus two"}]
        )
        assert "4" in (reply.choices[0].message.content or "")
        with pytest.raises(openai.PermissionDeniedError):
            client.audio.speech.create(model="tts-1", voice="alloy", input="no")
        sottovoce("key", "revoke", "phone", **here)
        with pytest.raises(openai.AuthenticationError):
            client.models.list()

    log = (home / "server.log").read_text()
    assert f"https://127.0.0.1:{port}" in log
    assert re.search(r"([0-9A-F]{2}:){15}", log)
    assert "Traceback" not in log
    assert key not in log
