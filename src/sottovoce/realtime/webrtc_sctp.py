"""A bound on messages that never end: aiortc announces a receive window and does not hold peers to it."""

from __future__ import annotations

import logging

from aiortc.rtcsctptransport import DataChunk, RTCSctpTransport

logger = logging.getLogger(__name__)

MAX_PENDING_CHUNKS = 4096
"""Pieces of one stream that wait for those before them: each costs memory, and a look when another comes.

A message of 256 KiB has some 230.
"""

_receive_data_chunk = RTCSctpTransport.__dict__.get("_receive_data_chunk")


def install() -> None:
    """Put the bound into aiortc, for every peer connection made from now on. Idempotent.

    Raises `RuntimeError` for an aiortc that reassembles messages in another way.
    """
    if _receive_data_chunk is None:
        raise RuntimeError("This aiortc has no RTCSctpTransport._receive_data_chunk. Install aiortc 1.16.0.")
    RTCSctpTransport._receive_data_chunk = _receive_bounded  # type: ignore[assignment,method-assign]


async def _receive_bounded(transport: RTCSctpTransport, chunk: DataChunk) -> None:
    """Ends the association, and with it the call, when the window is overrun."""
    assert _receive_data_chunk is not None
    await _receive_data_chunk(transport, chunk)
    pending = transport._get_inbound_stream(chunk.stream_id).reassembly
    if transport._advertised_rwnd < 0 or len(pending) > MAX_PENDING_CHUNKS:
        logger.info("a caller's data channel is ended: its message is too long")
        await transport._abort()
        transport._set_state(RTCSctpTransport.State.CLOSED)
