"""The kernel's rulings against Portwright's answers."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tests.kernel.coverage import CONSTRUCTS, Coverage
from tests.kernel.dialects import DIALECTS
from tests.kernel.kernel import Kernel, Ruling

from portwright import platforms
from portwright.errors import InvalidInput
from portwright.packets.fields import ICMP, ICMPV6, TCP, UDP, Field, State
from portwright.packets.intervals import Intervals, contains
from portwright.packets.packet import Packet, address_text
from portwright.policy.answer import Answerer
from portwright.policy.configuration import Configuration
from portwright.policy.reference import rule_reason
from portwright.policy.walk import Decided, Decision
from portwright.rehearse.watching.tracing import Ends

Reader = Callable[[str, str], Configuration]
_NOT_OF_A_CONNECTION = (None, State.NEW, State.UNTRACKED)
_ECHO_REQUEST = {ICMP: 8, ICMPV6: 128}  # RFC 792, RFC 4443


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A packet about which Portwright is wrong."""

    source: str  # the ruleset as it was loaded
    listing: str  # what Portwright has read
    hook: str
    path: bool
    packet: Packet
    kernel: str
    ours: str

    @property
    def is_json(self) -> bool:
        """Report whether Portwright has read JSON."""
        return self.listing.startswith("{")

    def __str__(self) -> str:
        where = f"{self.hook}, whole path" if self.path else self.hook
        listing = self.listing if self.is_json else ""
        return f"{self.packet} ({where})\n  kernel: {self.kernel}\n  ours:   {self.ours}\n{self.source}{listing}"


