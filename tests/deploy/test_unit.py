"""The systemd unit."""

from __future__ import annotations

import shlex

from typer.main import get_command

from deploy.as_compose.project import DEPLOY
from sottovoce.cli.app import EXIT_MISUSED, app
from sottovoce.cli.serve import STOP_DEADLINE
from sottovoce.config import variables

LINES = [
    line.partition("=") for line in (DEPLOY / "sottovoce.service").read_text().splitlines() if "=" in line
]


def values(name: str) -> list[str]:
    return [value for key, _, value in LINES if key == name]


def test_its_command_line_is_one() -> None:
    program, role, *flags = shlex.split(values("ExecStart")[0])
    assert program == "/opt/sottovoce/bin/sottovoce"
    command = get_command(app).commands[role]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {flag for flag in flags if flag.startswith("--")} <= known
    assert {each.partition("=")[0] for each in values("Environment")} <= set(variables())


def test_it_is_given_time_to_end_and_not_started_again_for_a_wrong_setting() -> None:
    assert float(values("TimeoutStopSec")[0]) > STOP_DEADLINE
    assert values("RestartPreventExitStatus") == [str(EXIT_MISUSED)]


def test_it_may_write_to_its_own_folder_alone() -> None:
    assert values("ProtectSystem") == ["strict"]
    assert values("ProtectHome") == ["yes"]
    assert values("NoNewPrivileges") == ["yes"]
    assert values("CapabilityBoundingSet") == [""]
    assert f"SOTTOVOCE_HOME=/var/lib/{values('StateDirectory')[0]}" in values("Environment")
