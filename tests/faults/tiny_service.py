"""A child for the supervisor's tests: the smallest service, which misbehaves as its plan says.

Run as `python tiny_service.py PLAN KIND --fd N`. Plans: good, exit, deaf (never answers), loading (never
ready), failed (says so), stubborn (ignores SIGTERM), family (starts a grandchild that outlives it), crash (as
sherpa-onnx does on a bad model), hungry (is given less memory than it wants), patient (loads until the file
`go` is in its home), model (the plan is the name of the model that it is told to serve, up to a dash).

`/v1/count?to=N` streams N numbers, ten a second; those that are open are told as a real service tells them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

READYZ = {
    "loading": (503, {"status": "loading"}),
    "failed": (503, {"status": "failed", "reason": "no model"}),
}
PACE = 0.1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("plan")
    parser.add_argument("kind")
    parser.add_argument("--fd", type=int)
    given = parser.parse_args()
    plan = the_plan(given.plan)
    print(f"plan {plan}", flush=True)
    if plan == "exit":
        sys.exit("nothing works here")
    if plan == "crash":
        print("/src/csrc/offline-tts-kokoro-model.cc:Init:99 'n_speakers' does not exist", flush=True)
        os._exit(255)
    if plan == "hungry":
        resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))
        bytearray(1 << 30)
    if plan == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if plan == "family":
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(f"grandchild {grandchild.pid}", flush=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    if plan == "deaf":
        time.sleep(600)
    serve(given.fd, plan)


def the_plan(given: str) -> str:
    if given != "model":
        return given
    told = os.environ.get("SOTTOVOCE_SERVICE_MODEL")
    return "good" if told is None else str(json.loads(told)["entry"]["id"]).partition("-")[0]


def end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def serve(descriptor: int, plan: str) -> None:
    busy: set[object] = set()
    go = Path(os.environ["SOTTOVOCE_HOME"], "go")

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/v1/count"):
                self.count(int(self.path.partition("to=")[2]))
                return
            is_late = plan == "patient" and not go.exists()
            status, body = READYZ.get("loading" if is_late else plan, (200, {"status": "ready"}))
            if self.path == "/livez":
                status, body = 200, {"status": "alive"}
            self.reply(status, json.dumps({**body, "pid": os.getpid(), "busy": len(busy)}).encode())

        def count(self, to: int) -> None:
            busy.add(self)
            try:
                self.send_response(200)
                self.end_headers()
                for number in range(to):
                    self.wfile.write(f"{number}\n".encode())
                    time.sleep(PACE)
            finally:
                busy.discard(self)

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Health, bind_and_activate=False)
    server.daemon_threads = True
    server.socket.close()
    server.socket = socket.socket(fileno=descriptor)
    server.serve_forever()


if __name__ == "__main__":
    main()
