"""Runs the commands that the documentation shows, and writes their true output into it.

A block fenced as ```console whose first line begins with `$ portwright` is a conversation: each line that begins with
`$ ` is a command, what follows is what a terminal shows for it. `$ echo $?` shows the exit status. A line that says
only `...` stands for lines left out; when the output is renewed, as many lines stay around it as before. The blocks of
a page run in order in one folder: a copy of `examples/` beside the demonstration's faulty configuration.

What a command writes as Markdown stands as it is between `<!-- portwright ... -->` and `<!-- end -->`.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import demo
from portwright.errors import ExitStatus

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```console\n(\$ portwright .*?)^```$", re.DOTALL | re.MULTILINE)
_WRITTEN = re.compile(r"^<!-- (portwright .*?) -->$.*?^<!-- end -->$", re.DOTALL | re.MULTILINE)
_LEFT_OUT = "..."


def pages() -> list[Path]:
    """The pages of the documentation that show commands."""
    candidates = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(page for page in candidates if _shows(page.read_text(encoding="utf-8")))


def _shows(text: str) -> bool:
    return bool(_BLOCK.search(text) or _WRITTEN.search(text))


def renewed(text: str) -> str:
    """The page as it reads when its commands are run; a block that leaves lines out stays if it is still true."""
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder))
        text = _BLOCK.sub(lambda block: f"```console\n{_conversation(block[1], shell)}```", text)
        return _WRITTEN.sub(lambda part: _generated(part[1], shell), text)


def _generated(command: str, shell: "Shell") -> str:
    return "\n".join([f"<!-- {command} -->", "", *shell.run(command), "", "<!-- end -->"])


@dataclass
class Shell:
    """A folder in which commands run one after the other."""

    folder: Path
    status: int = field(default=0, init=False)  # of the last command

    def __post_init__(self) -> None:
        shutil.copytree(ROOT / "examples", self.folder / "examples")
        demo.prepare(self.folder)

    def run(self, command: str) -> list[str]:
        """What a terminal of 100 columns shows for the command. Raises ValueError for another program's command."""
        if command == "echo $?":
            return [str(self.status)]
        program, *arguments = shlex.split(command)
        if program != "portwright":
            raise ValueError(f"only portwright runs in the documentation, not {program}")
        environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(
            [sys.executable, "-m", "portwright", *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode == ExitStatus.INTERNAL:
            raise RuntimeError(f"{command}: {done.stdout}")
        self.status = done.returncode
        return [line.rstrip() for line in done.stdout.splitlines()]


def _conversation(block: str, shell: Shell) -> str:
    lines = []
    for command, shown in _exchanges(block):
        printed = shell.run(command)
        lines += [f"$ {command}", *(shown if stands_for(shown, printed) else abridged(printed, shown))]
    return "".join(f"{line}\n" for line in lines)


def _exchanges(block: str) -> Iterator[tuple[str, list[str]]]:
    for exchange in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = exchange.splitlines()
        yield command, shown


def stands_for(shown: list[str], printed: list[str]) -> bool:
    """Report whether `shown` is `printed`, where a line `...` may leave out any number of lines."""
    pattern = "".join("(?:.*\n)*?" if line == _LEFT_OUT else re.escape(line) + "\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def abridged(printed: list[str], like: list[str]) -> list[str]:
    """What was printed, with as many lines before and after a `...` as the other text has, if it has one."""
    if _LEFT_OUT not in like:
        return printed
    head, tail = like.index(_LEFT_OUT), like[::-1].index(_LEFT_OUT)
    return [*printed[:head], _LEFT_OUT, *printed[max(head, len(printed) - tail) :]]


def main() -> None:
    """Show which pages are out of date; with `--write`, renew them."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        new = renewed(text)
        if new != text:
            print(f"{page.relative_to(ROOT)} is {'renewed' if '--write' in sys.argv else 'out of date'}")
            if "--write" in sys.argv:
                page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
