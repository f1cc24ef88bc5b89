"""The realistic configurations of every platform: `tests/platforms/PLATFORM/cases/NAME/`, and those of the examples.

A case is a folder with one configuration and `decisions.txt`, whose first line says why the case exists.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from portwright.platforms import PLATFORMS, read, recognize
from portwright.policy.configuration import Configuration

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"


class Sample(NamedTuple):
    """A configuration file of a platform."""

    platform: str
    file: Path

    def text(self) -> str:
        return self.file.read_bytes().decode("utf-8-sig")

    def configuration(self) -> Configuration:
        return _read(self)

    def __str__(self) -> str:
        return f"{self.platform}-{self.file.parent.name}-{self.file.name}"


@cache
def _read(sample: Sample) -> Configuration:
    return read(sample.platform, sample.text(), sample.file.name)


def cases(platform: str) -> list[Path]:
    """The case folders of a platform."""
    return sorted((HERE / platform.replace("-", "_") / "cases").glob("*/"))


def _of_case(platform: str, case: Path) -> Sample:
    (file,) = (file for file in case.iterdir() if file.name != "decisions.txt")
    return Sample(platform, file)


def _of_examples() -> list[Sample]:
    files = (file for file in sorted(EXAMPLES.glob("f*/*")) if file.is_file() and file.suffix != ".yaml")
    return [Sample(name, file) for file in files if (name := recognize(file.read_text(encoding="utf-8")))]


SAMPLES = [
    *(_of_case(platform, case) for platform in PLATFORMS for case in cases(platform)),
    *_of_examples(),
]
