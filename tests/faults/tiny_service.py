"""A child for the supervisor's tests: the smallest service, which misbehaves as its plan says.

Run as `python tiny_service.py PLAN KIND --fd N`. Plans: good, exit, deaf (never answers), loading (never
ready), failed (says so), stubborn (ignores SIGTERM), family (starts a grandchild that outlives it).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

READYZ = {
    "loading": (503, {"status": "loading"}),
    "failed": (503, {"status": "failed", "reason": "no model"}),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("plan")
    parser.add_argument("kind")
    parser.add_argument("--fd", type=int)
    given = parser.parse_args()
    print(f"plan {given.plan}", flush=True)
    if given.plan == "exit":
        sys.exit("nothing works here")
    if given.plan == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if given.plan == "family":
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(f"grandchild {grandchild.pid}", flush=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    if given.plan == "deaf":
        time.sleep(600)
    serve(given.fd, given.plan)


def end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def serve(descriptor: int, plan: str) -> None:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = READYZ.get(plan, (200, {"status": "ready"}))
            if self.path == "/livez":
                status, body = 200, {"status": "alive"}
            self.reply(status, json.dumps({**body, "pid": os.getpid()}).encode())

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Health, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=descriptor)
    server.serve_forever()


if __name__ == "__main__":
    main()
