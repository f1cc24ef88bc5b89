"""What people are told while a rehearsal goes on: the phase, in a long one also how far it is, and the time."""

import time
from collections.abc import Callable

At = Callable[..., None]  # is told as `Progress.at` is
_LONG = 2.0  # seconds without a word


def nobody(place: str, number: int = 0, of: int = 0) -> None:
    """Tell nobody where it is."""


class Progress:
    """Tells each phase at once, and what happens within it only where nothing has been told for two seconds."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._begun = self._told = clock()

    def __call__(self, phase: str) -> None:
        """Tell that a phase begins."""
        self._told = self._clock()
        self._say(f"{self._told - self._begun:5.1f} s  {phase}")

    def at(self, place: str, number: int = 0, of: int = 0) -> None:
        """Tell where it is, such as a host, and the how manieth of how many that is, if anybody knows."""
        if self._clock() - self._told >= _LONG:
            self(f"  {place} ({number:,} of {of:,})" if of else f"  {place}")
