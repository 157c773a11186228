"""The image's recipe: what a linter knows of such files, and what ours promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.as_compose.project import DEPLOY, DOCKERFILE, image_environment, instructions
from deploy.as_compose.stack import ENTRYPOINT

ROOT = DEPLOY.parent
HADOLINT = Path(sys.executable).with_name("hadolint")
ALL = instructions(DOCKERFILE.read_text())
RUNTIME = ALL[max(at for at, (name, _) in enumerate(ALL) if name == "FROM") :]


def last(name: str) -> str:
    return [text for instruction, text in RUNTIME if instruction == name][-1]


def test_the_linter_has_nothing_to_say() -> None:
    done = subprocess.run(
        [HADOLINT, "--failure-threshold", "style", DOCKERFILE], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_base_can_be_pinned_by_digest() -> None:
    bases = [text.split()[0] for name, text in ALL if name == "FROM"]
    assert len(bases) == 4
    for base in bases:
        assert re.fullmatch(r"\$\{(\w+)_IMAGE\}\$\{\1_DIGEST:\+@\$\{\1_DIGEST\}\}", base)


def test_it_runs_as_nobody_in_particular_and_writes_to_its_volume_alone() -> None:
    assert last("USER") == "10001:10001"
    assert last("VOLUME") == image_environment()["SOTTOVOCE_HOME"] == "/data"
    after_user = RUNTIME[[name for name, _ in RUNTIME].index("USER") :]
    assert {name for name, _ in after_user} == {"USER", "ENTRYPOINT", "CMD"}


def test_the_command_is_the_role_and_signals_reach_it() -> None:
    assert last("ENTRYPOINT") == '["tini", "--", "sottovoce"]'
    assert ENTRYPOINT[-1] == "sottovoce"  # what stands in for it without a container
    assert last("CMD") == '["serve", "--host", "0.0.0.0", "--tls"]'


def test_what_the_parts_need_of_the_system_is_there() -> None:
    installed = next(text for name, text in RUNTIME if name == "RUN" and "apt-get install" in text)
    assert {"espeak-ng", "libgomp1", "tini"} <= set(installed.split())


def test_packages_are_those_of_the_lock_files() -> None:
    for name, text in ALL:
        if name == "RUN" and "pip" in text and "install" in text and "apt-get" not in text:
            assert "--require-hashes" in text or "--no-index --no-deps" in text


def test_no_secret_is_baked_in() -> None:
    named = " ".join(text for name, text in ALL if name in ("ARG", "ENV", "RUN", "LABEL"))
    assert not re.search(r"(?i)(secret|token|password|api_key)\b\s*=", named)
    copied = [text for name, text in ALL if name == "COPY" and not text.startswith("--from=")]
    assert not any(".env" in text or text.startswith(". ") for text in copied)


def test_the_context_holds_all_that_is_copied_and_no_more() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    assert all((ROOT / path).exists() for path in allowed)
    sources = [
        source.rstrip("/")
        for name, text in ALL
        if name == "COPY" and not text.startswith("--from=")
        for source in text.split()[:-1]
    ]
    for source in sources:
        assert any(
            source == path or source.startswith(f"{path}/") or path.startswith(f"{source}/")
            for path in allowed
        )
    for path in allowed:
        assert any(
            path == source or path.startswith(f"{source}/") or source.startswith(f"{path}/")
            for source in sources
        )


@pytest.mark.parametrize("path", ["web/node_modules", "src/sottovoce/web/dist", "**/.env", "**/__pycache__"])
def test_what_is_built_or_secret_stays_out_of_the_context(path: str) -> None:
    assert path in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
