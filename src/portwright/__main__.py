"""`python -m portwright`."""

from portwright.cli import main

main()