@dataclass(slots=True)
class Tally:
    """What came of many packets."""

    agreed: int = 0
    unseen: int = 0  # the packet did not come to the end of its hook, for reasons of the kernel's own
    undecided: int = 0
    unsure_line: int = 0  # the decision is right; which rule decides is in doubt
    translated: int = 0  # of those agreed: the packet leaves with other ends than it came with
    collided: int = 0  # the kernel chose another source port: a connection that was opened for the test has that one
    missing: dict[str, str] = field(default_factory=dict)  # phrases that the kernel refuses, and why
    reasons: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    coverage: Coverage = field(default_factory=lambda: Coverage(CONSTRUCTS["nftables"]))

    @classmethod
    def of(cls, dialect: str) -> "Tally":
        """Nothing counted so far of a dialect."""
        return cls(coverage=Coverage(CONSTRUCTS[dialect]))

    def add(self, other: "Tally") -> None:
        """Count what another one of the same dialect has counted."""
        for name in ("agreed", "unseen", "undecided", "unsure_line", "translated", "collided"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.missing |= other.missing
        self.reasons += other.reasons
        self.decided += other.decided
        self.coverage.add(other.coverage)

    def __str__(self) -> str:
        return (
            f"{self.agreed} agreed ({', '.join(f'{kind} {count}' for kind, count in self.decided.most_common())}), "
            f"{self.translated} of them translated, "
            f"{self.undecided} undecided, {self.unsure_line} with the rule in doubt, {self.unseen} not judged"
        )

    @property
    def judged(self) -> int:
        """Packets about which both sides have spoken."""
        return self.agreed + self.unsure_line + self.undecided

    def undecide(self, decision: Decision) -> None:
        """Count an answer that is left open, and why."""
        self.undecided += 1
        self.reasons.update({rule_reason(rule) for rule in decision.undecided_by})

    def agree(self, ruling: Ruling) -> None:
        """Count an answer that is right."""
        self.agreed += 1
        self.translated += ruling.left is not None and ruling.left != ruling.came
        self.decided[ruling.decided or ""] += 1
        self.coverage.agree(ruling)


def compare(
    kernel: Kernel, packets: Sequence[Packet], tally: Tally, *, json: bool = False, read: Reader | None = None
) -> Iterator[Disagreement]:
    """Let the kernel and Portwright judge packets under the ruleset that the kernel has loaded.

    With `json` Portwright reads nft's JSON, in which rules have no lines: then the decision alone is compared.
    """
    listing = kernel.json() if json else kernel.loaded.listing
    about = (kernel.source, listing, kernel.hook, kernel.path)
    try:
        configuration = (read or reader(kernel.dialect))(listing, "ruleset")
    except InvalidInput as refused:
        yield Disagreement(*about, packets[0], "loads it", str(refused))
        return
    answerer = Answerer(configuration, kernel.hook, kernel.path)
    is_doubtful = _has_doubts(configuration, kernel)
    tally.coverage.see(kernel)
    for packet, ruling in _judged(kernel, packets, tally):
        decision = answerer.decide(packet)
        decided, via = decision.decided.value, ruling.via if json else _lines(decision)
        if decision.decided is Decided.UNDECIDED:
            tally.undecide(decision)
        elif _collides(decision, ruling.left):
            tally.collided += 1
        elif not _leaves(decision, ruling.left):
            leaves = f"leaves as {_left(packet, ruling.left)}", f"leaves as {_led(packet, decision)}"
            yield Disagreement(*about, packet, *leaves)
        elif decided == ruling.decided and _are_the_same(via, ruling.via, kernel):
            tally.agree(ruling)
        elif (is_doubtful or _is_vague(decision)) and _may_be_meant(decided, ruling.decided):
            tally.unsure_line += 1
        else:
            yield Disagreement(*about, packet, _said(ruling.decided, ruling.via), _said(decided, via))


def reader(dialect: str) -> Reader:
    """The reader that a dialect puts to the test."""
    return platforms.load(DIALECTS[dialect].platform).parse


def _judged(kernel: Kernel, packets: Sequence[Packet], tally: Tally) -> Iterator[tuple[Packet, Ruling]]:
    """The packets as connection tracking saw them, with what became of them."""
    for aimed, ruling in zip(packets, kernel.judge(packets), strict=True):
        packet = _as_seen(aimed, ruling, kernel)
        if packet is None or ruling.decided is None or _is_led_elsewhere(ruling, kernel):
            tally.unseen += 1
        else:
            yield packet, ruling


def _as_seen(aimed: Packet, ruling: Ruling, kernel: Kernel) -> Packet | None:
    """The packet in the state that it had; None where Portwright has no words for it.

    Where rules may take it out of connection tracking, it is in the state that it had without them.
    """
    if ruling.state is None or (kernel.path and "notrack" in kernel.source):
        return aimed if _is_surely_new(aimed) and ruling.state in _NOT_OF_A_CONNECTION else None
    packet = replace(aimed, state=ruling.state, **_as_it_came(ruling.came))
    return packet if packet.protocol != TCP or packet.flags == aimed.flags else None


def _is_led_elsewhere(ruling: Ruling, kernel: Kernel) -> bool:
    """Report whether a rule has set the type of service, by which the router chooses the interface of departure."""
    lines = kernel.loaded.listing.splitlines()
    return kernel.path and any("--set-tos" in lines[line - 1] for line in ruling.matched)


def _as_it_came(ends: Ends | None) -> dict[str, int]:
    """The ends as a packet's, where a translation before the hook may have changed them."""
    return {} if ends is None else {name: getattr(ends, name) for name in Ends.__slots__}


_FIELDS = (Field.SRC, Field.DST, Field.SPORT, Field.DPORT)  # in the order of `Ends`


def _leaves(decision: Decision, left: Ends | None) -> bool:
    """Report whether an accepted packet may leave with these ends."""
    if left is None or decision.decided is not Decided.ACCEPT:
        return True
    actual = (left.source, left.destination, left.source_port, left.destination_port)
    return any(
        all(_may_be(values[name], value) for name, value in zip(_FIELDS, actual, strict=True))
        for values in decision.headers
    )


def _collides(decision: Decision, left: Ends | None) -> bool:
    """Report whether but for the source port a packet leaves as it may: one of the same class where that is taken.

    That befalls packets whose source nothing translates, too, where translation leads two to the same destination.
    """
    if left is None or _leaves(decision, left):
        return False
    ports = {value for values in decision.headers if isinstance(value := values[Field.SPORT], int)}
    alike = (port for port in ports if _class_of(port) == _class_of(left.source_port))
    return any(_leaves(decision, replace(left, source_port=port)) for port in alike)


def _class_of(port: int) -> int:
    return (port >= 512) + (port >= 1024)  # linux/net/netfilter/nf_nat_core.c, nf_nat_l4proto_unique_tuple


def _is_vague(decision: Decision) -> bool:
    """Report whether translation leaves values open, and with them which rule decides."""
    return any(not isinstance(value, int) for values in decision.headers for value in values)


def _may_be_meant(ours: str, theirs: str | None) -> bool:
    return ours == theirs or (ours, theirs) == ("drop", "reject")


def _may_be(said: int | Intervals, value: int) -> bool:
    return said == value if isinstance(said, int) else contains(said, value)


def _left(packet: Packet, left: Ends | None) -> str:
    return "nobody knows what" if left is None else _text(packet, tuple(getattr(left, name) for name in Ends.__slots__))


def _led(packet: Packet, decision: Decision) -> str:
    """As what a packet may leave, as Portwright has it."""
    return ", or ".join(_text(packet, tuple(values[name] for name in _FIELDS)) for values in decision.headers)


def _text(packet: Packet, values: Sequence[int | Intervals]) -> str:
    source, destination, *ports = values
    ends = (_addresses(packet, source), _addresses(packet, destination))
    return " > ".join(f"{address} port {_numbers(port)}" for address, port in zip(ends, ports, strict=True))


def _addresses(packet: Packet, value: int | Intervals) -> str:
    ranges = ((value, value),) if isinstance(value, int) else value
    return ", ".join("-".join(address_text(packet.version, one) for one in dict.fromkeys(pair)) for pair in ranges)


def _numbers(value: int | Intervals) -> str:
    ranges = ((value, value),) if isinstance(value, int) else value
    return ", ".join("-".join(map(str, dict.fromkeys(pair))) for pair in ranges)


def _is_surely_new(packet: Packet) -> bool:
    is_echo = packet.icmp_type == _ECHO_REQUEST.get(packet.protocol)
    return packet.state is State.NEW and (packet.protocol in (TCP, UDP) or is_echo)


def _has_doubts(configuration: Configuration, kernel: Kernel) -> bool:
    stages = configuration.policy(kernel.hook, kernel.path).stages
    chains = (chain for stage in stages for chain in stage.chains.values())
    return any(not rule.match.is_certain for chain in chains for rule in chain.rules)


def _lines(decision: Decision) -> tuple[int, ...]:
    return tuple(rule.source.line for rule in decision.via if rule.source.line)


def _are_the_same(ours: tuple[int, ...], theirs: tuple[int, ...], kernel: Kernel) -> bool:
    """Report whether the same lines decide; one that ends tracking does for the policy that the packet then meets."""
    if ours == theirs or len(ours) != len(theirs):
        return ours == theirs
    lines = kernel.loaded.listing.splitlines()
    policies = set(kernel.loaded.policies.values())
    pairs = zip(ours, theirs, strict=True)
    return all(one == other or ("notrack" in lines[one - 1] and other in policies) for one, other in pairs)


def _said(decided: str | None, via: tuple[int, ...]) -> str:
    return f"{decided} by line {', then '.join(map(str, via)) or '-'}"
