from __future__ import annotations

from sottovoce.livekit.worker.environment import OWN, isolate


def test_nothing_leads_livekits_libraries_anywhere_else() -> None:
    given = {
        "PATH": "/bin",
        "SOTTOVOCE_STT_URL": "http://127.0.0.1:1/v1",
        "LIVEKIT_URL": "ws://127.0.0.1:1",
        "LIVEKIT_API_SECRET": "secret",
        "LIVEKIT_WORKER_TOKEN": "token",
        "LIVEKIT_AGENT_NAME_OVERRIDE": "else",
        "LIVEKIT_REMOTE_EOT_URL": "wss://x",
        "LIVEKIT_INFERENCE_URL": "https://x",
        "LIVEKIT_OBSERVABILITY_URL": "https://x",
        "HTTP_PROXY": "http://x",
        "https_proxy": "http://x",
        "ALL_PROXY": "http://x",
        "PROMETHEUS_MULTIPROC_DIR": "/tmp",
    }
    isolate(given)
    assert given == {"PATH": "/bin", "SOTTOVOCE_STT_URL": "http://127.0.0.1:1/v1", **OWN}
