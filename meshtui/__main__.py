"""`python -m meshtui`."""

from meshtui.cli import main

main()
