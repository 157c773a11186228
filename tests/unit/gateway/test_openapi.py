"""The OpenAPI document is what the types say, and every REST route is in it."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sottovoce.gateway.routes.openapi import DOCUMENT

SCRIPT = Path(__file__).parents[3] / "scripts" / "make_openapi.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_openapi", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_document_is_current(script: ModuleType) -> None:
    assert json.loads(DOCUMENT.read_text(encoding="utf-8")) == script.document(), (
        "Cure: python scripts/make_openapi.py"
    )


def test_every_reference_leads_somewhere() -> None:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for one in node.values():
            yield from _references(one)
    elif isinstance(node, list):
        for one in node:
            yield from _references(one)
