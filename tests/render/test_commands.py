"""Commands of a change: taken one by one they lead from one text to the other, whatever the two are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portwright.platforms.cisco_asa import edit as asa
from portwright.platforms.cisco_asa.alignment import aligned
from portwright.platforms.cisco_asa.listing import Listing
from portwright.platforms.nftables import edit as nft
from portwright.platforms.nftables.ruleset_text import Listing as Ruleset
from portwright.platforms.rules_csv import edit as rows_edit

ENTRIES = st.lists(
    st.tuples(st.sampled_from(("permit", "deny")), st.integers(1, 9)).map(
        lambda entry: f"extended {entry[0]} tcp any any eq {entry[1]}"
    ),
    unique=True,
    max_size=8,
)


@st.composite
def access_lists(draw):
    """Entries, each once, with remarks among them, which may be alike."""
    lines = list(draw(ENTRIES))
    for _ in range(draw(st.integers(0, 3))):
        lines.insert(draw(st.integers(0, len(lines))), f"remark {draw(st.sampled_from('ab'))}")
    return lines


def asa_text(lists):
    """A configuration with these access lists."""
    entries = [f"access-list {name} {line}" for name, lines in lists.items() for line in lines]
    bound = [f"access-group {name} in interface {name}" for name, lines in lists.items() if lines]
    interfaces = [f"interface G0/{n}\n nameif {name}\n security-level 0" for n, name in enumerate("xy")]
    return "\n".join(["ASA Version 9.8(4)", *interfaces, *entries, *bound, ": end"])


LISTS = st.fixed_dictionaries({"x": access_lists(), "y": access_lists()})


@given(old=LISTS, new=LISTS)
def test_access_lists_become_each_other(old, new):
    """Line by line, remarks included, and no entry ever stands twice."""
    before, after = asa_text(old), asa_text(new)
    reached = asa.applied(before, asa.commands(before, after))
    assert lists_of(reached) == lists_of(after)


def lists_of(text):
    listing = Listing(text)
    return {name: [line.words for line in lines] for name, lines in listing.lists.items()}


@pytest.mark.parametrize("known", ["", "deny ip any any", "deny ip any4 any"])
def test_a_list_is_never_without_entries_on_the_way(known):
    """Without one it is not bound any more, and its interface lets pass what security levels let pass."""
    lines = ["extended permit tcp any any eq 1 inactive", *([f"extended {known} inactive"] if known else [])]
    before, after = (asa_text({"x": [line.removesuffix(end) for line in lines]}) for end in ("", " inactive"))
    text = before
    for command in asa.commands(before, after):
        text = asa.applied(text, (command,))
        assert "access-group x in interface x" in text
    assert lists_of(text) == lists_of(after)


def test_the_last_entry_that_goes_takes_the_binding_along():
    """As on the device; a change that would do so is not proved."""
    text = asa_text({"x": ["extended permit tcp any any eq 1"]})
    assert "access-group" not in asa.applied(text, ("no access-list x extended permit tcp any any eq 1",))


def test_an_entry_that_stands_already_is_refused():
    """As a device does: the second one would never be there."""
    text = asa_text({"x": ["extended permit tcp any any eq 1"]})
    with pytest.raises(ValueError, match="stands there already"):
        asa.applied(text, ("access-list x line 2 extended permit tcp any any eq 1 log",))


def test_a_denial_stays_where_a_permission_can_move():
    """Taken out and put in again it would leave a gap."""
    deny, permit = ("extended", "deny", "ip"), ("extended", "permit", "tcp")
    assert aligned([deny, permit], [permit, deny]) == {0: 1}


@given(old=st.lists(st.integers(1, 9), max_size=8), new=st.lists(st.integers(1, 9), max_size=8))
def test_chains_become_each_other(old, new):
    """With insertions where nothing is lost, otherwise by filling the chain again."""
    before, after = (ruleset(ports) for ports in (old, new))
    commands = nft.commands(before, after)
    assert rules_of(nft.applied(before, commands)) == rules_of(after)
    only_more = is_within(old, new)
    assert any(command.startswith("flush") for command in commands) == (not only_more)


def ruleset(ports):
    rules = "".join(f"\t\ttcp dport {port} counter packets 1 bytes 2 accept\n" for port in ports)
    return f"table inet t {{\n\tchain c {{\n\t\ttype filter hook forward priority 0;\n{rules}\t}}\n}}\n"


def rules_of(text):
    chain = Ruleset.of(text).tree.tables["inet", "t"].chains["c"]
    return [rule.statements for rule in chain.rules]


def is_within(few, many):
    """Report whether the numbers stand in the other list in this order."""
    rest = iter(many)
    return all(number in rest for number in few)


@given(old=st.sets(st.integers(1, 30)), new=st.sets(st.integers(1, 30)), turned=st.booleans())
def test_tables_become_each_other(old, new, turned):
    """By rows that are removed and added."""
    before, after = (rows(numbers, turned) for numbers in (old, new))
    reached = rows_edit.applied(before, rows_edit.commands(before, after))
    assert sorted(reached.split("\n")) == sorted(after.split("\n"))


def rows(numbers, turned):
    head = "order,action,from,to,source,destination,service,remark\n"
    cells = (f'{n},permit,any,any,10.0.0.{n},any,tcp/{n},"a, {n}"\n' for n in sorted(numbers, reverse=turned))
    return head + "".join(cells)


def test_inspection_lets_replies_of_icmp_pass():
    """In the class that inspects by default, of the policy that is applied everywhere."""
    text = (
        asa_text({"x": ["extended permit icmp any any"]}).removesuffix(": end")
        + "class-map inspection_default\n match default-inspection-traffic\npolicy-map global_policy\n"
        " class inspection_default\n  inspect dns\nservice-policy global_policy global\n: end"
    )
    [edit] = asa.answering(text, None)
    commands = asa.commands(text, edit.text)
    assert commands == ("policy-map global_policy", " class inspection_default", "  inspect icmp")
    assert asa.applied(text, commands) == edit.text
    assert asa.applied(edit.text, asa.commands(edit.text, text)) == text


@settings(max_examples=20)
@given(at=st.integers(0, 3))
def test_a_rule_is_put_in_where_it_is_meant(at):
    """Also in a chain without rules, and behind a rule with a set over several lines."""
    text = "table inet t {\n\tchain c {\n\t\ttcp dport { 1,\n\t\t\t2 } accept\n\t\tdrop\n\t}\n\tchain d {\n\t}\n}\n"
    listing = Ruleset.of(text)
    table = listing.tree.tables["inet", "t"]
    chains = table.chains
    chain, index = (chains["d"], 0) if at == 3 else (chains["c"], at)
    after = Ruleset.of(listing.with_rules(table, chain, index, ["udp dport 9 accept"]))
    rules = after.tree.tables["inet", "t"].chains[chain.name].rules
    assert str(rules[index].statements[0]) == "udp dport 9"
    assert len(rules) == len(chain.rules) + 1


def test_a_chain_filled_by_commands_gets_more_of_them():
    """Behind all others, with its place counted from the rules that are there by then."""
    text = (
        "add table inet t\nadd chain inet t c { type filter hook forward priority 0; policy drop; }\n"
        "add rule inet t c tcp dport 1 accept\nadd rule inet t c drop\n"
    )
    listing = Ruleset.of(text)
    table = listing.tree.tables["inet", "t"]
    after = listing.with_rules(table, table.chains["c"], 1, ["udp dport 9 accept", "udp dport 10 accept"])
    assert after.splitlines()[4:] == [
        "insert rule inet t c index 1 udp dport 9 accept",
        "insert rule inet t c index 2 udp dport 10 accept",
    ]
    assert [str(rule[0]) for rule in rules_of(after)] == ["tcp dport 1", "udp dport 9", "udp dport 10", "drop"]
