"""The models' desk: what it tells of each model, and what it does when asked."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sottovoce.config import EngineSettings
from sottovoce.errors import ConfigError, EngineError, InvalidRequestError, NotFoundError
from sottovoce.models.choice import read_choice, write_choice
from sottovoce.models.desk import ModelDesk
from sottovoce.models.desk_state import ModelState, Shelf, read_shelf
from sottovoce.models.download_errors import HubOffline, HubUnreachable, NotOnHub
from sottovoce.models.download_job import Progress
from sottovoce.models.engine_room import EngineModel
from sottovoce.models.hub import Hub, Reach
from sottovoce.models.installed import InstalledModel
from sottovoce.models.preference import ModelBusy
from sottovoce.models.resolve import ModelDamaged, ModelMissing
from sottovoce.models.store import Manifest, Store
from sottovoce.models.unfinished import Record
from sottovoce.models.verify import Damage
from tests.fake_models import FakeDownloads, FakeRoom, broken, put_in_place, settings_with_models

HALF = Progress(step="fetching", bytes=500, total_bytes=1000, rate=50.0, file="model.onnx")


@pytest.fixture
def room() -> FakeRoom:
    return FakeRoom()


@pytest.fixture
def downloads(home: Path) -> FakeDownloads:
    return FakeDownloads(home)


@pytest.fixture
async def desk(home: Path, room: FakeRoom, downloads: FakeDownloads) -> AsyncIterator[ModelDesk]:
    async with ModelDesk(settings_with_models(home), room, fetch=downloads) as desk:
        yield desk


async def until(desk: ModelDesk, name: str, state: str, step: str | None = None) -> ModelState:
    return await until_so(desk, name, lambda now: now.state == state and step in (None, now.step))


async def until_so(desk: ModelDesk, name: str, is_so: Callable[[ModelState], bool]) -> ModelState:
    async with asyncio.timeout(5):
        async for _ in desk.changes():
            if is_so(desk.state(name)):
                return desk.state(name)
    raise AssertionError("the desk closed")


async def install(desk: ModelDesk, name: str) -> None:
    await asyncio.to_thread(put_in_place, desk.settings.home, desk.state(name).entry)
    await desk.refresh()


async def choice(desk: ModelDesk) -> dict[str, str]:
    return dict(await asyncio.to_thread(read_choice, desk.settings.home))


async def until_chosen(desk: ModelDesk, chosen: dict[str, str]) -> None:
    """The choice is written when the model is ready, and the disk is looked at after that."""
    async with asyncio.timeout(5):
        async for _ in desk.changes():
            if await choice(desk) == chosen:
                return


async def test_at_first_the_embedded_models_are_in_use_and_the_others_absent(desk: ModelDesk) -> None:
    states = {state.entry.id: state for state in desk.states()}
    assert [name for name, state in states.items() if state.in_use] == [
        "pocketsphinx",
        "sottovoce-rules",
        "espeak-ng",
    ]
    assert (states["ear"].state, states["ear"].is_installed) == ("absent", False)
    assert [state.entry.kind for state in states.values()] == sorted(
        (state.entry.kind for state in states.values()), key=["stt", "llm", "tts"].index
    )


async def test_a_download_is_told_and_ends_with_the_model_installed(
    desk: ModelDesk, downloads: FakeDownloads, room: FakeRoom
) -> None:
    await desk.pull("mouth")
    assert (await until(desk, "mouth", "downloading")).step in ("queued", "asking")
    downloads.advance("mouth", HALF)
    halfway = await until(desk, "mouth", "downloading", "fetching")
    assert (halfway.progress, halfway.bytes, halfway.rate, halfway.seconds_left) == (0.5, 500, 50.0, 10.0)
    downloads.finish("mouth")
    there = await until(desk, "mouth", "installed")
    assert there.is_installed
    assert not there.in_use
    assert await choice(desk) == {}
    assert await room.planned_anew.get() == "tts"


async def test_a_model_pulled_for_use_is_loaded_chosen_and_then_in_use(
    desk: ModelDesk, room: FakeRoom, downloads: FakeDownloads
) -> None:
    await desk.pull("mouth")
    await desk.pull("mouth", use=True)  # asked for again meanwhile: still one download
    downloads.finish("mouth")
    ready = await until(desk, "mouth", "ready")
    assert (ready.in_use, ready.load_seconds) == (True, 1.5)
    assert room.used == [("tts", "mouth")]
    await until_chosen(desk, {"tts": "mouth"})


async def test_of_a_set_the_smallest_come_first_and_two_at_a_time(
    desk: ModelDesk, room: FakeRoom, downloads: FakeDownloads
) -> None:
    await desk.pull_set(["mind", "ear", "mouth"], use=True)
    await until(desk, "ear", "downloading", "asking")
    await until(desk, "mouth", "downloading", "asking")
    assert desk.state("mind").step == "queued"
    downloads.finish("mouth")
    await until(desk, "mouth", "ready")
    await until(desk, "mind", "downloading", "asking")
    downloads.finish("ear", "mind")
    await until(desk, "ear", "ready")
    await until(desk, "mind", "ready")
    assert room.used[0] == ("tts", "mouth")
    assert sorted(room.used) == [("llm", "mind"), ("stt", "ear"), ("tts", "mouth")]


async def test_a_set_with_an_unknown_name_is_refused_whole(desk: ModelDesk, downloads: FakeDownloads) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        await desk.pull_set(["ear", "nobody"])
    assert downloads.begun == {}


async def test_a_set_of_which_one_may_not_be_chosen_is_refused_whole(
    home: Path, room: FakeRoom, downloads: FakeDownloads
) -> None:
    fixed = settings_with_models(home, stt=EngineSettings(model="embedded"))
    async with ModelDesk(fixed, room, fetch=downloads) as desk:
        with pytest.raises(ModelBusy, match="SOTTOVOCE_STT_MODEL"):
            await desk.pull_set(["mouth", "ear"], use=True)  # the first of which might be
        assert desk.state("mouth").state == "absent"


async def test_of_a_set_what_is_here_is_used_at_once(desk: ModelDesk, downloads: FakeDownloads) -> None:
    await install(desk, "ear")
    await desk.pull_set(["ear"], use=True)
    await until(desk, "ear", "ready")
    assert downloads.begun == {}


@pytest.mark.parametrize("is_queued", [False, True])
async def test_cancelling_ends_a_download_running_or_not(
    desk: ModelDesk, downloads: FakeDownloads, is_queued: bool
) -> None:
    name = "mind" if is_queued else "mouth"
    await desk.pull_set(["ear", "mouth", "mind"])
    await until(desk, "ear", "downloading", "asking")
    await until(desk, "mouth", "downloading", "asking")
    await desk.cancel(name)
    assert desk.state(name).state == "absent"
    assert (name in downloads.ended) == (not is_queued)
    with pytest.raises(ModelBusy, match="not being downloaded"):
        await desk.cancel(name)


async def test_a_download_that_fails_says_why_until_it_is_tried_again(
    desk: ModelDesk, downloads: FakeDownloads
) -> None:
    await desk.pull("mouth")
    downloads.fail("mouth", HubUnreachable("There is no connection."))
    assert (await until(desk, "mouth", "failed")).reason == "There is no connection."
    await desk.pull("mouth")
    assert desk.state("mouth").state == "downloading"


async def test_closing_ends_downloads_and_listeners(
    home: Path, room: FakeRoom, downloads: FakeDownloads
) -> None:
    async with ModelDesk(settings_with_models(home), room, fetch=downloads) as desk:
        await desk.pull("mouth")
        await until(desk, "mouth", "downloading", "asking")
        listening = asyncio.create_task(_listen(desk))
        await asyncio.sleep(0)
    assert downloads.ended == ["mouth"]
    await listening


async def _listen(desk: ModelDesk) -> None:
    async for _ in desk.changes():
        pass


async def test_an_unfinished_download_is_shown_and_not_gone_on_with_unasked(
    home: Path, room: FakeRoom, downloads: FakeDownloads
) -> None:
    folder = Store(home).partial("mouth")
    folder.mkdir(parents=True)
    (folder / "model.onnx.abc.incomplete").write_bytes(bytes(400))
    await asyncio.to_thread(Record(revision="c0ffee", total_bytes=1000).write, folder)
    async with ModelDesk(settings_with_models(home), room, fetch=downloads) as desk:
        state = desk.state("mouth")
        assert (state.state, state.bytes, state.total_bytes) == ("absent", 400, 1000)
        assert downloads.begun == {}


async def test_a_slow_listener_skips_to_the_newest(desk: ModelDesk, downloads: FakeDownloads) -> None:
    news = desk.changes()
    await anext(news)
    await desk.pull("mouth")
    for count in range(1, 10):
        downloads.advance("mouth", HALF.model_copy(update={"bytes": count * 100}))
    await until_so(desk, "mouth", lambda now: now.bytes == 900)
    states = {state.entry.id: state for state in await anext(news)}
    assert states["mouth"].bytes == 900
    await news.aclose()


async def test_a_model_that_cannot_be_loaded_changes_nothing_and_says_why(
    desk: ModelDesk, room: FakeRoom
) -> None:
    await install(desk, "ear")
    room.refusal = broken("stt", "its metadata are wrong")
    with pytest.raises(EngineError, match="metadata"):
        await desk.use("stt", "ear")
    assert (desk.state("ear").state, desk.state("ear").reason) == ("failed", "its metadata are wrong")
    assert desk.state("pocketsphinx").in_use
    assert await choice(desk) == {}
    room.refusal = None
    await desk.use("stt", "ear")
    assert (desk.state("ear").state, desk.state("ear").reason) == ("ready", None)


async def test_what_keeps_a_pulled_model_from_use_is_told(
    desk: ModelDesk, downloads: FakeDownloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*given: object) -> InstalledModel:
        raise ConfigError("somebody took it away")

    monkeypatch.setattr("sottovoce.models.preference.resolve", gone)
    await desk.pull("ear", use=True)
    downloads.finish("ear")
    assert (await until(desk, "ear", "failed")).reason == "somebody took it away"


async def test_looks_at_the_disk_do_not_overtake_each_other(
    desk: ModelDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, was_overtaken = threading.Event(), list[bool]()

    def look(*given: Any) -> Shelf:
        if was_overtaken:
            second.set()
        else:
            was_overtaken.append(False)
            was_overtaken[0] = second.wait(0.2)
        return read_shelf(*given)

    monkeypatch.setattr("sottovoce.models.desk.read_shelf", look)
    await asyncio.gather(desk.refresh(), desk.refresh())
    assert was_overtaken == [False]
    assert second.is_set()


async def test_loading_is_told_while_it_lasts(desk: ModelDesk, room: FakeRoom) -> None:
    await install(desk, "ear")
    room.gate.clear()
    await desk.begin_use("stt", "ear")
    assert (desk.state("ear").state, desk.state("ear").progress) == ("loading", 0.5)
    assert desk.state("pocketsphinx").in_use
    room.gate.set()
    await until(desk, "ear", "ready")


async def test_what_fails_at_once_is_raised_at_once(desk: ModelDesk, room: FakeRoom) -> None:
    await install(desk, "ear")
    room.refusal = broken("stt", "there is no memory for it")
    with pytest.raises(EngineError, match="no memory"):
        await desk.use("stt", "ear")


async def test_going_back_to_the_embedded_model_is_a_choice_too(desk: ModelDesk, room: FakeRoom) -> None:
    await install(desk, "ear")
    await desk.use("stt", "ear")
    await desk.use("stt", "embedded")
    assert room.used[-1] == ("stt", None)
    assert await choice(desk) == {"stt": "embedded"}


async def test_a_model_that_is_not_here_or_of_another_kind_is_not_used(desk: ModelDesk) -> None:
    with pytest.raises(ModelMissing, match="models pull ear"):
        await desk.use("stt", "ear")
    with pytest.raises(Exception, match="not for answers"):
        await desk.use("llm", "ear")


async def test_a_setting_that_decides_leaves_no_choice(home: Path, room: FakeRoom) -> None:
    fixed = settings_with_models(home, stt=EngineSettings(model="embedded"))
    async with ModelDesk(fixed, room) as desk:
        with pytest.raises(ModelBusy, match="SOTTOVOCE_STT_MODEL"):
            await desk.pull("ear", use=True)
    async with ModelDesk(settings_with_models(home, profile="embedded"), room) as desk:
        with pytest.raises(ModelBusy, match="SOTTOVOCE_PROFILE"):
            await desk.use("stt", "pocketsphinx")


async def test_built_in_models_and_unknown_ones_are_not_downloaded(desk: ModelDesk) -> None:
    with pytest.raises(InvalidRequestError, match="built in"):
        await desk.pull("espeak-ng")
    with pytest.raises(NotFoundError):
        await desk.pull("../ear")


async def test_offline_nothing_is_begun(home: Path, room: FakeRoom, downloads: FakeDownloads) -> None:
    async with ModelDesk(settings_with_models(home, offline=True), room, fetch=downloads) as desk:
        with pytest.raises(HubOffline):
            await desk.pull("ear")
    assert downloads.begun == {}


async def test_damage_found_at_loading_offers_the_download_that_mends_it(
    desk: ModelDesk, room: FakeRoom, downloads: FakeDownloads, home: Path
) -> None:
    await install(desk, "ear")
    file = Store(home).folder("ear") / "model.onnx"
    before = file.stat()
    file.write_bytes(b"weighty")  # as long as before
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # only reading it all finds that out
    room.refusal = broken("stt")
    with pytest.raises(EngineError):
        await desk.use("stt", "ear")
    reason = desk.state("ear").reason
    assert reason is not None
    assert "ear is damaged (model.onnx has other content" in reason
    assert reason.endswith("download it again.")
    room.refusal = None
    await desk.pull("ear", use=True)
    downloads.finish("ear")
    await until(desk, "ear", "ready")
    assert downloads.begun["ear"].revision == "c0ffee"


async def test_damage_of_a_model_that_the_engines_could_not_load_is_found(
    desk: ModelDesk, room: FakeRoom, home: Path, downloads: FakeDownloads
) -> None:
    await install(desk, "ear")
    room.show("stt", EngineModel("stt", "ear", "ready", is_preferred=True))
    (Store(home).folder("ear") / "model.onnx").write_bytes(b"cut")
    room.fail("stt", "ear")
    await until_so(desk, "ear", lambda now: "damaged" in (now.reason or ""))
    await desk.pull("ear")  # and mended, it is loaded again: it was to be in use
    downloads.finish("ear")
    await until(desk, "ear", "ready")


async def test_a_model_that_the_engines_could_not_load_for_other_reasons_keeps_theirs(
    desk: ModelDesk, room: FakeRoom
) -> None:
    await install(desk, "ear")
    room.fail("stt", "ear", "no memory for it")
    state = await until(desk, "ear", "failed")
    assert state.reason == "no memory for it"
    assert desk.state("pocketsphinx").in_use


async def test_damage_seen_before_loading_is_told_and_nothing_is_loaded(
    desk: ModelDesk, room: FakeRoom, home: Path
) -> None:
    await install(desk, "ear")
    (Store(home).folder("ear") / "model.onnx").write_bytes(b"cut")
    with pytest.raises(ModelDamaged):
        await desk.use("stt", "ear")
    assert "damaged" in (desk.state("ear").reason or "")
    assert room.used == []


async def test_a_desk_that_closes_does_not_wait_until_a_model_is_read(
    home: Path, room: FakeRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def read_for_ever(
        store: Store, manifest: Manifest, on_bytes: Callable[[int], None]
    ) -> tuple[Damage, ...]:
        begun.set()
        try:
            while True:
                on_bytes(1)
        finally:
            ended.set()

    monkeypatch.setattr("sottovoce.models.damage.verify", read_for_ever)
    async with ModelDesk(settings_with_models(home), room) as desk:
        await install(desk, "ear")
        room.fail("stt", "ear")
        await asyncio.to_thread(begun.wait, 5)
    assert await asyncio.to_thread(ended.wait, 5)


async def test_what_a_damaged_model_was_made_from_is_gone_so_the_newest_comes(
    desk: ModelDesk, downloads: FakeDownloads, home: Path
) -> None:
    await install(desk, "ear")
    (Store(home).folder("ear") / "model.onnx").write_bytes(b"cut")
    await desk.pull("ear")
    downloads.fail("ear", NotOnHub("no such revision"))
    await until(desk, "ear", "downloading", "asking")
    downloads.finish("ear")
    await until(desk, "ear", "installed")
    assert downloads.begun["ear"].revision is None


async def test_removing_frees_the_disk_and_forgets_the_choice(desk: ModelDesk, home: Path) -> None:
    await install(desk, "ear")
    await asyncio.to_thread(write_choice, home, "stt", "ear")
    assert await desk.remove("ear") > 0
    assert desk.state("ear").state == "absent"
    assert await choice(desk) == {}
    with pytest.raises(NotFoundError):
        await desk.remove("ear")


async def test_what_is_in_use_is_removed_by_force_alone(desk: ModelDesk, room: FakeRoom) -> None:
    await install(desk, "ear")
    await desk.use("stt", "ear")
    with pytest.raises(ModelBusy, match="in use"):
        await desk.remove("ear")
    await desk.remove("ear", is_forced=True)
    assert room.used[-1] == ("stt", None)
    assert desk.state("ear").state == "absent"


async def test_what_is_being_downloaded_is_not_removed(desk: ModelDesk) -> None:
    await desk.pull("ear")
    with pytest.raises(ModelBusy, match="cancel"):
        await desk.remove("ear", is_forced=True)


async def test_downloads_side_by_side_do_not_share_the_same_space(
    desk: ModelDesk, downloads: FakeDownloads
) -> None:
    await desk.pull("mouth")
    downloads.advance("mouth", HALF)
    await until(desk, "mouth", "downloading", "fetching")
    await desk.pull("ear")
    await until(desk, "ear", "downloading", "asking")
    assert downloads.begun["ear"].reserve_bytes - downloads.begun["mouth"].reserve_bytes == 500


async def test_the_offer_asks_for_a_connection_once_and_on_a_first_run_alone(
    home: Path, room: FakeRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, asked = (
        settings_with_models(home, hub_url="https://mirror.example:8443"),
        list[tuple[str, int]](),
    )

    async def connect(host: str, port: int) -> None:
        asked.append((host, port))

    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setattr("sottovoce.models.desk.fitting_set", lambda settings: (desk.state("ear").entry,))
    async with ModelDesk(settings, room, reach=Reach(Hub.of(settings), connect, lambda: 0.0)) as desk:
        offer = await desk.offer()
        assert (offer.is_first_run, offer.is_reachable, offer.download_bytes) == (True, True, 3000)
        await desk.offer()
        assert asked == [("mirror.example", 8443)]
        await install(desk, "ear")
        later = await desk.offer()
        assert (later.is_first_run, later.is_reachable, later.download_bytes) == (False, None, 0)
    assert len(asked) == 1


async def test_a_hub_out_of_reach_is_told_and_offline_is_not_asked() -> None:
    async def refuse(host: str, port: int) -> None:
        raise OSError("no route")

    now = 0.0
    reach = Reach(Hub("https://hub.example"), refuse, lambda: now)
    assert await reach.is_reachable() is False
    assert await Reach(Hub("https://hub.example", is_offline=True), refuse).is_reachable() is None
    assert await Reach(Hub("https://hub.example:99999")).is_reachable() is False
