"""``python -m jeton``: the jeton command."""

from jeton.cli import main

# A child process begins by reading this module again, under another name.
if __name__ == "__main__":
    main()
