"""The configuration of the managed server: what it opens, whom it lets in, and what bounds it."""

from __future__ import annotations

from typing import Any, Final

from sottovoce.config import Settings
from sottovoce.livekit.server.keys import KeyPair
from sottovoce.livekit.server.ports import ServerPorts
from sottovoce.livekit.server.reach import LOOPBACK, MediaReach

MAX_METADATA_BYTES: Final = 64 * 1024
"""Of a participant or a room: it is sent to everybody in the room at each change."""
MAX_ATTRIBUTES_BYTES: Final = 16 * 1024
MAX_NAME_CHARACTERS: Final = 256
"""Of rooms, identities and names, which go into logs and lists."""
NO_STUN: Final = "127.0.0.1:9"
"""What clients are told to ask for their address: nobody, at the discard port of their own machine. Not the
port for media: who asks there first is never let in, for the server takes the question for media."""


def server_config(settings: Settings, reach: MediaReach, ports: ServerPorts, keys: KeyPair) -> dict[str, Any]:
    """What livekit-server reads as its configuration file; JSON is YAML.

    Signalling is for this machine alone: the gateway relays that of clients. The server's administration,
    which listens there as well, is never relayed.
    """
    return {
        "port": ports.signal,
        "bind_addresses": [LOOPBACK],
        "keys": {keys.key: keys.secret},
        "rtc": _rtc(reach, ports),
        "room": _room(settings),
        "limit": _limit(settings),
        "turn": {"enabled": False},
        "development": False,
        "logging": {"json": True, "level": "info", "pion_level": "error"},
    }


def _rtc(reach: MediaReach, ports: ServerPorts) -> dict[str, Any]:
    """One UDP port for all media, at one address.

    A server without STUN servers of its own hands Google's and Twilio's to its clients, which would tell
    them who talks here.
    """
    rtc: dict[str, Any] = {
        "udp_port": ports.udp,
        "tcp_port": ports.tcp or 0,
        "use_external_ip": False,
        "node_ip": reach.node_ip,
        "stun_servers": [NO_STUN],
        "enable_loopback_candidate": reach.is_loopback,
    }
    if reach.is_here:
        rtc["ips"] = {"includes": [reach.subnet]}
    return rtc


def _room(settings: Settings) -> dict[str, Any]:
    """Tokens bring the configuration of their room along; this is for those that bring none."""
    livekit = settings.livekit
    return {
        "auto_create": True,
        "empty_timeout": livekit.empty_timeout,
        "departure_timeout": livekit.departure_timeout,
        "max_participants": livekit.max_participants,
    }


def _limit(settings: Settings) -> dict[str, Any]:
    """`num_tracks` are those of all rooms that this machine has assistants for, were each full: more would be
    media that nobody answers, on a machine that recognises speech."""
    return {
        "num_tracks": settings.max_sessions * settings.livekit.max_participants**2,
        "max_metadata_size": MAX_METADATA_BYTES,
        "max_attributes_size": MAX_ATTRIBUTES_BYTES,
        "max_room_name_length": MAX_NAME_CHARACTERS,
        "max_participant_identity_length": MAX_NAME_CHARACTERS,
        "max_participant_name_length": MAX_NAME_CHARACTERS,
    }
