"""Pin the images by digest: look up what their tags stand for now, and write it into deploy/.env.

    python deploy/pins.py            needs docker with buildx, and the registries
    python deploy/pins.py --check    says what is not pinned; exits 1 where anything is not

A tag is moved by whoever owns it; a digest names one image for ever. What is pinned is taken from the
Dockerfile and the compose file themselves, so an image that is added to them is asked for here.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

DEPLOY = Path(__file__).parent
BASE = re.compile(r"^ARG (?P<name>\w+)_IMAGE=(?P<image>\S+)$", re.MULTILINE)
USED = re.compile(r"^\s*image: (?P<image>[^$\s]+)\$\{(?P<variable>\w+_DIGEST):\+@\$\{\w+\}\}$", re.MULTILINE)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def images() -> dict[str, str]:
    """Each variable that pins, with the image that its tag names."""
    bases = {
        f"{found['name']}_DIGEST": found["image"]
        for found in BASE.finditer((DEPLOY / "Dockerfile").read_text())
    }
    compose = (DEPLOY / "docker-compose.yml").read_text()
    return bases | {found["variable"]: found["image"] for found in USED.finditer(compose)}


def look_up(image: str) -> str:
    """The digest of `image` for all platforms. Raises `ValueError` where there is no answer."""
    command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", image]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ValueError("there is no docker; install it with its buildx plugin") from None
    if done.returncode or not DIGEST.fullmatch(done.stdout.strip()):
        raise ValueError(f"{image}: {done.stderr.strip() or 'no digest was told'}")
    return done.stdout.strip()


def pinned(text: str) -> dict[str, str]:
    """The digests of an env file; what is none does not count."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs if DIGEST.fullmatch(value.strip())}


def written(text: str, digests: Mapping[str, str]) -> str:
    """The env file with the `digests` in it, each in its place, new ones at the end."""
    for variable, digest in digests.items():
        line = f"{variable}={digest}"
        text, times = re.subn(rf"^{variable}=.*$", line, text, flags=re.MULTILINE)
        if not times:
            text = f"{text.rstrip()}\n{line}\n"
    return text


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Pin the images of deploy/ by digest.")
    parser.add_argument("--check", action="store_true", help="Look nothing up; say what is not pinned.")
    parser.add_argument("--env-file", type=Path, default=DEPLOY / ".env")
    given = parser.parse_args(arguments)
    try:
        text = given.env_file.read_text()
        if given.check:
            return _check(text)
        digests = {variable: look_up(image) for variable, image in images().items()}
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    given.env_file.write_text(written(text, digests))
    print("\n".join(f"{variable}={digest}" for variable, digest in digests.items()))
    return 0


def _check(text: str) -> int:
    missing = {variable: image for variable, image in images().items() if variable not in pinned(text)}
    for variable, image in missing.items():
        print(f"{variable} is not set: {image} is whatever its tag stands for today", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
