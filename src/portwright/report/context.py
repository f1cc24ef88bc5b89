"""Lines of a configuration in their context."""

from pathlib import PurePath


def point_name(file: str) -> str:
    """The name of a point that only a file stands for."""
    return PurePath(file).stem


def in_context(text: str, line: int, around: int = 2, indent: str = "    ") -> list[str]:
    """The line of a file with its neighbors, numbered, the line itself marked."""
    lines = text.splitlines()
    shown = range(max(1, line - around), min(len(lines), line + around) + 1)
    width = len(str(shown[-1])) if shown else 1
    return [
        f"{indent}{'>' if n == line else ' '} {n:>{width}}  {lines[n - 1].expandtabs(4).rstrip()}"[:100] for n in shown
    ]
