"""`portwright rehearse`: the site in network namespaces, with real packets through real rules."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from portwright.cli.options import format_option
from portwright.cli.output import show
from portwright.cli.site import config_option, load, today_option
from portwright.errors import ExitStatus, InvalidInput, NotPossibleHere

if TYPE_CHECKING:
    from portwright.rehearse.evidence import Rehearsal
    from portwright.rehearse.faults import Faults
    from portwright.site.model import Site

_LIBRARIES = ("cryptography", "dns", "h11", "signxml")  # of the extra `rehearse`


@dataclass(frozen=True, slots=True)
class Request:
    """The command line: a field for each argument and option."""

    site: str
    configs: tuple[str, ...]
    today: datetime | None
    output: str
    tier: Literal["stand-in", "real", "auto"]
    without: tuple[str, ...]
    stopped: tuple[str, ...]
    latency: float | None
    loss: float | None
    patience: float
    capture: str | None
    keep: bool
    enter: str | None

    @property
    def day(self) -> date | None:
        """The day on which entries of the site expire."""
        return self.today.date() if self.today else None

    def faults(self, site: "Site") -> "Faults":
        """What is broken on purpose. Raises InvalidInput."""
        from portwright.rehearse.faults import faults_of

        return faults_of(site, self.without, self.stopped, self.latency, self.loss)


@click.command()
@click.argument("site")
@config_option
@click.option(
    "--tier",
    type=click.Choice(["stand-in", "real", "auto"]),
    default="stand-in",
    show_default=True,
    help="Who answers: servers of our own, real programs, or real ones as far as they are installed.",
)
@click.option("--without-rule", "without", metavar="POINT:LINE", multiple=True, help="Take a rule away; repeatable.")
@click.option("--stop", "stopped", metavar="HOST", multiple=True, help="Cut a host or a point off; repeatable.")
@click.option("--latency", metavar="MS", type=float, help="Have each packet take so many milliseconds longer.")
@click.option("--loss", metavar="PERCENT", type=float, help="Have each point lose so many of the packets.")
@click.option(
    "--patience",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 60),
    default=3.0,
    show_default=True,
    help="How long a client waits for an answer.",
)
@click.option("--capture", metavar="DIR", help="Write what each point sees to files for Wireshark in this folder.")
@click.option("--keep", is_flag=True, help="Leave the lab up until Ctrl-C or the end of the input.")
@click.option("--enter", metavar="HOST", help="Open a shell in this host: of the lab that is kept, else of a new one.")
@today_option
@format_option("text", "json", "junit")
def rehearse(**given: Any) -> int:
    """Build SITE in network namespaces, load its firewalls' rules, and play its scenarios and flows with real packets.

    Nothing outside is touched, and nothing is left behind. Exit status: 0 all works and agrees with the proof,
    1 findings, 2 wrong input, 3 something that is needed was not played, 4 not possible here.
    """
    from portwright.rehearse.supervisor import enter, inside, is_inside

    request = Request(**given)
    if math.isnan(request.patience):  # which click takes for a number in any range
        raise InvalidInput.of("--patience nan: is no number")
    if is_inside():
        return _inside(request)
    _check_files(request)
    plan, _ = load(request.site, request.configs, request.day)  # what is wrong is told before anything is built
    request.faults(plan.site)
    _check_libraries()
    if request.enter and not request.keep and (status := enter(request.site, request.enter)) is not None:
        return status
    return inside(sys.argv[1:], site=request.site)


def _check_files(request: Request) -> None:
    """Raise InvalidInput for what can be read but once, such as a pipe: it is read here, and within the namespaces."""
    for name in (request.site, *(one.partition("=")[2] for one in request.configs)):
        if Path(name).is_fifo() or Path(name).is_char_device():
            raise InvalidInput.of(f"{name}: a rehearsal reads it twice, so it has to be a file", file=name)


def _check_libraries() -> None:
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise NotPossibleHere(
            f"a rehearsal needs the libraries of its extra ({', '.join(missing)}): pip install 'portwright[rehearse]'"
        )


def _inside(request: Request) -> int:
    import logging

    from portwright.rehearse.options import Options
    from portwright.rehearse.run import rehearse as play
    from portwright.report.rehearsal.document import verdict

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of what both sides of a connection may do
    plan, readings = load(request.site, request.configs, request.day)
    capture = Path(request.capture) if request.capture else None
    faults = request.faults(plan.site)
    options = Options(
        tier=request.tier,
        faults=faults,
        capture=capture,
        keep=request.keep,
        enter=request.enter or "",
        is_document=request.output != "text",
        patience=request.patience,
    )
    write = _writer(request.output)
    found = play(plan, readings, options, _tell, lambda one: show(write(one)))
    is_told = found.disagreements or found.unused or found.unplanned
    is_fine = verdict(found) == "works" and not is_told and all(one.is_blocked for one in found.sample)
    if not is_fine:
        return ExitStatus.FINDINGS
    return (
        ExitStatus.UNDECIDED
        if any(one.passes is None or one.is_partly_played for one in found.flows if one.is_needed)
        else ExitStatus.PROVED
    )


def _tell(text: str) -> None:
    click.echo(f"portwright: {text}", err=True)


def _writer(output: str) -> "Callable[[Rehearsal], str | dict[str, object]]":
    from portwright.report.rehearsal.document import rehearsal_json
    from portwright.report.rehearsal.junit import rehearsal_junit
    from portwright.report.rehearsal.text import rehearsal_text

    writers: dict[str, Callable[[Rehearsal], str | dict[str, object]]] = {
        "json": rehearsal_json,
        "junit": rehearsal_junit,
        "text": rehearsal_text,
    }
    return writers[output]
