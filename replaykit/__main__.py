"""`python -m replaykit`."""

from replaykit.cli.main import main

main()
