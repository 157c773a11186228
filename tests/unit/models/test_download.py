"""Downloads through the real worker and the hub's real library, from an imitation of the hub with faults."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from huggingface_hub import close_session

from sottovoce.config import Settings
from sottovoce.errors import DownloadError
from sottovoce.gateway.certificate import self_signed
from sottovoce.models.download import DownloadOptions, download
from sottovoce.models.download_errors import (
    DownloadBusy,
    HubOffline,
    HubRefusal,
    HubTimeout,
    HubUnreachable,
    HubUntrusted,
    ModelGated,
    NoSpace,
    NotOnHub,
    UnsafeFile,
    WorkerCrashed,
    WrongContent,
)
from sottovoce.models.download_job import Job, Progress
from sottovoce.models.download_meter import Meter
from sottovoce.models.download_work import work
from sottovoce.models.entry import ModelEntry, Source
from sottovoce.models.hub import without_password
from sottovoce.models.installed import InstalledModel
from sottovoce.models.store import Store
from sottovoce.models.unfinished import sole, unfinished
from tests.fake_hub import FakeHub, Fault, running, until_written

REPO = "maker/model"
BIG = random.Random(1).randbytes(600_000)
SMALL = b"a b c\n"
IMPATIENT = DownloadOptions(retry_delays=(), reserve_bytes=0)
PATIENT = DownloadOptions(retry_delays=(0.01, 0.01), reserve_bytes=0)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running() as hub:
        hub.repos[REPO] = {
            "model.onnx": BIG,
            "tokens.txt": SMALL,
            "data/en.dict": b"",
            ".gitattributes": b"x",
        }
        yield hub


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HF_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def entry(**facts: object) -> ModelEntry:
    source = Source.model_validate({"repo": REPO, **facts})
    return ModelEntry(id="tiny", kind="stt", engine="sherpa-streaming", source=source)


def settings(hub: FakeHub, home: Path, **given: object) -> Settings:
    return Settings.model_validate({"home": home, "hub_url": hub.url, **given})


async def fetch(
    hub: FakeHub, home: Path, options: DownloadOptions = PATIENT, **source: object
) -> list[Progress]:
    return [each async for each in download(entry(**source), settings(hub, home), options)]


def work_here(hub: FakeHub, home: Path) -> None:
    """What the worker does, in this process, which takes a tenth of the time."""
    job = Job(home=home, entry=entry(), hub_url=hub.url, reserve_bytes=0, retry_delays=(0.0, 0.0))
    try:
        work(job, Meter(lambda told: None), sleep=lambda seconds: None)
    finally:
        close_session()


def nobody_is_at_it(home: Path) -> None:
    with sole(Store(home), "tiny"):
        pass


async def installed(home: Path) -> InstalledModel | None:
    return await asyncio.to_thread(Store(home).installed, entry())


def contents(home: Path) -> dict[str, bytes]:
    """The files of the model as it is installed."""
    folder = Store(home).folder("tiny")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".sottovoce.json"
    }


async def test_a_model_comes_whole_with_its_commit_written_down(hub: FakeHub, home: Path) -> None:
    told = await fetch(hub, home)
    assert contents(home) == {"model.onnx": BIG, "tokens.txt": SMALL, "data/en.dict": b""}
    manifest = await asyncio.to_thread(Store(home).manifest, "tiny")
    assert manifest is not None
    assert manifest.revision == hub.commit(REPO)
    assert told[0].step == "asking"
    assert (told[-1].step, told[-1].bytes, told[-1].total_bytes) == ("done", 600_006, 600_006)
    fetching = [each for each in told if each.step == "fetching" and each.file == "model.onnx"]
    assert (fetching[0].file_number, fetching[0].file_count, fetching[0].file_total_bytes) == (1, 3, len(BIG))
    assert not Store(home).partial("tiny").exists()


async def test_nobody_is_told_or_asked_anything_else(
    hub: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    await fetch(hub, home, files=["tokens.txt"])
    assert [each.path.partition("?")[0] for each in hub.seen] == [
        f"/api/models/{REPO}",
        f"/{REPO}/resolve/{hub.commit(REPO)}/tokens.txt",
    ]
    assert all(each.authorization is None for each in hub.seen)
    assert all("agent/" not in each.user_agent for each in hub.seen)


async def test_the_user_s_token_goes_to_the_hub_and_nowhere_else(
    hub: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    await fetch(hub, home, files=["model.onnx"])
    tokens = {each.host.partition(":")[0]: each.authorization for each in hub.seen}
    assert tokens == {"127.0.0.1": "Bearer hf_mine", "localhost": None}


async def test_a_cut_connection_is_taken_up_in_the_middle_of_the_file(hub: FakeHub, home: Path) -> None:
    hub.faults["model.onnx"] = [Fault(cut_after=400_000)]
    told = await fetch(hub, home)
    assert contents(home)["model.onnx"] == BIG
    first, second = hub.fetched("model.onnx")
    assert (first.range, second.range) == (None, "bytes=400000-")
    assert any(each.step == "waiting" and "connection" in each.note for each in told)


async def test_a_second_pull_goes_on_where_the_first_gave_up(hub: FakeHub, home: Path) -> None:
    hub.faults["model.onnx"] = [Fault(cut_after=400_000)]
    with pytest.raises(HubUnreachable, match="goes on where it was"):
        await fetch(hub, home, IMPATIENT)
    assert await installed(home) is None
    left = await asyncio.to_thread(unfinished, Store(home), "tiny")
    assert left is not None
    assert (left.bytes, left.total_bytes) == (400_000, 600_006)
    await fetch(hub, home, IMPATIENT)
    assert hub.fetched("model.onnx")[-1].range == "bytes=400000-"
    assert contents(home)["model.onnx"] == BIG


async def test_a_server_that_ignores_where_we_were_is_heard_from_the_start(hub: FakeHub, home: Path) -> None:
    hub.faults["model.onnx"] = [Fault(cut_after=400_000), Fault(ignores_range=True)]
    told = await fetch(hub, home)
    assert contents(home)["model.onnx"] == BIG
    assert max(each.bytes for each in told) == told[-1].bytes == 600_006


async def test_cancelling_ends_the_worker_and_keeps_what_has_come(hub: FakeHub, home: Path) -> None:
    hub.faults["model.onnx"] = [Fault(hangs_after=300_000)]

    task = asyncio.create_task(fetch(hub, home))
    await asyncio.to_thread(until_written, hub, home, "tiny", 300_000)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(nobody_is_at_it, home)
    await fetch(hub, home)
    assert hub.fetched("model.onnx")[-1].range == "bytes=300000-"


async def test_a_worker_killed_in_the_middle_is_told_and_gone_on_from(hub: FakeHub, home: Path) -> None:
    hub.faults["model.onnx"] = [Fault(hangs_after=300_000)]
    lock = Store(home).partial("tiny").parent / ".tiny.lock"
    task = asyncio.create_task(fetch(hub, home))
    await asyncio.to_thread(until_written, hub, home, "tiny", 300_000)
    os.kill(int(lock.read_text()), signal.SIGKILL)
    with pytest.raises(WorkerCrashed, match="signal 9"):
        await task
    await fetch(hub, home)
    assert hub.fetched("model.onnx")[-1].range == "bytes=300000-"
    assert contents(home)["model.onnx"] == BIG


async def test_a_flipped_byte_is_found_and_the_file_fetched_anew(hub: FakeHub, home: Path) -> None:
    hub.faults["model.onnx"] = [Fault(flip_at=123_456)]
    await fetch(hub, home)
    assert contents(home)["model.onnx"] == BIG
    assert [each.range for each in hub.fetched("model.onnx")] == [None, None]


@pytest.mark.parametrize("file", ["model.onnx", "tokens.txt"])
async def test_what_comes_damaged_every_time_is_never_installed(hub: FakeHub, home: Path, file: str) -> None:
    hub.faults[file] = [Fault(flip_at=3, is_lasting=True)]
    with pytest.raises(WrongContent, match=rf"{file} of maker/model came damaged 2 times"):
        await fetch(hub, home)
    assert await installed(home) is None
    assert not Store(home).folder("tiny").exists()


async def test_a_part_that_went_bad_on_the_disk_is_healed(hub: FakeHub, home: Path) -> None:
    hub.faults["model.onnx"] = [Fault(cut_after=400_000)]
    with pytest.raises(HubUnreachable):
        await fetch(hub, home, IMPATIENT)
    [part] = Store(home).partial("tiny").glob("model.onnx.*.incomplete")
    part.write_bytes(bytes(400_000))  # what a power cut may leave
    await fetch(hub, home)
    assert contents(home)["model.onnx"] == BIG


@pytest.mark.parametrize("length", [500_000, 700_000])
async def test_a_file_of_another_length_than_announced_is_refused(
    hub: FakeHub, home: Path, length: int
) -> None:
    hub.faults["model.onnx"] = [Fault(length=length, is_lasting=True)]
    with pytest.raises(WrongContent, match="announced"):
        await fetch(hub, home)
    assert await installed(home) is None


async def test_troubles_of_the_hub_s_own_are_waited_out(hub: FakeHub, home: Path) -> None:
    hub.answers[REPO] = Fault(status=503)
    hub.faults["model.onnx"] = [Fault(status=503), Fault(status=429, headers={"Retry-After": "0"})]
    await fetch(hub, home)
    assert contents(home)["model.onnx"] == BIG


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(status=503, is_lasting=True), HubUnreachable, "troubles of its own"),
        (Fault(status=429, headers={"Retry-After": "9999"}), HubUnreachable, "fewer requests"),
        (Fault(status=401, is_lasting=True), HubRefusal, "set HF_TOKEN"),
        (Fault(status=403, headers={"X-Error-Code": "GatedRepo"}), ModelGated, "terms accepted"),
        (Fault(status=404, headers={"X-Error-Code": "RepoNotFound"}), NotOnHub, "renamed"),
        (Fault(status=418), DownloadError, "418"),
    ],
)
async def test_every_refusal_names_its_cause_and_its_cure(
    hub: FakeHub, home: Path, fault: Fault, kind: type[DownloadError], words: str
) -> None:
    hub.answers[REPO] = fault
    with pytest.raises(kind, match=words) as caught:
        await asyncio.to_thread(work_here, hub, home)
    assert type(caught.value) is kind


async def test_a_revision_that_is_gone_is_named(hub: FakeHub, home: Path) -> None:
    with pytest.raises(NotOnHub, match="revision"):
        await fetch(hub, home, revision="0" * 40)


async def test_a_file_that_the_entry_names_and_nobody_has_is_named(hub: FakeHub, home: Path) -> None:
    with pytest.raises(NotOnHub, match=r"'encoder\.onnx'"):
        await fetch(hub, home, files=["*.txt", "encoder.onnx"])


async def test_no_network_is_told_as_that(home: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        hub = FakeHub(url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(HubUnreachable, match="no connection"):
            await fetch(hub, home)


async def test_a_hub_that_hangs_is_told_as_that(
    hub: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "1")
    hub.faults["tokens.txt"] = [Fault(hangs_after=2)]
    with pytest.raises(HubTimeout, match="in time"):
        await fetch(hub, home, IMPATIENT)


async def test_a_page_that_is_no_hub_is_told_as_that(hub: FakeHub, home: Path) -> None:
    hub.answers[REPO] = Fault(status=200)  # a wireless network's page for signing in, say
    with pytest.raises(WrongContent, match="SOTTOVOCE_HUB_URL"):
        await fetch(hub, home)


async def test_a_full_disk_is_seen_before_anything_comes(hub: FakeHub, home: Path) -> None:
    with pytest.raises(NoSpace, match=r"600 ?(\.0)? ?[kK]B more.*SOTTOVOCE_HOME"):
        await fetch(hub, home, DownloadOptions(reserve_bytes=1 << 60))
    assert hub.fetched("model.onnx") == []


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\b", ".sottovoce.json", "c:x"])
async def test_names_that_lead_out_are_refused(hub: FakeHub, home: Path, name: str) -> None:
    hub.repos[REPO] = {name: SMALL}
    with pytest.raises(UnsafeFile, match="not safe"):
        await asyncio.to_thread(work_here, hub, home)


async def test_links_in_the_download_s_folder_are_not_followed(
    hub: FakeHub, home: Path, tmp_path: Path
) -> None:
    folder = Store(home).partial("tiny")
    folder.mkdir(parents=True)
    (folder / "data").symlink_to(tmp_path)
    (folder / "tokens.txt").symlink_to(tmp_path / "tokens.txt")
    await fetch(hub, home)
    assert os.listdir(tmp_path) == []
    assert not any(path.is_symlink() for path in Store(home).folder("tiny").rglob("*"))


async def test_a_pin_wins_over_the_hub_s_word(hub: FakeHub, home: Path) -> None:
    with pytest.raises(WrongContent, match="another file than the catalogue knows"):
        await fetch(hub, home, sha256={"model.onnx": "0" * 64})
    with pytest.raises(WrongContent, match=r"tokens\.txt"):  # a small one, of which the hub has no SHA-256
        await fetch(hub, home, sha256={"tokens.txt": "0" * 64})


async def test_a_mirror_that_lists_names_alone_is_asked_file_by_file(hub: FakeHub, home: Path) -> None:
    hub.is_listing_sizes = False
    hub.faults["model.onnx"] = [Fault(flip_at=3)]
    await fetch(hub, home)
    assert contents(home) == {"model.onnx": BIG, "tokens.txt": SMALL, "data/en.dict": b""}


async def test_a_damaged_model_gets_only_its_bad_files_anew(hub: FakeHub, home: Path) -> None:
    await fetch(hub, home)
    (Store(home).folder("tiny") / "tokens.txt").write_bytes(b"a b d\n")
    hub.seen.clear()
    await fetch(hub, home)
    assert contents(home)["tokens.txt"] == SMALL
    assert [each.path.rpartition("/")[2] for each in hub.seen if "/resolve/" in each.path] == ["tokens.txt"]


async def test_a_newer_revision_brings_only_what_changed(hub: FakeHub, home: Path) -> None:
    await fetch(hub, home)
    hub.repos[REPO]["tokens.txt"] = b"a b c d\n"
    hub.seen.clear()
    await fetch(hub, home)
    assert contents(home)["tokens.txt"] == b"a b c d\n"
    assert hub.fetched("model.onnx") == []
    manifest = await asyncio.to_thread(Store(home).manifest, "tiny")
    assert manifest is not None
    assert manifest.revision == hub.commit(REPO)


async def test_two_processes_never_fetch_the_same_model(hub: FakeHub, home: Path) -> None:
    other = sole(Store(home), "tiny")
    await asyncio.to_thread(other.__enter__)
    with pytest.raises(DownloadBusy, match=str(os.getpid())):
        await fetch(hub, home)
    other.__exit__(None, None, None)


@pytest.mark.parametrize("variable", ["SOTTOVOCE_OFFLINE", "HF_HUB_OFFLINE"])
async def test_offline_asks_nobody(
    hub: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    if variable == "HF_HUB_OFFLINE":
        monkeypatch.setenv(variable, "1")
    given = settings(hub, home, offline=variable == "SOTTOVOCE_OFFLINE")
    with pytest.raises(HubOffline, match="offline"):
        await anext(download(entry(), given))
    assert hub.seen == []


async def test_a_worker_that_cannot_start_is_told_with_its_last_words(home: Path) -> None:
    broken = (sys.executable, "-c", "import sys; sys.exit('out of luck')")
    with pytest.raises(WorkerCrashed, match="status 1: out of luck"):
        await anext(download(entry(), Settings(home=home), worker=broken))


async def test_a_worker_that_writes_a_line_without_an_end_is_heard_out(home: Path) -> None:
    talking = "import sys; sys.stderr.write('x' * 400_000 + '\\nout of luck'); sys.exit(3)"
    with pytest.raises(WorkerCrashed, match="status 3: out of luck"):
        await anext(download(entry(), Settings(home=home), worker=(sys.executable, "-c", talking)))


async def test_the_password_of_a_mirror_is_in_no_message(hub: FakeHub, home: Path) -> None:
    mirror = hub.url.replace("://", "://ada:secret@")
    for repo, name in ((REPO, "nothing.onnx"), ("maker/gone", "*")):
        given = Settings.model_validate({"home": home, "hub_url": mirror})
        told = download(entry(repo=repo, files=[name]), given, IMPATIENT)
        with pytest.raises(DownloadError) as caught:
            [each async for each in told]
        assert "secret" not in caught.value.message
    assert without_password(f"{mirror}/a?b") == f"{hub.url}/a?b"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate that nobody vouches for, and a server's context with it."""
    file = tmp_path / "both.pem"
    file.write_bytes(self_signed(["localhost", "127.0.0.1"], datetime.now(UTC)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


async def test_a_hub_with_a_bad_certificate_is_not_trusted(
    home: Path, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    with running(certificate[1]) as hub, pytest.raises(HubUntrusted, match="SSL_CERT_FILE"):
        await fetch(hub, home)


async def test_an_encrypted_download_is_not_sent_on_to_where_nothing_is(
    home: Path, certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with running(certificate[1]) as hub, running() as open_hub:
        hub.repos[REPO] = open_hub.repos[REPO] = {"model.onnx": BIG}
        hub.large_files_at = open_hub.url
        with pytest.raises(HubUntrusted, match="without encryption"):
            await fetch(hub, home)
        assert open_hub.seen == []
        hub.large_files_at = hub.url
        await fetch(hub, home)
    assert contents(home)["model.onnx"] == BIG


@pytest.mark.parametrize("has_digests", [True, False])
async def test_a_download_that_goes_on_at_a_newer_revision_mixes_nothing(
    hub: FakeHub, home: Path, has_digests: bool
) -> None:
    if not has_digests:
        hub.announced = {name: {"lfs": None, "blobId": None} for name in hub.repos[REPO]}
    hub.faults["tokens.txt"] = [Fault(cut_after=2)]
    with pytest.raises(HubUnreachable):
        await fetch(hub, home, IMPATIENT)
    newer = BIG[:1000] + bytes(1000) + BIG[2000:]
    hub.repos[REPO] |= {"model.onnx": newer, "tokens.txt": b"d e f\n"}
    await fetch(hub, home)
    assert contents(home) == {"model.onnx": newer, "tokens.txt": b"d e f\n", "data/en.dict": b""}
