"""The kernel's rulings against Portwright's answers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from portwright import platforms
from portwright.errors import InvalidInput
from portwright.packets.fields import ICMP, ICMPV6, TCP, UDP, State
from portwright.packets.packet import Packet
from portwright.policy.answer import Answerer
from portwright.policy.configuration import Configuration
from portwright.policy.reference import rule_reason
from portwright.policy.walk import Decided
from tests.kernel.kernel import Kernel, Ruling

FILE = "ruleset.nft"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A packet about which Portwright is wrong."""

    source: str  # the ruleset as it was loaded
    listing: str
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
        return f"{self.packet} ({where})\n  kernel: {self.kernel}\n  ours:   {self.ours}\n{self.source}{self.listing if self.is_json else ''}"


@dataclass(slots=True)
class Tally:
    """What came of many packets."""

    agreed: int = 0
    unseen: int = 0  # the packet did not come to the end of its hook, for reasons of the kernel's own
    undecided: int = 0
    unsure_line: int = 0  # the decision is right; which rule decides is in doubt
    reasons: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    lines: set[tuple[str, int]] = field(default_factory=set)  # deciders met

    def __str__(self) -> str:
        return (
            f"{self.agreed} agreed ({dict(self.decided)}), {self.undecided} undecided, {self.unsure_line} with a rule in doubt, "
            f"{self.unseen} not judged by the kernel"
        )


def compare(kernel: Kernel, packets: Sequence[Packet], tally: Tally, *, json: bool = False) -> Iterator[Disagreement]:
    """Let the kernel and Portwright judge packets under the ruleset that the kernel has loaded.

    With `json` Portwright reads nft's JSON, in which rules have no lines: then the decision alone is compared.
    """
    listing = kernel.json() if json else kernel.loaded.listing
    said = _Saying(kernel.source, listing, kernel.hook, kernel.path)
    try:
        configuration = platforms.load("nftables").parse(listing, FILE)
    except InvalidInput as refused:
        yield said.disagreement(packets[0], "loads it", str(refused))
        return
    answerer = Answerer(configuration, kernel.hook, kernel.path)
    is_doubtful = _has_doubts(configuration, kernel)
    for aimed, ruling in zip(packets, kernel.judge(packets), strict=True):
        packet = _as_seen(aimed, ruling, listing, kernel.path)
        if packet is None or ruling.decided is None:
            tally.unseen += 1
            continue
        decision = answerer.decide(packet)
        if decision.decided is Decided.UNDECIDED:
            tally.undecided += 1
            tally.reasons.update({rule_reason(rule) for rule in decision.undecided_by})
            continue
        via = ruling.via if json else tuple(rule.source.line for rule in decision.via if rule.source.line)
        decided = decision.decided.value
        if (decided, via) == (ruling.decided, ruling.via):
            tally.agreed += 1
            tally.decided[decided] += 1
        elif is_doubtful and (decided == ruling.decided or (decided, ruling.decided) == ("drop", "reject")):
            tally.unsure_line += 1
        else:
            yield said.disagreement(packet, _said(ruling.decided, ruling.via), _said(decided, via))


@dataclass(frozen=True, slots=True)
class _Saying:
    """Where something disagrees."""

    source: str
    listing: str
    hook: str
    path: bool

    def disagreement(self, packet: Packet, kernel: str, ours: str) -> Disagreement:
        return Disagreement(self.source, self.listing, self.hook, self.path, packet, kernel, ours)


def _as_seen(aimed: Packet, ruling: Ruling, listing: str, path: bool) -> Packet | None:
    """The packet as the kernel's connection tracking sees it; None where Portwright has no words for it."""
    if ruling.state is None or (path and "notrack" in listing):
        return aimed if _is_surely_new(aimed) else None
    packet = replace(aimed, state=ruling.state)
    is_same = packet.protocol != TCP or packet.flags == aimed.flags
    return packet if is_same else None


def _is_surely_new(packet: Packet) -> bool:
    """Whether connection tracking, where it sees the packet, takes it for the first of a connection."""
    is_echo = packet.icmp_type == _ECHO_REQUEST.get(packet.protocol)
    return packet.state is State.NEW and (packet.protocol in (TCP, UDP) or is_echo)


_ECHO_REQUEST = {ICMP: 8, ICMPV6: 128}


def _has_doubts(configuration: Configuration, kernel: Kernel) -> bool:
    stages = configuration.policy(kernel.hook, kernel.path).stages
    return any(
        not rule.match.is_certain for stage in stages for chain in stage.chains.values() for rule in chain.rules
    )


def _said(decided: str | None, via: tuple[int, ...]) -> str:
    return f"{decided} by line {', then '.join(map(str, via)) or '-'}"
