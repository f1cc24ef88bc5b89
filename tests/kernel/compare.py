"""The kernel's rulings against Portwright's answers."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tests.kernel.kernel import Kernel, Ruling

from portwright import platforms
from portwright.errors import InvalidInput
from portwright.packets.fields import ICMP, ICMPV6, TCP, UDP, State
from portwright.packets.packet import Packet
from portwright.policy.answer import Answerer
from portwright.policy.configuration import Configuration
from portwright.policy.reference import rule_reason
from portwright.policy.walk import Decided, Decision

Reader = Callable[[str, str], Configuration]
READ: Reader = platforms.load("nftables").parse
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
    reasons: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.agreed} agreed ({', '.join(f'{kind} {count}' for kind, count in self.decided.most_common())}), "
            f"{self.undecided} undecided, {self.unsure_line} with the rule in doubt, {self.unseen} not judged"
        )

    def undecide(self, decision: Decision) -> None:
        """Count an answer that is left open, and why."""
        self.undecided += 1
        self.reasons.update({rule_reason(rule) for rule in decision.undecided_by})

    def agree(self, decided: str) -> None:
        """Count an answer that is right."""
        self.agreed += 1
        self.decided[decided] += 1


def compare(
    kernel: Kernel, packets: Sequence[Packet], tally: Tally, *, json: bool = False, read: Reader = READ
) -> Iterator[Disagreement]:
    """Let the kernel and Portwright judge packets under the ruleset that the kernel has loaded.

    With `json` Portwright reads nft's JSON, in which rules have no lines: then the decision alone is compared.
    """
    listing = kernel.json() if json else kernel.loaded.listing
    about = (kernel.source, listing, kernel.hook, kernel.path)
    try:
        configuration = read(listing, "ruleset.nft")
    except InvalidInput as refused:
        yield Disagreement(*about, packets[0], "loads it", str(refused))
        return
    answerer = Answerer(configuration, kernel.hook, kernel.path)
    is_doubtful = _has_doubts(configuration, kernel)
    for packet, ruling in _judged(kernel, packets, tally):
        decision = answerer.decide(packet)
        decided, via = decision.decided.value, ruling.via if json else _lines(decision)
        if decision.decided is Decided.UNDECIDED:
            tally.undecide(decision)
        elif (decided, via) == (ruling.decided, ruling.via):
            tally.agree(decided)
        elif is_doubtful and (decided == ruling.decided or (decided, ruling.decided) == ("drop", "reject")):
            tally.unsure_line += 1
        else:
            yield Disagreement(*about, packet, _said(ruling.decided, ruling.via), _said(decided, via))


def _judged(kernel: Kernel, packets: Sequence[Packet], tally: Tally) -> Iterator[tuple[Packet, Ruling]]:
    """The packets as connection tracking saw them, with what became of them."""
    for aimed, ruling in zip(packets, kernel.judge(packets), strict=True):
        packet = _as_seen(aimed, ruling, kernel)
        if packet is None or ruling.decided is None:
            tally.unseen += 1
        else:
            yield packet, ruling


def _as_seen(aimed: Packet, ruling: Ruling, kernel: Kernel) -> Packet | None:
    """The packet in the state that it had; None where Portwright has no words for it.

    Where rules may take it out of connection tracking, it is in the state that it had without them.
    """
    if ruling.state is None or (kernel.path and "notrack" in kernel.source):
        return aimed if _is_surely_new(aimed) and ruling.state in _NOT_OF_A_CONNECTION else None
    packet = replace(aimed, state=ruling.state)
    return packet if packet.protocol != TCP or packet.flags == aimed.flags else None


def _is_surely_new(packet: Packet) -> bool:
    is_echo = packet.icmp_type == _ECHO_REQUEST.get(packet.protocol)
    return packet.state is State.NEW and (packet.protocol in (TCP, UDP) or is_echo)


def _has_doubts(configuration: Configuration, kernel: Kernel) -> bool:
    stages = configuration.policy(kernel.hook, kernel.path).stages
    chains = (chain for stage in stages for chain in stage.chains.values())
    return any(not rule.match.is_certain for chain in chains for rule in chain.rules)


def _lines(decision: Decision) -> tuple[int, ...]:
    return tuple(rule.source.line for rule in decision.via if rule.source.line)


def _said(decided: str | None, via: tuple[int, ...]) -> str:
    return f"{decided} by line {', then '.join(map(str, via)) or '-'}"
