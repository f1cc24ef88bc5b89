"""What holds for every platform: enough realistic configurations, two semantics that agree, nothing made up."""

import re
from random import Random

import pytest
from tests.platforms.corpus import SAMPLES, Sample, cases

from portwright.errors import InvalidInput
from portwright.packets.diagram import Space
from portwright.packets.fields import LAST, LAST_ADDRESS, PORT_PROTOCOLS, Field
from portwright.packets.packet import Packet
from portwright.platforms import PLATFORMS, read
from portwright.policy.algebra import VERDICTS, PolicyMap
from portwright.policy.configuration import Configuration, Hook
from portwright.policy.model import Policy, Verdict
from portwright.policy.walk import Decided, Walker

LEAST = 6  # realistic configurations of each platform
PACKETS = 150  # of each policy
INSERTED = 12  # unknown words for each configuration
NONSENSE = "zqx-unheard-of"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_there_are_realistic_configurations(platform):
    """At least six of each platform, each with a line that says why it exists."""
    first = [(case / "decisions.txt").read_text(encoding="utf-8").splitlines()[0] for case in cases(platform)]
    assert len(first) >= LEAST
    assert [line for line in first if not line.startswith(("why: ", "# ")) or len(line.split()) < 5] == []


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_the_walk_and_the_algebra_agree(sample: Sample):
    """On packets at the edges of the configuration's own rules; where a translation is open the walk may doubt more."""
    configuration, random = sample.configuration(), Random(str(sample))
    for name, policy in configuration.policies.items():
        verdicts, walker = PolicyMap(Space(), policy).verdicts, Walker(policy)
        for header in edge_headers(configuration, name, random):
            known = verdicts[header] & VERDICTS
            said = walker.decide(header).decided
            assert said is meaning(known) or (said is Decided.UNDECIDED and has_open_translation(policy))


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_what_is_not_known_is_no_verdict(sample: Sample):
    """A word that nobody knows at the end of a line: refused, or each answer is what it was, or undecided."""
    before, random = sample.configuration(), Random(str(sample))
    asked = {name: edge_headers(before, name, random)[:40] for name in before.policies}
    for _ in range(INSERTED):
        damaged = spoiled(sample, random)
        try:
            after = read(sample.platform, damaged, sample.file.name)
        except InvalidInput:
            continue
        for name, policy in before.policies.items():
            assert_no_new_verdict(before, policy, after, name, asked[name], damaged)


def assert_no_new_verdict(before, policy, after, name, headers, text):
    """Each packet is decided as before or not at all."""
    old, new = Walker(policy), Walker(after.policies[name])
    for header in headers:
        was = old.decide(header).decided
        now = new.decide(moved(header, before, after)).decided
        softer = {Decided.DROP} if was is Decided.REJECT else set()  # in doubt between the two it is drop
        assert now in {was, Decided.UNDECIDED} | softer, [line for line in text.splitlines() if NONSENSE in line]


def moved(header, before: Configuration, after: Configuration):
    """The header with the interfaces' numbers in another reading of the file."""
    names = [before.interfaces.name(header[field]) for field in (Field.IN, Field.OUT)]
    return (*map(after.interfaces.atom, names), *header[2:])


def spoiled(sample: Sample, random: Random) -> str:
    """The text with an unknown word in a line that holds a rule or what one refers to."""
    lines = sample.text().splitlines()
    at = random.choice([n for n, line in enumerate(lines) if n and is_about_packets(line)])
    lines[at] = SPOILING.get(sample.platform, at_the_end)(lines[at].rstrip(), random)
    return "\n".join(lines) + "\n"


def at_the_end(line: str, random: Random) -> str:
    """The word after the others; before the quote where the line is a string of JSON."""
    found = re.fullmatch(r'( *".*)("]?,?)', line)
    return f"{found[1]} {NONSENSE}{found[2]}" if found else f"{line} {NONSENSE}"


def in_a_cell(line: str, random: Random) -> str:
    """The word in a cell of a table that is neither a name of a zone nor, as the last, for people."""
    start = [found.end() for found in re.finditer(r"[,;\t]", line)][3]
    at = random.choice([found.end() for found in re.finditer(r"\w(?=[,;\t])", line) if found.end() > start])
    return f"{line[:at]} {NONSENSE}{line[at:]}"


