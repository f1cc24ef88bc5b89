"""The ends of lines of a text: editors see the one kind, and what is written has those of the file that was given."""

from collections import Counter

_WINDOWS = "\r\n"


def unified(text: str) -> str:
    """The text with one kind of line ends."""
    return text.replace(_WINDOWS, "\n")


def ended_like(model: str, text: str) -> str:
    """The text with the line ends of another one: those of a line that stands there, new ones as most lines end."""
    if _WINDOWS not in model:
        return text
    lines = model.split("\n")[:-1]
    known = Counter(lines)
    usual = "\r" if 2 * sum(line.endswith("\r") for line in lines) > len(lines) else ""
    *body, last = text.split("\n")
    return "\n".join([*(line + _end(line, known, usual) for line in body), last])


def _end(line: str, known: Counter[str], usual: str) -> str:
    other = "" if usual else "\r"
    end = next((end for end in (usual, other) if known[line + end]), usual)
    known[line + end] -= 1
    return end
