"""`python -m vmtriage`."""

from vmtriage.cli import main

main()
