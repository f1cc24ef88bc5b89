"""The ports of clients: one after the other, so that none comes again before it is forgotten.

One that comes again soon is taken for a connection that is over: by those who watch what becomes of packets, and by
the connection tracking of each kernel on the way.
"""

from collections.abc import Collection, Iterator


class ClientPorts:
    """The ports of a node's clients, of a range with both its ends."""

    def __init__(self, first: int, last: int) -> None:
        self._all = range(first, last + 1)
        self._given = 0

    def free(self, kept: Collection[tuple[int, int]]) -> Iterator[int]:
        """Each of them once, the next one first; but none of the ranges that are kept."""
        for _ in self._all:
            port = self._all[self._given % len(self._all)]
            self._given += 1
            if not any(first <= port <= last for first, last in kept):
                yield port
