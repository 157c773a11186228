from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from sottovoce.services.memory import free_bytes

GB = 1_000_000_000


@pytest.fixture(autouse=True)
def a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 GB, of which 10 are free."""
    facts = psutil.virtual_memory()._replace(total=16 * GB, available=10 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: facts)


def a_container(folder: Path, limit: str, used: int, files: int) -> Path:
    (folder / "memory.max").write_text(limit)
    (folder / "memory.current").write_text(str(used))
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {files}\n")
    return folder


def test_a_machine_has_what_is_available(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) == 10 * GB


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    assert free_bytes(a_container(tmp_path, str(4 * GB), 3 * GB, GB)) == 2 * GB


def test_a_container_without_a_limit_has_what_the_machine_has(tmp_path: Path) -> None:
    assert free_bytes(a_container(tmp_path, "max", 3 * GB, GB)) == 10 * GB


def test_a_container_of_the_old_sort(tmp_path: Path) -> None:
    old = tmp_path / "memory"
    old.mkdir()
    (old / "memory.limit_in_bytes").write_text(str(4 * GB))
    (old / "memory.usage_in_bytes").write_text(str(3 * GB))
    (old / "memory.stat").write_text(f"cache 7\ntotal_inactive_file {GB}\n")
    assert free_bytes(tmp_path) == 2 * GB


def test_what_cannot_be_read_limits_nothing(tmp_path: Path) -> None:
    (a_container(tmp_path, "max", 1, 1) / "memory.current").write_text("many")
    assert free_bytes(tmp_path) == 10 * GB
