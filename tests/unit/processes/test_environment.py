from sottovoce.processes.environment import child_environment


def test_a_child_gets_neither_settings_nor_secrets() -> None:
    environment = {
        "PATH": "/bin",
        "SOTTOVOCE_API_KEY": "k",
        "SOTTOVOCE_PORT": "8080",
        "OPENAI_API_KEY": "k",
        "LIVEKIT_API_SECRET": "s",
        "GITHUB_TOKEN": "t",
        "OPENBLAS_NUM_THREADS": "4",
    }
    own = {"SOTTOVOCE_HOME": "/data", "SOTTOVOCE_SERVICE_KEY": "service-key"}
    assert child_environment(environment, own) == {
        "PATH": "/bin",
        "OPENBLAS_NUM_THREADS": "4",
        "MALLOC_ARENA_MAX": "2",
        "SOTTOVOCE_HOME": "/data",
        "SOTTOVOCE_SERVICE_KEY": "service-key",
    }
