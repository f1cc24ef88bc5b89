"""What is broken on purpose: rules taken away, hosts stopped, packets late or lost."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from portwright import platforms
from portwright.check.points import Reading
from portwright.errors import InvalidInput, Problem
from portwright.policy.configuration import Configuration
from portwright.rehearse.rules.running import Rules
from portwright.site.model import Site

TABLE = "portwright_faults"
_EACH = 1_000_000  # packets, of which some are lost
_LONGEST_WAIT = 2000.0  # milliseconds: longer ones are what `--stop` is for


@dataclass(frozen=True, slots=True)
class Faults:
    """What is broken."""

    without: tuple[tuple[str, int], ...] = ()  # point, and the line of its rule
    stopped: tuple[str, ...] = ()  # hosts, groups, and points
    latency: float = 0.0  # milliseconds that each packet takes longer
    loss: float = 0.0  # percent of the packets that each point loses

    @property
    def told(self) -> tuple[str, ...]:
        """In words."""
        found = [f"without line {line} of {point}" for point, line in self.without]
        found += [f"{name} is stopped" for name in self.stopped]
        found += [f"each packet takes {self.latency:g} ms longer"] if self.latency else []
        found += [f"each point loses {self.loss:g} % of the packets"] if self.loss else []
        return tuple(found)

    def excuse(self, way: Iterable[str]) -> str:
        """Why what does not pass on a way says nothing about the proof; empty where nothing excuses it."""
        down = [name for name in way if name in self.stopped]
        if down:
            return f"{down[0]} is stopped"
        return "packets are late or lost on purpose" if self.latency or self.loss else ""

    @property
    def rules(self) -> str:
        """Rules of nftables that lose packets; empty where none are to be lost."""
        if not self.loss:
            return ""
        some = f"numgen random mod {_EACH} < {round(self.loss * _EACH / 100)} " if self.loss < 100 else ""
        return (
            f"table inet {TABLE} {{\n    chain lost {{ type filter hook forward priority -460; policy accept;\n"
            f"        {some}drop\n    }}\n}}\n"
        )


def faults_of(
    site: Site, without: Iterable[str], stopped: Iterable[str], latency: float | None, loss: float | None
) -> Faults:
    """The faults that the command line names. Raises InvalidInput with every problem."""
    chosen, problems = [], []
    for text in without:
        point, colon, line = text.rpartition(":")
        if not colon or point not in site.points or not (line.isascii() and line.isdigit()) or len(line) > 7:
            hint = f"POINT:LINE; its points: {', '.join(site.points) or 'none'}"
            problems.append(_problem(f"--without-rule {text[:80]}: is no line of a point of this site", hint))
        else:
            chosen.append((point, int(line)))
    for name in stopped:
        known = [*site.hosts, *site.groups, *site.points, *site.outside]
        if name not in known:
            near = get_close_matches(name[:80], known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            problems.append(_problem(f"--stop {name[:80]}: there is no such host", hint))
    for option, value, most in (("--latency", latency, _LONGEST_WAIT), ("--loss", loss, 100.0)):
        if value is not None and not 0 <= value <= most:
            problems.append(_problem(f"{option} {value:g}: is not between 0 and {most:g}"))
    if problems:
        raise InvalidInput(problems)
    return Faults(tuple(chosen), tuple(stopped), latency or 0.0, loss or 0.0)


def _problem(message: str, hint: str = "") -> Problem:
    return Problem("", 0, 0, "", message, hint)


def without_rules(readings: Mapping[str, Reading], faults: Faults) -> dict[str, Reading]:
    """The configurations without the rules that are taken away. Raises InvalidInput where no rule stands there."""
    found = dict(readings)
    for point, line in faults.without:
        if point in found:
            found[point] = _without(found[point], line)
    return found


def _without(reading: Reading, line: int) -> Reading:
    """A configuration whose line is empty: all others keep their numbers."""
    configuration = reading.configuration
    if line not in set(_lines_of_rules(configuration)):
        raise InvalidInput.of("no rule stands on this line", file=configuration.file, line=line)
    text = blanked(reading.text, line)
    try:
        again = platforms.read(configuration.platform, text, configuration.file)
    except InvalidInput as problem:
        message = "the rule cannot be taken away alone: it goes on in another line, or others need it"
        raise InvalidInput.of(message, file=configuration.file, line=line) from problem
    return replace(reading, configuration=again, text=text)


def _lines_of_rules(configuration: Configuration) -> Iterator[int]:
    for policy in configuration.policies.values():
        for stage in policy.stages:
            for chain in stage.chains.values():
                yield from (rule.source.line for rule in chain.rules if not rule.default)


def rendered_without(rules: Rules, faults: Faults) -> Rules:
    """Rendered rules without those that are taken away. Raises InvalidInput where no rule stands there."""
    for point, line in faults.without:
        if point == rules.point and rules.origin == "rendered":
            if not rules.lines.get(line, "").strip().endswith(("accept", '"')):
                raise InvalidInput.of(f"no rule stands on line {line} of what is rendered for {point}")
            text = blanked(rules.text, line)
            rules = replace(rules, text=text, lines=dict(enumerate(text.splitlines(), 1)))
    return rules


def blanked(text: str, line: int) -> str:
    """The text with one of its lines empty."""
    lines = text.splitlines(keepends=True)
    lines[line - 1] = "\n"
    return "".join(lines)
