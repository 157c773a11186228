"""bench"""

EPILOG = ""


def bench() -> None:
    """x"""
