"""talk"""

EPILOG = ""


def talk() -> None:
    """x"""
