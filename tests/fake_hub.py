"""An imitation of the Hugging Face Hub on loopback, as far as huggingface_hub 2.4 asks, with faults.

`hub.repos["owner/name"]` holds files; those of `LFS_BYTES` and more are large ones, known by their SHA-256
and sent on to another address, as the hub does. `hub.faults["file"]` are met by the next requests for its
content, one each; the last one stays where `is_lasting`. `hub.seen` are the requests.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sottovoce.models.store import Store
from sottovoce.models.unfinished import unfinished

LFS_BYTES = 1000


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer. `cut_after`, `flip_at`, `length`: bytes of the whole file."""

    cut_after: int | None = None
    flip_at: int | None = None
    length: int | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    hangs_after: int | None = None
    ignores_range: bool = False
    is_lasting: bool = False


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    host: str
    range: str | None
    authorization: str | None
    user_agent: str


@dataclass
class FakeHub:
    url: str = ""
    large_files_at: str = ""
    """Where large files are sent on to; this server, under another of its names."""
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    announced: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is told of a file in place of the truth: `size`, `rfilename`, `lfs`, `blobId`."""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    answers: dict[str, Fault] = field(default_factory=dict)
    """What a repository as a whole is met with, when it is listed."""
    history: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    is_listing_sizes: bool = True
    stopping: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    """Set while an answer hangs."""

    def commit(self, repo: str) -> str:
        """The newest revision; it changes with the content."""
        state = hashlib.sha1(repr(sorted(self.repos[repo].items())).encode()).hexdigest()
        self.history.setdefault(repo, {})[state] = dict(self.repos[repo])
        return state

    def files(self, repo: str, revision: str) -> dict[str, bytes] | None:
        newest = self.commit(repo)
        return self.history[repo].get(newest if revision == "main" else revision)

    def fault(self, file: str) -> Fault:
        waiting = self.faults.get(file, [])
        if not waiting:
            return Fault()
        return waiting[0] if waiting[0].is_lasting else waiting.pop(0)

    def fetched(self, file: str) -> list[Seen]:
        """The requests for a file's content at its last address, in order."""
        return [
            each for each in self.seen if each.path.startswith("/content/") and each.path.endswith(f"/{file}")
        ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        headers = self.headers
        self.hub.seen.append(
            Seen(
                self.command,
                unquote(self.path),
                headers["host"] or "",
                headers["range"],
                headers["authorization"],
                headers["user-agent"] or "",
            )
        )
        parts = unquote(urlsplit(self.path).path).split("/")[1:]
        with suppress(BrokenPipeError, ConnectionResetError):
            if parts[:2] == ["api", "models"]:
                self._list("/".join(parts[2:4]), parts[5] if parts[4:5] == ["revision"] else "main")
            elif parts[2:3] == ["resolve"]:
                self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
            elif parts[0] == "content":
                self._content("/".join(parts[1:3]), parts[3], "/".join(parts[4:]))
            else:
                self._say(404, b"no such page")

    def _list(self, repo: str, revision: str) -> None:
        given = self.hub.answers.get(repo)
        if given is not None and given.hangs_after is not None:
            self.hub.hanging.set()
            self.hub.stopping.wait()
        elif given is not None and given.status is not None:
            if not given.is_lasting:
                del self.hub.answers[repo]
            self._say(given.status, b'{"error":"no"}', given.headers)
        elif repo not in self.hub.repos:
            self._say(404, b'{"error":"Repository not found"}', {"X-Error-Code": "RepoNotFound"})
        elif (files := self.hub.files(repo, revision)) is None:
            self._say(404, b'{"error":"Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"})
        else:
            sha = self.hub.commit(repo) if revision == "main" else revision
            siblings = [self._sibling(name, content) for name, content in files.items()]
            body = {"_id": "0", "id": repo, "modelId": repo, "sha": sha, "siblings": siblings}
            self._say(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _sibling(self, name: str, content: bytes) -> dict[str, Any]:
        facts: dict[str, Any] = {"rfilename": name}
        if self.hub.is_listing_sizes and "blobs=" in self.path:
            facts |= {"size": len(content), "blobId": git_sha1(content)}
            if len(content) >= LFS_BYTES:
                digest = hashlib.sha256(content).hexdigest()
                facts["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
        return facts | self.hub.announced.get(name, {})

    def _resolve(self, repo: str, revision: str, name: str) -> None:
        files = self.hub.files(repo, revision) if repo in self.hub.repos else None
        if files is None or name not in files:
            self._say(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content, base = files[name], {"X-Repo-Commit": revision}
        where = f"/content/{repo}/{revision}/{name}"
        if len(content) < LFS_BYTES:
            self._content(repo, revision, name, {**base, "ETag": f'"{git_sha1(content)}"'})
            return
        linked = {
            "X-Linked-Size": str(len(content)),
            "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
            "Location": f"{self.hub.large_files_at}{where}",
        }
        self._say(302, b"", {**base, **linked})

    def _content(self, repo: str, revision: str, name: str, more: dict[str, str] | None = None) -> None:
        files = self.hub.files(repo, revision)
        assert files is not None
        fault = self.hub.fault(name) if self.command == "GET" else Fault()
        if fault.status is not None:
            self._say(fault.status, b'{"error":"no"}', fault.headers)
            return
        content = bytearray(files[name])
        if fault.flip_at is not None:
            content[fault.flip_at] ^= 1
        if fault.length is not None:
            content = (content + bytes(fault.length))[: fault.length]
        begin, status, headers = 0, 200, dict(more or {})
        if (asked := self.headers["range"]) and not fault.ignores_range:
            begin = int(asked.removeprefix("bytes=").partition("-")[0])
            if begin >= len(content):
                self._say(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                return
            status, headers["Content-Range"] = 206, f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._send(status, bytes(content), begin, fault, headers)

    def _send(self, status: int, content: bytes, begin: int, fault: Fault, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content) - begin)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        ends = [each for each in (fault.cut_after, fault.hangs_after) if each is not None]
        self.wfile.write(content[begin : min([len(content), *ends])])
        self.wfile.flush()
        if fault.hangs_after is not None:
            self.hub.hanging.set()
            self.hub.stopping.wait()
        self.close_connection = bool(ends)

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go while we write are what these tests are about


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[FakeHub]:
    """A hub without repositories, at `hub.url`."""
    hub = FakeHub()
    handler = type("Handler", (_Handler,), {"hub": hub, "timeout": 5})
    server = _Server(("127.0.0.1", 0), handler)
    scheme = "http"
    if tls is not None:
        server.socket, scheme = tls.wrap_socket(server.socket, server_side=True), "https"
    port = server.server_address[1]
    hub.url = f"{scheme}://127.0.0.1:{port}"
    hub.large_files_at = f"{scheme}://localhost:{port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def until_written(hub: FakeHub, home: Path, model: str, count: int) -> None:
    """Until the worker has written so many bytes, which is a moment after the hub has sent them and hangs."""
    assert hub.hanging.wait(15)
    while (left := unfinished(Store(home), model)) is None or left.bytes < count:
        time.sleep(0.02)
