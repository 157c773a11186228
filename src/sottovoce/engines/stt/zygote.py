"""The process that loads the recogniser's models once and forks a worker for every stream.

    python -m sottovoce.engines.stt.zygote MODEL_FOLDER CONTROL_FD

Over the control socket it sends one byte when it is loaded and then receives one socket per wanted worker.
A forked worker starts in 2 ms, shares the models' memory, begins without a memory of other speakers, and
takes nobody along when it dies. It is forked from a process with a single thread, where that is safe.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import socket
import sys
from pathlib import Path

from sottovoce.engines.stt.base import BYTES_PER_SECOND, Segment
from sottovoce.engines.stt.build_model import DICTIONARY, LANGUAGE_MODEL
from sottovoce.engines.stt.recogniser import DECODER_OPTIONS, Decoder, Recogniser
from sottovoce.engines.stt.wire import HEADER, Kind, pack, pack_segment, unpack_header
from sottovoce.lifeline import die_with_parent

LOADED = b"L"


def load(folder: Path) -> Decoder:
    from pocketsphinx import Decoder as Pocketsphinx

    decoder = Pocketsphinx(lm=str(folder / LANGUAGE_MODEL), dict=str(folder / DICTIONARY), **DECODER_OPTIONS)
    _warm(decoder)
    return decoder  # type: ignore[no-any-return]


def _warm(decoder: Decoder) -> None:
    """Run once through everything, so that what is allocated on first use is shared too."""
    mean = decoder.get_cmn()
    decoder.start_utt()
    decoder.process_raw(bytes(BYTES_PER_SECOND // 4))
    decoder.hyp()
    decoder.end_utt()
    decoder.set_cmn(mean)


def fork_workers(control: socket.socket, decoder: Decoder) -> None:
    """Fork a worker for every socket received, until the service closes the control socket."""
    gc.collect()
    gc.freeze()  # a collection would touch, and thereby copy, every object's page in every worker
    control.sendall(LOADED)
    while True:
        message, files, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _work(files[0], decoder)
        os.close(files[0])


def _work(file: int, decoder: Decoder) -> None:
    """A worker's life."""
    status = 1
    try:
        die_with_parent()
        with socket.socket(fileno=file) as connection, connection.makefile("rwb") as stream:
            Worker(stream, decoder).run()
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the service has closed the stream
    finally:
        os._exit(status)


class Worker:
    """Serves one stream's messages until its end."""

    def __init__(self, stream: io.BufferedRWPair, decoder: Decoder) -> None:
        self.stream = stream
        self.recogniser = Recogniser(decoder, self._tell, lambda: self._send(Kind.HEARD))
        self.interim = ""

    def run(self) -> None:
        self._send(Kind.HELLO, str(os.getpid()))
        while header := self.stream.read(HEADER.size):
            kind, length = unpack_header(header)
            self._handle(kind, self.stream.read(length))

    def _handle(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.AUDIO:
            self._hear(payload)
        elif kind is Kind.FINISH:
            self.recogniser.finish()
            self.interim = ""
            self._send(Kind.FINAL)
        elif kind is Kind.RESET:
            self.recogniser.reset()
            self.interim = ""
            self._send(Kind.RESET)

    def _hear(self, pcm: bytes) -> None:
        self.recogniser.push(pcm)
        if self.recogniser.interim != self.interim:
            self.interim = self.recogniser.interim
            self._send(Kind.INTERIM, self.interim)
        self._send(Kind.HEARD)

    def _tell(self, segment: Segment) -> None:
        self.interim = ""
        self._write(pack_segment(segment))

    def _send(self, kind: Kind, text: str = "") -> None:
        self._write(pack(kind, text.encode()))

    def _write(self, message: bytes) -> None:
        self.stream.write(message)
        self.stream.flush()


def main() -> None:
    folder, control = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the service decides
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # dead workers leave no zombies
    with contextlib.suppress(ConnectionResetError):
        fork_workers(control, load(folder))


if __name__ == "__main__":
    main()
