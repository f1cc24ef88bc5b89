"""Rules taken out of a ruleset's text: the one that is meant, and nothing that stands beside it."""

import pytest

from portwright.platforms.nftables.ruleset_text import Listing

BLOCK = "table inet t {{\n\tchain c {{\n{}\t}}\n}}\n"
CASES = {  # text, which rule goes, what is left of it
    "alone on its line": (BLOCK.format("\t\taccept\n\t\tdrop\n"), 0, BLOCK.format("\t\tdrop\n")),
    "first of two on a line": (
        BLOCK.format("\t\ttcp dport 22 accept; tcp dport 23 drop\n"),
        0,
        BLOCK.format("\t\ttcp dport 23 drop\n"),
    ),
    "last of two on a line": (
        BLOCK.format("\t\ttcp dport 22 accept; tcp dport 23 drop\n"),
        1,
        BLOCK.format("\t\ttcp dport 22 accept;\n"),
    ),
    "between two, with a remark behind": (
        BLOCK.format("\t\ttcp dport 22 accept; udp dport { 53,\n\t\t\t54 } accept; drop # the rest\n"),
        1,
        BLOCK.format("\t\ttcp dport 22 accept; drop # the rest\n"),
    ),
    "with its comment": (
        BLOCK.format("\t\t# once\n\t\taccept # today\n\t\tdrop\n"),
        0,
        BLOCK.format("\t\tdrop\n"),
    ),
    "in a block on one line": (
        "table inet t { chain c { type filter hook input priority 0; tcp dport { 22, 23 } accept; drop } }\n",
        0,
        "table inet t { chain c { type filter hook input priority 0; drop } }\n",
    ),
    "last in a block on one line": (
        "table inet t { chain c { tcp dport 22 accept; drop; } }\n",
        1,
        "table inet t { chain c { tcp dport 22 accept; } }\n",
    ),
    "by command": (
        "add table inet t\nadd chain inet t c\nadd rule inet t c accept; add rule inet t c drop",
        1,
        "add table inet t\nadd chain inet t c\nadd rule inet t c accept;",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_only_the_rule_goes(case):
    """Whatever shares its line stays."""
    text, number, left = CASES[case]
    listing = Listing.of(text)
    [chain] = listing.tree.tables["inet", "t"].chains.values()
    after = listing.without_rule(chain.rules[number])
    assert after == left
    [changed] = Listing.of(after).tree.tables["inet", "t"].chains.values()
    kept = [rule.statements for at, rule in enumerate(chain.rules) if at != number]
    assert [rule.statements for rule in changed.rules] == kept


def test_a_rule_is_put_in_between_two_on_a_line():
    """Behind the first, in front of the second."""
    listing = Listing.of(BLOCK.format("\t\ttcp dport 22 accept; tcp dport 23 drop\n"))
    table = listing.tree.tables["inet", "t"]
    after = listing.with_rules(table, table.chains["c"], 1, ["udp dport 9 accept"])
    [chain] = Listing.of(after).tree.tables["inet", "t"].chains.values()
    assert [str(rule.statements[0]) for rule in chain.rules] == ["tcp dport 22", "udp dport 9", "tcp dport 23"]
