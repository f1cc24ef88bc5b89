"""Puts rules into the chains of a saved file, takes them out, and says what iptables-restore does of it.

    *TABLE    -4 -I CHAIN NUMBER ...    -6 -D CHAIN NUMBER    COMMIT

The lines are for `iptables-restore --noflush` and for `ip6tables-restore --noflush`: each leaves the other's out, and
takes the lines of one table together or not at all (iptables-restore(8)).
"""

from collections.abc import Iterator
from difflib import SequenceMatcher

from portwright.packets.fields import Field, State
from portwright.packets.intervals import contains
from portwright.packets.packetset import PacketSet
from portwright.platforms.iptables import phrases
from portwright.platforms.iptables.saved_text import Place, Saved, is_deciding, is_editable
from portwright.platforms.iptables.syntax import PROGRAMS, Chain, Table
from portwright.policy.editing import Edit
from portwright.policy.intent import Intended
from portwright.policy.model import Rule
from portwright.policy.obstruction import Obstruction

SUFFIX = ".rules"
TELLS_DEPARTURE = True
TELLS_STATE = True
_KNOWN = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
_MOST_CHAINS = 4  # chains that the packets run through, in which a rule may find its place
_WITHOUT = {"-i": ("OUTPUT", "POSTROUTING"), "-o": ("PREROUTING", "INPUT")}  # hooks: iptables(8), "PARAMETERS"


def comment(text: str) -> str:
    """A line that iptables-restore skips."""
    return f"# {text}"


def permitting(text: str, rule: Intended, at: Obstruction) -> Iterator[Edit]:
    """Rules in front of the one that blocks, in the chain where it stands.

    What the policy of a built-in chain blocks may pass in the chains that the packets have run through.
    """
    saved = Saved.of(text)
    table = saved.table(at.stage.name)
    if table is None or at.chain not in table.chains or not is_editable(table):
        return
    for chain, index in _spots(table, at):
        for with_interfaces in (True,) if chain.policy else (False, True):
            for with_state in (False, True):
                lines = _rules(rule, table.version, at.stage.base, with_interfaces, with_state)
                if lines:
                    yield Edit(saved.with_rules(table, chain, index, lines), lines, (), _place(table, chain))


def _rules(rule: Intended, version: int, hook: str, with_interfaces: bool, with_state: bool) -> tuple[str, ...]:
    """The rules of an intended one; none can name an interface that the packet has not got on its hook."""
    way = [("-i", rule.interface_in), ("-o", rule.interface_out)] if with_interfaces else []
    words = [f"{word} {name}" for word, name in way if name and hook not in _WITHOUT[word]]
    state = [f"-m conntrack --ctstate {'ESTABLISHED' if rule.is_reply else 'NEW'}"] if with_state else []
    ends = [phrases.joined(end, version) for end in (rule.sources, rule.destinations)]
    if not all(ends) or any(kind.protocol == 0 for kind in rule.traffic):
        return ()
    return tuple(
        " ".join(filter(None, [*words, source, destination, service, *state, why, "-j ACCEPT"]))
        for source in phrases.ends(ends[0], version, "src")
        for destination in phrases.ends(ends[1], version, "dst")
        for service in phrases.services(rule.traffic, version, is_reply=rule.is_reply)
        for why in [phrases.comment(rule.requirements)]
    )


def _place(table: Table, chain: Chain) -> str:
    return f"chain {chain.name} of table {table.name}, {PROGRAMS[table.version]}"


def _spots(table: Table, at: Obstruction) -> Iterator[tuple[Chain, int]]:
    """Chains, and which of their rules the new ones come in front of."""
    chain = table.chains[at.chain]
    if not at.rule.default:
        numbers = [line.source.line for line in chain.rules]
        if at.rule.source.line in numbers:
            yield chain, numbers.index(at.rule.source.line)
        return
    for name in at.entered[:_MOST_CHAINS]:
        if name in table.chains:
            yield table.chains[name], _end(table, table.chains[name])
    yield chain, _end(table, chain)


