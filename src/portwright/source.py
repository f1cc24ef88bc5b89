"""The place in somebody's file that an object came from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A line of a file, and its text as written."""

    file: str
    line: int  # 1-based; 0 where the object stands for the file as a whole
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file
