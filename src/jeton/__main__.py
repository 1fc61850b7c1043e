"""``python -m jeton``: the jeton command."""

from jeton.cli import main

main()
