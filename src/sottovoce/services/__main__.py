"""`python -m sottovoce.services KIND --fd N`: a service as the supervisor starts it.

The same as `sottovoce KIND`, without loading the command line: three children stay smaller by it.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from sottovoce.errors import ConfigError
from sottovoce.services.child import ServiceOptions, run_service


def main() -> None:
    """Exits 2 with one line for a wrong descriptor or key."""
    parser = argparse.ArgumentParser(prog="python -m sottovoce.services", description=__doc__)
    parser.add_argument("kind", choices=("stt", "llm", "tts"))
    parser.add_argument("--fd", type=int, required=True, help="inherited listening socket")
    given = parser.parse_args()
    try:
        options = ServiceOptions.from_environment(fd=given.fd)
        service = importlib.import_module(f"sottovoce.services.{given.kind}")
        run_service(service.create_app(options), options)
    except ConfigError as error:
        sys.exit(f"error: {error.message}")


if __name__ == "__main__":
    main()
