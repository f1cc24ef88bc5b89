"""The command line: reads, calls a stage, prints a report, exits.

Commands are loaded when they are called; the table below has all that `--help` shows.
"""

import errno
import os
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from itertools import pairwise
from keyword import iskeyword

import click

from portwright import __version__
from portwright.errors import ExitStatus, InvalidInput, PortwrightError

# Command -> (module with a click command of that name, what `portwright --help` says). In the order of a first day.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("portwright.cli.init", "Begin a site file: from a topology, from answers, from existing configurations."),
    "plan": ("portwright.cli.plan", "List the flows that a site needs, and why."),
    "check": (
        "portwright.cli.check",
        "Prove the configurations of a site: what is missing, what is open without need.",
    ),
    "trace": ("portwright.cli.trace", "Follow a scenario step by step: what breaks, where, and what the user sees."),
    "why": ("portwright.cli.why", "Say why a flow is needed, and what breaks without it."),
    "query": ("portwright.cli.query", "Say who can reach what, by which rules, and what needs it."),
    "render": ("portwright.cli.render", "Write the configuration of each firewall, proved before it is written."),
    "decide": ("portwright.cli.decide", "Say what a configuration does with a packet, and which line decides."),
    "rehearse": ("portwright.cli.rehearse", "Play every flow in network namespaces, through the real rules."),
    "lint": ("portwright.cli.lint", "Find rules without effect, too wide, or not understood in one configuration."),
    "diff": ("portwright.cli.diff", "Compare what two configurations do, packet by packet."),
    "catalog": (
        "portwright.cli.catalog",
        "Look things up in the catalog: components, ports, what the paper says. No site needed.",
    ),
    "import": ("portwright.cli.import_", "Make a product of a flow matrix, CSV or Excel."),
    "platforms": ("portwright.cli.platforms", "List the firewalls it reads and writes, and what it makes of each."),
    "schema": ("portwright.cli.schema", "Print the JSON Schemas of files and outputs, for editors and programs."),
}


class _Commands(click.Group):
    """The commands of the table, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's interface)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(COMMANDS[cmd_name][0]), f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="portwright")
def portwright() -> None:
    """Work out, prove and explain the network flows that an application needs.

    Exit status: 0 proved, 1 findings, 2 wrong input, 3 undecided, 4 not possible on this machine.
    """


def main() -> None:
    """Run the command line and exit; no traceback ever reaches the user."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names and texts that the terminal's encoding lacks
    sys.exit(_run(sys.argv[1:]))


def _open_what_is_closed() -> None:
    """Have a standard stream that somebody has closed lead nowhere: else a file of ours would stand in its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8"))


def _run(arguments: list[str]) -> int:
    as_json = _wants_json(arguments)
    try:
        result = portwright.main(arguments, prog_name="portwright", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as problem:
        return _misused(problem, as_json)
    except InvalidInput as wrong:
        _show_problems(wrong, as_json)
        return wrong.status
    except PortwrightError as problem:
        return _failed(str(problem), problem.status)
    except (KeyboardInterrupt, click.Abort):
        return _failed("interrupted", ExitStatus.INTERRUPTED)
    except (BrokenPipeError, SystemExit):  # click turns the one into the other
        # The reader has gone, `portwright ... | head`, and with it the answer.
        _discard_output()
        return ExitStatus.INTERRUPTED
    except MemoryError:
        return _failed("this machine's memory does not suffice for the input", ExitStatus.NOT_POSSIBLE)
    except Exception as problem:
        if os.environ.get("PORTWRIGHT_DEBUG"):
            raise
        return _internal(problem)


def _failed(message: str, status: int) -> int:
    click.echo(f"portwright: {message}", err=True)
    return status


def _discard_output() -> None:
    """Nothing more can be written; Python tries once more when it exits."""
    with suppress(OSError):  # a stream that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _misused(problem: click.ClickException, as_json: bool) -> int:
    """A mistake on the command line; by the contract of input errors where JSON is wanted."""
    if as_json:
        _show_problems(InvalidInput.of(problem.format_message()), as_json)
    else:
        problem.show()
    return ExitStatus.INPUT


def _internal(problem: Exception) -> int:
    if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
        _discard_output()
        return _failed("the output cannot be written: no space is left", ExitStatus.NOT_POSSIBLE)
    message = f"internal error ({type(problem).__name__}): this is a mistake in Portwright, not in your files.\n"
    hint = "Run the command again with PORTWRIGHT_DEBUG=1 in the environment and report what it prints."
    return _failed(message + hint, ExitStatus.INTERNAL)


def _wants_json(arguments: list[str]) -> bool:
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)


def _show_problems(wrong: InvalidInput, as_json: bool) -> None:
    from portwright.cli.output import printable, show

    if as_json:
        fields = ("file", "line", "column", "path", "message", "hint")
        errors = [{name: getattr(problem, name) for name in fields} for problem in wrong.problems]
        show({"schema": "portwright.errors/1", "errors": errors})
        return
    for problem in wrong.problems:
        click.echo(printable(str(problem)), err=True)
    if len(wrong.problems) > 1:
        click.echo(f"portwright: {len(wrong.problems)} problems; nothing was judged", err=True)
