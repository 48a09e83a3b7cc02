"""``python -m challenges`` is the command line."""

from challenges.cli import main

main()