def in_a_host(line: str, random: Random) -> str:
    """The word as a member of an object that nobody knows, or in a value of a rule that is no name."""
    values = [found.end(2) for found in re.finditer(r'"(\w+)": "([^"]*)"', line) if found[1] in VALUES]
    at = random.choice([0, *values])
    return f"{line[:at]} {NONSENSE}{line[at:]}" if at else line.replace("{", f'{{"{NONSENSE}": 1, ', 1)


VALUES = (
    "Enabled", "Profile", "Direction", "Action", "Protocol", "LocalPort", "RemotePort", "IcmpType", "DynamicTarget",
    "LocalAddress", "RemoteAddress", "InterfaceType", "Authentication", "Encryption", "OverrideBlockRules",
    "PolicyStoreSourceType", "PrimaryStatus",
)  # fmt: skip
SPOILING = {"rules-csv": in_a_cell, "windows-firewall": in_a_host}


def is_about_packets(line: str) -> bool:
    """Report whether a line is not for people: a word more would be no unknown word there."""
    words = re.split(r"[\s,;]+", line.strip())
    return len(words) > 2 and not words[0].startswith(("description", "#", "!", ":")) and "remark" not in words


def meaning(verdicts: int) -> Decided:
    """The decision that a set of possible verdicts means; between drop and reject it is drop."""
    blocked = verdicts & (Verdict.DROP | Verdict.REJECT)
    if verdicts & Verdict.ACCEPT:
        return Decided.UNDECIDED if blocked else Decided.ACCEPT
    return Decided.DROP if blocked & Verdict.DROP else Decided.REJECT


def has_open_translation(policy: Policy) -> bool:
    """Report whether some rule translates to one of several values."""
    rules = (rule for stage in policy.stages for chain in stage.chains.values() for rule in chain.rules)
    changes = (change for rule in rules for change in getattr(rule.action, "changes", ()))
    return any(change.shift is None and change.values[0][0] != change.values[-1][1] for change in changes)


def edge_headers(configuration: Configuration, name: str, random: Random) -> list[tuple[int, ...]]:
    """Packets whose values are at the edges of what the rules of a policy name."""
    rules = [
        rule for stage in configuration.policies[name].stages for chain in stage.chains.values() for rule in chain.rules
    ]
    boxes = [box for rule in rules for box in rule.match.possible] or [None]
    hook = name.removesuffix("/path")
    return [header(random.choice(boxes), configuration, hook, random) for _ in range(PACKETS)]


def header(box, configuration: Configuration, hook: Hook, random: Random) -> tuple[int, ...]:
    """One packet in a box or just beside it, such as a wire may carry."""
    values = {name: edge(box, name, random) for name in Field}
    values[Field.VERSION] = 6 if box is not None and box.get(Field.VERSION) == ((6, 6),) else random.choice((4, 4, 6))
    for name in (Field.SRC, Field.DST):
        values[name] = min(values[name], LAST_ADDRESS[values[Field.VERSION]])
    if values[Field.PROTOCOL] not in PORT_PROTOCOLS:
        values[Field.SPORT] = values[Field.DPORT] = 0
    ways = configuration.ways(packet(values), hook)
    wanted = (values[Field.IN], values[Field.OUT])
    way = wanted if wanted in ways else random.choice(ways)
    return (*way, *[values[name] for name in Field][2:])


def packet(values: dict[Field, int]) -> Packet:
    """What a configuration is asked about: which ways it may take is for the configuration to say."""
    return Packet(
        version=values[Field.VERSION],
        protocol=values[Field.PROTOCOL],
        source=values[Field.SRC],
        destination=values[Field.DST],
        source_port=values[Field.SPORT],
        destination_port=values[Field.DPORT],
    )


def edge(box, name: Field, random: Random) -> int:
    """A value at the edge of what a box allows, or any value."""
    ranges = box.get(name) if box is not None else ((0, LAST[name]),)
    first, last = random.choice(ranges)
    usual = {Field.PROTOCOL: 6, Field.STATE: 0, Field.FLAGS: 0}
    if (first, last) == (0, LAST[name]):
        return random.choice((usual.get(name, 0), random.randint(0, LAST[name])))
    value = random.choice((first, last, first, last, first - 1, last + 1, random.randint(first, last)))
    return max(0, min(value, LAST[name]))
