"""What is broken on purpose: rules taken away, hosts stopped, packets late or lost."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from portwright import platforms
from portwright.check.points import Reading
from portwright.errors import InvalidInput, Problem
from portwright.policy.configuration import Configuration
from portwright.rehearse.rules.running import Rules, lines_of
from portwright.site.model import Site

TABLE = "portwright_faults"
_EACH = 1_000_000  # packets, of which some are lost
_MOST_LINES = 20  # that a rule may have
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
        return "packets are late or lost on purpose" if self.loses_packets else ""

    @property
    def loses_packets(self) -> bool:
        """Report whether some do not come, or not while anybody waits."""
        return bool(self.latency or self.loss)

    def rules(self, hook: str) -> str:
        """Rules of nftables that lose packets at a hook; empty where none are to be lost."""
        if not self.loss:
            return ""
        some = f"numgen random mod {_EACH} < {round(self.loss * _EACH / 100)} " if self.loss < 100 else ""
        return (
            f"table inet {TABLE} {{\n    chain lost {{ type filter hook {hook} priority -460; policy accept;\n"
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
    return Faults(tuple(dict.fromkeys(chosen)), tuple(dict.fromkeys(stopped)), latency or 0.0, loss or 0.0)


def _problem(message: str, hint: str = "") -> Problem:
    return Problem("", 0, 0, "", message, hint)


def without_rules(
    readings: Mapping[str, Reading],
    faults: Faults,
    profiles: Mapping[str, str | None] = {},
) -> dict[str, Reading]:
    """The configurations without the rules that are taken away; `profiles` has those in force, by point.

    Raises InvalidInput where no rule stands there, or where it cannot be taken away alone.
    """
    found = dict(readings)
    for point, line in faults.without:
        if point in found:
            found[point] = _without(found[point], line, profiles.get(point))
    return found


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule as far as it is known by its place."""

    policy: str
    chain: str
    line: int
    text: str
    is_default: bool


def _without(reading: Reading, line: int, profile: str | None) -> Reading:
    """A configuration without the rule on a line, and with every other one: all lines keep their numbers."""
    configuration = reading.configuration
    lines = {one.line for one in _rules(configuration) if not one.is_default}
    if line not in lines:
        raise InvalidInput.of("no rule stands on this line", file=configuration.file, line=line)
    wanted = [one for one in _rules(configuration) if one.is_default or one.line != line]
    following = min((one for one in lines if one > line), default=line + _MOST_LINES)
    for last in range(line, min(following, line + _MOST_LINES)):  # it may go on in lines that follow
        found = _read_without(reading, (line, last), profile)
        if found is not None and _is_left(wanted, list(_rules(found.configuration))):
            return found
    message = "the rule cannot be taken away alone: others need it, or stand on the same lines"
    raise InvalidInput.of(message, file=configuration.file, line=line)


def _is_left(wanted: list[_Rule], left: list[_Rule]) -> bool:
    """Report whether all rules are left, but for those of chains to which nothing leads any more."""
    chains = {(one.policy, one.chain) for one in left}
    return left == [one for one in wanted if one.is_default or (one.policy, one.chain) in chains]


def _read_without(reading: Reading, lines: tuple[int, int], profile: str | None) -> Reading | None:
    """A configuration with some lines empty; None where it cannot be read, or not as well as before."""
    before = reading.configuration
    text = blanked(reading.text, *lines)
    try:
        after = platforms.read(before.platform, text, before.file, profile)
    except InvalidInput:
        return None
    not_understood = {one.source for one in after.census.unknown} - {one.source for one in before.census.unknown}
    return None if not_understood else replace(reading, configuration=after, text=text)


def _rules(configuration: Configuration) -> Iterator[_Rule]:
    """All rules, in order."""
    for name, policy in configuration.policies.items():
        for stage in policy.stages:
            for chain, inside in stage.chains.items():
                for rule in inside.rules:
                    yield _Rule(name, chain, rule.source.line, rule.source.text, rule.default)


def rendered_without(rules: Rules, faults: Faults) -> Rules:
    """Rendered rules without those that are taken away. Raises InvalidInput where no rule stands there."""
    for point, line in faults.without:
        if point == rules.point and rules.origin == "rendered":
            if not rules.lines.get(line, "").strip().endswith(("accept", '"')):
                raise InvalidInput.of(f"no rule stands on line {line} of what is rendered for {point}")
            text = blanked(rules.text, line, line)
            rules = replace(rules, text=text, lines=lines_of(text))
    return rules


def blanked(text: str, first: int, last: int) -> str:
    """The text with some of its lines empty."""
    lines = text.split("\n")
    lines[first - 1 : last] = [""] * len(lines[first - 1 : last])
    return "\n".join(lines)
