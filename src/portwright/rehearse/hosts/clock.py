"""The time of the lab's clocks, which is the machine's."""

from datetime import UTC, datetime


def now() -> datetime:
    """Now."""
    return datetime.now(UTC)
