"""Reads files as the hostile things they may be: bounded, and text only."""

import sys
from pathlib import Path

from portwright.errors import InvalidInput

LIMIT = 50 * 2**20  # bytes; the largest firewall configurations in use are a few megabytes
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def read_text(path: str, limit: int = LIMIT) -> str:
    """The text of a file, or of standard input for "-".

    Raises InvalidInput when it cannot be read, is larger than `limit` bytes or is no text.
    """
    return _decode(_read_bytes(path, limit), path)


def _read_bytes(path: str, limit: int) -> bytes:
    try:
        if path == "-":
            content = sys.stdin.buffer.read(limit + 1)
        else:
            if Path(path).is_dir():
                _refuse(path, "is a folder")
            with Path(path).open("rb") as file:
                content = file.read(limit + 1)
    except (OSError, ValueError) as problem:
        raise InvalidInput.of(_reason(problem), file=path) from None
    if len(content) > limit:
        _refuse(path, f"is larger than {limit // 2**20} MB", "is it really a configuration, exported as text?")
    return content


def _reason(problem: Exception) -> str:
    if isinstance(problem, FileNotFoundError):
        return "there is no such file"
    reason = problem.strerror or "" if isinstance(problem, OSError) else str(problem)
    return f"cannot be read: {reason.lower() or 'no reason is known'}"


def _refuse(path: str, message: str, hint: str = "") -> None:
    raise InvalidInput.of(message, file=path, hint=hint)


def _decode(content: bytes, path: str) -> str:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise InvalidInput.of("is binary, not text", file=path, line=line, hint="export the configuration as text")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("latin-1")  # banners and descriptions typed on old terminals
