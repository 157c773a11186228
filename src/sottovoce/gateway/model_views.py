"""Models as the page and programs read them: plain JSON."""

from __future__ import annotations

from dataclasses import asdict

from sottovoce.models.desk_state import ModelState
from sottovoce.models.machine import this_machine
from sottovoce.models.offer import Offer

View = dict[str, object]


def model_view(state: ModelState) -> View:
    """One model with all that is known of it."""
    entry = state.entry
    return {
        "id": entry.id,
        "kind": entry.kind,
        "engine": entry.engine,
        "title": entry.title or entry.id,
        "languages": list(entry.languages),
        "license": entry.license,
        "license_url": None if entry.license_url is None else str(entry.license_url),
        "quality": entry.quality,
        "download_bytes": int(entry.download),
        "memory_bytes": int(entry.memory),
        "size_bytes": state.size_bytes,
        **progress_view(state),
        "bytes": state.bytes,
        "total_bytes": state.total_bytes,
        "rate": round(state.rate),
        "seconds_left": None if state.seconds_left is None else round(state.seconds_left),
        "step": state.step,
        "file": None if state.file is None else asdict(state.file),
        "in_use": state.in_use,
        "is_embedded": entry.is_embedded,
        "is_installed": state.is_installed,
        "has_source": entry.source is not None,
        "fit": {"verdict": state.fit.verdict, "reason": state.fit.reason, "instead": state.fit.smaller},
    }


def progress_view(state: ModelState) -> View:
    """What it is at; `progress` from 0 to 1."""
    progress = None if state.progress is None else round(state.progress, 3)
    return {"state": state.state, "progress": progress, "reason": state.reason}


def offer_view(offer: Offer) -> View:
    return {
        "models": [model_view(state) for state in offer.models],
        "download_bytes": offer.download_bytes,
        "free_bytes": offer.free_bytes,
        "has_room": offer.has_room,
        "is_first_run": offer.is_first_run,
        "is_offline": offer.is_offline,
        "is_reachable": offer.is_reachable,
        "hub": offer.hub,
        "machine": machine_view(),
    }


def machine_view() -> View:
    machine = this_machine()
    return {
        "cores": machine.cores,
        "memory_bytes": machine.memory_bytes,
        "cpu": machine.cpu,
        "gpu": machine.graphics.name or None,
    }
