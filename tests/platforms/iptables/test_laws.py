"""The walk of a packet and the algebra of sets agree about whatever is drawn from the words of iptables."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.platforms.decisions import expectations
from tests.platforms.iptables.rulesets import CASES, read, saved

from portwright.packets.diagram import Space
from portwright.packets.packet import Packet
from portwright.platforms.iptables import parse
from portwright.policy.algebra import PolicyMap
from portwright.policy.configuration import Configuration
from portwright.policy.walk import Decided, Walker

SETS = (
    "create h hash:net\nadd h 10.1.0.0/16\nadd h 10.1.2.0/24 nomatch\ncreate p hash:ip,port\nadd p 10.2.0.7,tcp:443\n"
    "add p 10.2.0.8,udp:53\ncreate t hash:ip timeout 60\n"
)
MATCHES = st.sampled_from([
    "", "", "-s 10.1.2.0/24", "! -s 10.1.2.0/24", "-d 10.2.0.7", "-p tcp", "! -p udp", "-p tcp --dport 443", "-i eth+",
    "! -o eth1", "-p tcp -m multiport ! --dports 22,443", "-p tcp -m multiport --ports 40000,53", "-p tcp --syn",
    "-m conntrack --ctstate RELATED,ESTABLISHED", "-m conntrack ! --ctstate NEW", "-m conntrack --ctstate INVALID",
    "-m conntrack --ctstate NEW,DNAT", "-m conntrack --ctproto 6", "-m limit --limit 5/min", "-m mark --mark 1",
    "-m addrtype --dst-type LOCAL", "-m set --match-set h src", "-m set ! --match-set p dst,dst",
    "-m set --match-set t src", "-m set --match-set nowhere src", "-p icmp --icmp-type 8", "-p icmp ! --icmp-type 3/1",
    "-m iprange --src-range 10.1.2.0-10.1.2.9", "-m frobnicate", "-p tcp -m tcp --tcp-flags RST RST",
])  # fmt: skip
TARGETS = st.sampled_from([
    "-j ACCEPT", "-j DROP", "-j REJECT", "-j RETURN", "-j a", "-j b", "-g a", "-g b", "-j LOG", "", "-j NFQUEUE",
])  # fmt: skip
TRANSLATIONS = st.sampled_from([
    "-p tcp -j DNAT --to-destination 10.2.0.7:443", "-j DNAT --to-destination 10.2.0.8", "-j ACCEPT", "-j RETURN",
])  # fmt: skip
UNTRACKING = st.sampled_from(["-j CT --notrack", "-j DROP", "-j ACCEPT", "-j CT --helper tftp"])
PACKETS = [
    "tcp 10.1.2.3:40000 > 10.2.0.7:443", "tcp 10.1.3.3:40000 > 10.2.0.7:22", "udp 10.1.2.3:40000 > 10.2.0.8:53",
    "tcp 10.1.2.3:40000 > 10.2.0.7:443 state established", "tcp 10.9.2.3:40000 > 10.2.0.7:443 state invalid",
    "icmp 10.1.2.3 > 10.2.0.7 type 8 code 0", "icmp 10.1.2.3 > 10.2.0.7 type 3 code 1 state related",
    "esp 10.1.2.3 > 10.2.0.7", "udp 10.1.2.3:40000 > 224.0.0.251:53 state untracked", "tcp [fd00::1]:9 > [fd00::2]:443",
]  # fmt: skip
HOOKS = ("forward", "input", "output", "forward/path", "input/path", "output/path")


@st.composite
def files(draw: st.DrawFn) -> str:
    """Tables with chains that jump forward only, sets, translations and rules of the raw table."""

    def some(chain: str, targets: st.SearchStrategy[str], most: int) -> list[str]:
        return [f"-A {chain} {draw(MATCHES)} {draw(targets)}" for _ in range(draw(st.integers(0, most)))]

    ends = st.sampled_from(["-j ACCEPT", "-j DROP", "-j RETURN", "-j REJECT", "-j LOG"])
    inner = st.one_of(ends, st.just("-j b"), st.just("-g b"))
    rules = [*some("INPUT", TARGETS, 3), *some("FORWARD", TARGETS, 4), *some("OUTPUT", TARGETS, 3)]
    rules += [*some("a", inner, 3), *some("b", ends, 3)]
    return "".join([
        SETS,
        saved("\n".join(some("PREROUTING", UNTRACKING, 2)), "raw", "4"),
        saved("\n".join(some("PREROUTING", TRANSLATIONS, 2)), "nat", "4"),
        saved("\n".join(rules), "filter", "4", "a b"),
        saved("-A FORWARD -j DROP", "security", draw(st.sampled_from(["", "4"]))),
    ])  # fmt: skip


def agree(configuration: Configuration, hook: str, packets: list[str]) -> int:
    """How many packets are decided about, alike by the walk and by the algebra, and never otherwise."""
    policy = configuration.policies[hook]
    walker, sets = Walker(policy), PolicyMap(Space(), policy)
    sure, possible = sets.sure(), sets.possible()
    judged = 0
    for text in packets:
        packet = Packet.parse(text)
        header = packet.header(*configuration.ways(packet, hook.removesuffix("/path"))[0])
        decided = walker.decide(header).decided
        if decided is not Decided.UNDECIDED:  # where a translation is not known, the walk is only more careful
            assert (header in sure, header in possible) == ((decided is Decided.ACCEPT),) * 2, (hook, text)
            judged += 1
    return judged


@settings(max_examples=60, deadline=None)
@given(files(), st.sampled_from(HOOKS))
def test_the_walk_and_the_algebra_agree(text: str, hook: str) -> None:
    """The walk may be undecided where the algebra knows; it never says something else."""
    agree(parse(text, "fw.rules"), hook, PACKETS)


def test_they_agree_about_realistic_configurations() -> None:
    """On every packet of every case."""
    for case in CASES:
        configuration = read(case)
        for hook in HOOKS:
            packets = [expected.packet for expected in expectations(case) if expected.hook == hook]
            agree(configuration, hook, packets)
