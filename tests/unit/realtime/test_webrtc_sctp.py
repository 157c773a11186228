from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiortc.rtcsctptransport import DataChunk, InboundStream, RTCSctpTransport

from sottovoce.realtime import webrtc_sctp
from sottovoce.realtime.webrtc_sctp import MAX_PENDING_CHUNKS


class FakeTransport:
    """As much of an association as the bound looks at; its first piece never comes, so the rest waits."""

    def __init__(self) -> None:
        self.stream = InboundStream()
        self._advertised_rwnd = 1 << 20
        self.states: list[Any] = []
        self.aborts = 0

    def _get_inbound_stream(self, stream_id: int) -> InboundStream:
        return self.stream

    async def _abort(self) -> None:
        self.aborts += 1

    def _set_state(self, state: Any) -> None:
        self.states.append(state)


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> FakeTransport:
    async def receive(transport: FakeTransport, chunk: DataChunk) -> None:
        transport.stream.add_chunk(chunk)
        transport._advertised_rwnd -= len(chunk.user_data)

    monkeypatch.setattr(webrtc_sctp, "_receive_data_chunk", receive)
    return FakeTransport()


def piece(number: int, size_bytes: int) -> DataChunk:
    chunk = DataChunk()
    chunk.tsn, chunk.stream_id, chunk.user_data = number, 1, bytes(size_bytes)
    return chunk


async def test_a_peer_that_keeps_to_the_window_is_kept(transport: Any) -> None:
    for number in range(1024):
        await webrtc_sctp._receive_bounded(transport, piece(number, 1024))
    assert (transport._advertised_rwnd, transport.aborts) == (0, 0)


async def test_a_peer_that_overruns_the_window_is_ended(transport: Any) -> None:
    for number in range(1025):
        await webrtc_sctp._receive_bounded(transport, piece(number, 1024))
    assert (transport.aborts, transport.states) == (1, [RTCSctpTransport.State.CLOSED])


async def test_a_peer_that_sends_crumbs_is_ended(transport: Any) -> None:
    for number in range(MAX_PENDING_CHUNKS):
        await webrtc_sctp._receive_bounded(transport, piece(number, 1))
    assert transport.aborts == 0
    await webrtc_sctp._receive_bounded(transport, piece(MAX_PENDING_CHUNKS, 1))
    assert transport.aborts == 1


def test_install_is_in_the_way_of_new_associations_and_says_so_when_aiortc_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webrtc_sctp, "RTCSctpTransport", SimpleNamespace())
    webrtc_sctp.install()
    assert webrtc_sctp.RTCSctpTransport._receive_data_chunk is webrtc_sctp._receive_bounded
    monkeypatch.setattr(webrtc_sctp, "_receive_data_chunk", None)
    with pytest.raises(RuntimeError, match=r"aiortc 1\.16\.0"):
        webrtc_sctp.install()
