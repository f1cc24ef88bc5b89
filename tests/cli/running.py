"""What the tests of the commands share: running them, copies of the example site, the published schemas."""

import contextlib
import io
import json
import shutil
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jsonschema

import patches
from portwright.cli import _run

EXAMPLES = Path(__file__).parents[2] / "examples"
F6 = EXAMPLES / "f6"
FAULTS = sorted(patch.stem for patch in (F6 / "faults").glob("*.patch"))
SCENARIOS = ("publish-report", "run-fetch-report", "run-sql-report", "sign-in-integrated")
TRACEBACK = "Traceback"


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict:
        """The JSON that it printed, which its schema holds for."""
        document = json.loads(self.out)
        validate(document, document["schema"])
        return document

    @property
    def documents(self) -> list[dict]:
        """The JSON of `decide`: one object a line."""
        lines = [json.loads(line) for line in self.out.splitlines()]
        for line in lines:
            validate(line, "portwright.decide/1")
        return lines

    def findings(self, *kinds: str) -> list[dict]:
        """The findings of a check or lint, or those of some kinds."""
        return [one for one in self.document["findings"] if not kinds or one["kind"] in kinds]


def validate(document: object, schema: str) -> None:
    """Raise when a document is not what its published schema says."""
    name = schema.removeprefix("portwright.").replace("/", "-") + ".json"
    text = resources.files("portwright").joinpath("schemas", name).read_text(encoding="utf-8")
    jsonschema.validate(document, json.loads(text))


def run(*arguments: object, stdin: bytes = b"") -> Done:
    """Run a command as the command line does, and never let it raise."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = _run([str(argument) for argument in arguments])
    finally:
        sys.stdin = before
    return Done(int(status), out.getvalue(), err.getvalue())


def copied(folder: Path, fault: str | None = None, example: str = "f6") -> Path:
    """A copy of an example site, perhaps with a fault; its site file."""
    right, copy = EXAMPLES / example, folder / example
    shutil.copytree(right, copy)
    if fault:
        patches.apply_to(right, right / "faults" / f"{fault}.patch", copy)
    return copy / "site.yaml"


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that must be in a file."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def line_of(file: Path, text: str) -> int:
    """The number of the first line of a file that has the text."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def rules(told: dict) -> list[dict]:
    """The rules of a finding or a step in JSON: the one that decides, then the related ones."""
    deciding = [told["decided_by"]] if told["decided_by"] is not None else []
    return [*deciding, *told["related"]]