def _end(table: Table, chain: Chain) -> int:
    """Behind the last rule that decides: what follows logs and counts packets that nothing decided about."""
    deciding = [number for number, line in enumerate(chain.rules, 1) if is_deciding(line, table)]
    return deciding[-1] if deciding else 0


def answering(text: str, at: Obstruction) -> Iterator[Edit]:
    """What belongs to a known connection passes, in front of the first rule that may meet it."""
    saved = Saved.of(text)
    table = saved.table(at.stage.name)
    chain = table.chains.get(at.stage.base) if table is not None else None
    if table is None or chain is None or not is_editable(table):
        return
    numbers = [line.source.line for line in chain.rules]
    base = at.stage.chains[at.stage.base].rules
    meeting = (numbers.index(rule.source.line) for rule in base if rule.source.line in numbers and _may_be_known(rule))
    index = next(meeting, len(numbers))
    yield Edit(saved.with_rules(table, chain, index, (_KNOWN,)), (_KNOWN,), (), _place(table, chain))


def _may_be_known(rule: Rule) -> bool:
    """Report whether a rule may match a packet of a known connection."""
    return any(contains(box.get(Field.STATE), State.ESTABLISHED) for box in rule.match.possible)


def removing(text: str, rule: Rule, _packets: PacketSet) -> Iterator[Edit]:
    """The text without the rule."""
    saved = Saved.of(text)
    for table in saved.tree.tables.values() if not rule.default else ():
        for chain in table.chains.values() if is_editable(table) else ():
            for line in chain.rules:
                if line.source.line == rule.source.line:
                    yield Edit(saved.without_rule(table, line), (), (line.source.text,), _place(table, chain))


def commands(old: str, new: str) -> tuple[str, ...]:
    """The lines that make one file the other: what is gone goes, from the end on, then what is new comes in order."""
    before, after = Saved.of(old).rules(), Saved.of(new).rules()
    found: dict[str, list[str]] = {}
    for place in after:
        if place in before:
            found.setdefault(place[1], []).extend(_steps(place, before[place], after[place]))
    return tuple(line for table, lines in found.items() if lines for line in (f"*{table}", *lines, "COMMIT"))


def _steps(place: Place, before: list[str], after: list[str]) -> Iterator[str]:
    version, _, chain = place
    if before == after:
        return
    same = 0
    while before[same : same + 1] == after[same : same + 1] and same < min(len(before), len(after)):
        same += 1
    more = 0  # that are the same at the end, too: the middle alone is compared
    while more < min(len(before), len(after)) - same and before[-more - 1] == after[-more - 1]:
        more += 1
    middles = before[same : len(before) - more], after[same : len(after) - more]
    changes = SequenceMatcher(None, *middles, autojunk=False).get_opcodes()
    for tag, first, last, _, _ in reversed(changes):
        for number in reversed(range(first, last)) if tag in ("delete", "replace") else ():
            yield f"-{version} -D {chain} {same + number + 1}"
    for tag, _, _, first, last in changes:
        for number in range(first, last) if tag in ("insert", "replace") else ():
            yield f"-{version} -I {chain} {same + number + 1} {after[same + number]}"


def applied(text: str, commands: tuple[str, ...]) -> str:
    """The file after these lines. Raises ValueError for one that iptables-restore would refuse."""
    table = ""
    for command in commands:
        if command.startswith("*"):
            table = command[1:]
        elif command != "COMMIT" and not command.startswith("#"):
            text = _applied(text, table, command)
    return text


def _applied(text: str, table: str, command: str) -> str:
    version, verb, name, number, *rest = command.split(" ", 4)
    saved = Saved.of(text)
    found = saved.chain((int(version[1:]), table, name))
    index = int(number) - 1
    if found is None or not 0 <= index <= len(found[1].rules):
        raise ValueError(f"there is no such place: {command}")
    if verb == "-I":
        return saved.with_rules(*found, index, rest)
    return saved.without_rule(found[0], found[1].rules[index])
