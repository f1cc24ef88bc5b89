"""Which rules a router runs in a rehearsal, and which line of which file each of them is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from portwright import platforms
from portwright.errors import InvalidInput, Problem
from portwright.plan.model import Plan
from portwright.platforms.nftables import listing_text
from portwright.policy.configuration import Configuration
from portwright.policy.intent import Intended, Intent
from portwright.policy.reference import RuleReference
from portwright.rehearse.rules import saved
from portwright.rehearse.rules.translate import TABLE, Hook, translated
from portwright.render.intent import intent_of
from portwright.site.model import Point
from portwright.source import Source

RulesFrom = Literal["native", "rendered", "translated"]
Handle = tuple[str | int, ...]  # family, table and handle of a rule in the kernel; of a policy the name of its chain

_HOOKS: Mapping[bool, tuple[Hook, ...]] = {False: ("forward",), True: ("input", "output")}  # by: is it on a host
_HEAD = re.compile(r"^table (\w+) (\S+) \{", re.ASCII)
_CHAIN = re.compile(r"^\tchain (\S+) \{", re.ASCII)
_HANDLE = re.compile(r" # handle (\d+)$", re.ASCII)
_UNTRACED = re.compile(r"\bmeta\s+nftrace\s+set\s+0\b")  # it has no effect on packets, and would hide what decides
RESERVED = "portwright_"  # how the tables of a rehearsal's own begin
_PLACE = re.compile(r' comment "(\d+): ([^"]*)"')


@dataclass(frozen=True, slots=True)
class Decider:
    """A line of a configuration that decided about a packet in the kernel."""

    point: str
    place: Source
    default: bool = False  # it is what becomes of a packet that no rule has decided about
    is_accepted: bool = False

    @property
    def reference(self) -> RuleReference:
        """The line as reports name it."""
        reason = "the policy of its chain" if self.default and self.place.line else ""
        return RuleReference(self.point, self.place.file, self.place.line, self.place.text, self.default, reason)

    def which(self, is_accepted: bool) -> "Decider":
        """The line, with what it decided."""
        return replace(self, is_accepted=is_accepted)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is loaded into the namespace of one point."""

    point: str
    origin: RulesFrom
    text: str  # for `nft -f`
    file: str  # the configuration that it comes from; a name where it is rendered
    lines: Mapping[int, str]  # the text of each of its lines
    left_out: tuple[tuple[Source, str], ...] = ()  # lines that are not rehearsed, and why
    platform: str = "nftables"  # whose words the text has
    wordless: tuple[Source, ...] = ()  # lines that are not rehearsed though they are in no doubt

    @property
    def loads(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """The programs that load it, in order, each with what it reads."""
        if self.platform == "iptables":
            return saved.loads(self.text, self.file)
        return ((("nft", "-f", "-"), _UNTRACED.sub("counter", self.text)),)

    def deciders(self, listing: str) -> dict[Handle, Decider]:
        """The line behind each rule and policy of the kernel, from `nft -a list ruleset`."""
        found = {handle: Decider(self.point, at, default=not at.line) for handle, at in self.places(listing).items()}
        return found | {chain: Decider(self.point, place, default=True) for chain, place in self._policies().items()}

    def _policies(self) -> dict[Handle, Source]:
        """The lines that say what becomes of packets at the end of a base chain."""
        if self.origin == "translated":
            return {}
        if self.platform == "iptables":
            return {key: self._source(line) for key, line in saved.policies(self.text, self.file).items()}
        return {
            (table.family, table.name, chain.name): self._source(chain.hook.place.line)
            for table in listing_text.read(self.text, self.file).tables.values()
            for chain in table.chains.values()
            if chain.hook is not None
        }

    def places(self, listing: str) -> dict[Handle, Source]:
        """The line behind each rule of the kernel, from `nft -a list ruleset`."""
        if self.origin == "translated":
            return self._by_comment(listing)
        return self._by_order(listing)

    def _by_comment(self, listing: str) -> dict[Handle, Source]:
        found: dict[Handle, Source] = {}
        for family, table, _, handle, text in rules_in(listing):
            if table.startswith(TABLE) and (place := _PLACE.search(text)):
                line = int(place[1])  # 0: nobody wrote it
                found[family, table, handle] = self._source(line) if line else Source(self.file, 0, place[2])
        return found

    def _by_order(self, listing: str) -> dict[Handle, Source]:
        """The nth rule of a chain in the kernel is the nth of that chain in the file, if there are as many."""
        lines = self._lines_by_chain()
        handles: dict[tuple[str, str, str], list[int]] = {}
        for family, table, chain, handle, _ in rules_in(listing):
            handles.setdefault((family, table, chain), []).append(handle)
        return {
            (family, table, handle): self._source(line)
            for (family, table, chain), inside in handles.items()
            if len(known := lines.get((family, table, chain), ())) == len(inside)
            for handle, line in zip(inside, known, strict=True)
        }

    def _lines_by_chain(self) -> Mapping[tuple[str, str, str], Sequence[int]]:
        """The lines of the rules of each chain, by family, table and chain."""
        if self.platform == "iptables":
            return saved.lines(self.text, self.file)
        return {
            (table.family, table.name, chain.name): [rule.place.line for rule in chain.rules]
            for table in listing_text.read(self.text, self.file).tables.values()
            for chain in table.chains.values()
        }

    def _source(self, line: int) -> Source:
        return Source(self.file, line, self.lines.get(line, "").strip())


def lines_of(text: str) -> dict[int, str]:
    """The lines by their number, as the readers of all platforms count them: nothing else than a line feed ends one."""
    return dict(enumerate(text.split("\n"), 1))


def rules_in(listing: str) -> list[tuple[str, str, str, int, str]]:
    """Family, table, chain, handle and text of each rule that `nft -a list ruleset` prints."""
    found, family, table, chain = [], "", "", ""
    for line in listing.splitlines():
        if head := _HEAD.match(line):
            family, table, chain = head[1], head[2], ""
        elif begun := _CHAIN.match(line):
            chain = begun[1]
        elif line.startswith("\t}"):
            chain = ""
        elif chain and line.startswith("\t\t") and not line.startswith("\t\ttype ") and (at := _HANDLE.search(line)):
            found.append((family, table, chain, int(at[1]), line[: at.start()].strip()))
    return found


def rules_of(
    plan: Plan, point: Point, configuration: Configuration | None, text: str, ports: Mapping[str, str]
) -> Rules:
    """The rules of a point: its own where the kernel understands them, else translated; rendered where it has none."""
    if configuration is None:
        return _rendered(plan, point, ports)
    lines = lines_of(text)
    is_native = configuration.platform == "iptables" or (
        configuration.platform == "nftables" and not text.lstrip().startswith("{")
    )
    if is_native:
        _check_commands(configuration.platform, text, configuration.file)
        return Rules(point.name, "native", text, configuration.file, lines, platform=configuration.platform)
    made = [
        translated(configuration.policy(hook, path=hook == "forward"), configuration.interfaces, ports, hook)
        for hook in _HOOKS[point.on is not None]
    ]
    left_out = tuple(line for one in made for line in one.left_out)
    wordless = tuple(line for one in made for line in one.wordless)
    text = "".join(one.text for one in made)
    return Rules(point.name, "translated", text, configuration.file, lines, left_out, wordless=wordless)


def _check_commands(platform: str, text: str, file: str) -> None:
    """Raise InvalidInput where nft would do what nobody has read, such as to put a rule in another's place."""
    if platform != "nftables":
        return
    read = listing_text.read(text, file)
    if read.unknown:
        message = "this is not understood, and nft would do it: it cannot be rehearsed"
        raise InvalidInput([Problem(file, place.line, 1, "", message, "") for place in read.unknown])
    reserved = [one.name for one in read.tables.values() if one.name.startswith(RESERVED)]
    if reserved:
        raise InvalidInput.of(f"the table {reserved[0]} is called like those of a rehearsal itself", file=file)


def _rendered(plan: Plan, point: Point, ports: Mapping[str, str]) -> Rules:
    intent = _renamed(intent_of(plan, point, optional=True), ports)
    text = platforms.renderer("nftables").render(intent)
    return Rules(point.name, "rendered", text, f"{point.name} as rendered", lines_of(text))


def _renamed(intent: Intent, ports: Mapping[str, str]) -> Intent:
    """The intent with the kernel's names of the interfaces."""

    def port(name: str | None) -> str | None:
        return ports.get(name, name) if name is not None else None

    def rule(one: Intended) -> Intended:
        return replace(one, interface_in=port(one.interface_in), interface_out=port(one.interface_out))

    return replace(
        intent,
        interfaces={zone: ports.get(name, name) for zone, name in intent.interfaces.items()},
        rules=tuple(map(rule, intent.rules)),
        redirections=tuple(
            replace(one, interface_in=port(one.interface_in), interface_out=port(one.interface_out))
            for one in intent.redirections
        ),
    )
