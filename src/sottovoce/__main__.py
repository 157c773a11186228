"""`python -m sottovoce` does what `sottovoce` does."""

from sottovoce.cli import main

main()
