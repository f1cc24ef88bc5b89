"""Reading: what is refused and where, what is counted, what is remarked on, and that no input breaks the reader."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.platforms.nftables.rulesets import CASES, decided, ruleset

from portwright.errors import InvalidInput
from portwright.platforms.nftables import parse, recognizes

TEXTS = [file.read_text() for case in CASES for file in case.glob("ruleset.*")]

BASE = "table inet t {\n chain f {\n  type filter hook forward priority 0;\n  jump a\n }\n"

REFUSED = [  # text, line, words of the message
    ("table inet t {\n chain c {\n  accept\n }\n", 1, "'{' is not closed"),
    ("table inet t {\n chain c {\n  ip saddr { 10.0.0.1,\n", 3, "'{' is not closed"),
    ("table inet t {\n}\n}\n", 3, "closes nothing"),
    ("table inet t {\n chain c {\n  ip saddr ) accept\n }\n}\n", 3, "closes nothing"),
    ('table inet t {\n chain c {\n  log prefix "abc\n }\n}\n', 3, "string is not closed"),
    ("table inet t {\n chain c {\n  jump nowhere\n }\n}\n", 3, "has no chain nowhere"),
    ("table inet t {\n chain c {\n  tcp dport vmap { 22 : goto nowhere }\n }\n}\n", 3, "has no chain nowhere"),
    (BASE + " chain a {\n  jump b\n }\n chain b {\n  goto a\n }\n}\n", 10, "closes a loop"),
    (BASE + " chain a {\n  jump a\n }\n}\n", 7, "closes a loop"),
    ("table inet t {\n chain c {\n  ip saddr $lan accept\n }\n}\n", 3, "$lan is not defined"),
    ('include "/etc/nftables.d/*"\n', 1, "include"),
    ('table ip t {\n\tinclude "/etc/nftables.d/*"\n}\n', 2, "include"),
    ('table ip t {\n\tchain c {\n\t\taccept; include "/etc/nftables.d/*"\n\t}\n}\n', 3, "include"),
    ('table ip t {\n\tset s {\n\t\tinclude "/etc/nftables.d/*"\n\t}\n}\n', 3, "include"),
    ('table ip t {\n\tcounter c {\n\t\tinclude "/etc/nftables.d/*"\n\t}\n}\n', 3, "include"),
    ("table ipx t {\n}\n", 1, "table FAMILY NAME"),
    ("table inet t {\n chain c {\n  type filter hook sideways priority 0;\n }\n}\n", 3, "base chain"),
    ("table inet t {\n chain c {\n  type filter hook input priority high;\n }\n}\n", 3, "priority"),
    ("table inet t {\n chain c {\n  policy reject;\n }\n}\n", 3, "accept or drop"),
    ("add rule inet t c accept\n", 1, "no chain"),
    ("\n\n\0", 3, "no text file"),
    ('{"nftables": [\n {"table": {"family": "inet", "name": "t"}},\n {"rule": {', 3, "ends too early"),
    ('{"nftables": [\n {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": []}}]}', 2, "no table ip t"),
    ('{"tables": []}', 1, "no listing of nft"),
    ('{"nftables": [' + "[" * 100_000, 1, "too deeply"),
    ("foo {\n" * 1000, 40, "too deeply"),
    ("define a = { 1, 2 }\n" + "redefine a = { $a, $a }\n" * 40, 18, "too much text"),
]


@pytest.mark.parametrize(("text", "line", "words"), REFUSED)
def test_a_ruleset_that_nft_would_not_load_is_refused_where_it_is_wrong(text: str, line: int, words: str) -> None:
    """The problem names the line."""
    with pytest.raises(InvalidInput) as caught:
        parse(text, "ruleset.nft")
    assert [(problem.line, words in problem.message) for problem in caught.value.problems] == [(line, True)]


def test_every_problem_is_reported() -> None:
    """Two undefined variables and two missing chains are four problems in two errors, in file order."""
    with pytest.raises(InvalidInput) as caught:
        parse("table ip t {\n chain c {\n  jump x\n  jump y\n }\n}\n", "ruleset.nft")
    assert [problem.line for problem in caught.value.problems] == [3, 4]
    with pytest.raises(InvalidInput) as caught:
        parse("table ip t {\n chain c {\n  ip saddr $x accept\n  ip saddr $y drop\n }\n}\n", "ruleset.nft")
    assert [problem.line for problem in caught.value.problems] == [3, 4]


def test_a_loop_that_no_base_chain_reaches_is_only_unused() -> None:
    """The kernel takes it too."""
    remarks = parse("table ip t {\n chain a {\n  jump b\n }\n chain b {\n  jump a\n }\n}\n", "ruleset.nft").remarks
    assert [(remark.kind, remark.source.line) for remark in remarks] == [("unused", 2), ("unused", 5)]


def nested(jumps: int) -> str:
    """A base chain and so many jumps inside each other."""
    base = " chain f {\n  type filter hook forward priority 0;\n  jump c1\n }\n"
    chains = "".join(f" chain c{n} {{\n  jump c{n + 1}\n }}\n" for n in range(1, jumps))
    return f"table ip t {{\n{base}{chains} chain c{jumps} {{\n }}\n}}\n"


def test_chains_nest_as_deeply_as_in_the_kernel() -> None:
    """Sixteen chains inside each other, the base chain among them, are the most."""
    assert parse(nested(15), "ruleset.nft").policies
    with pytest.raises(InvalidInput, match="more than 16 chains"):
        parse(nested(16), "ruleset.nft")


@pytest.mark.kernel
@pytest.mark.parametrize(("jumps", "is_loaded"), [(15, True), (16, False)])
def test_the_kernel_loads_as_many_chains(jumps: int, is_loaded: bool) -> None:
    """The limit is the kernel's."""
    command = ["unshare", "--net", "nft", "--file", "-"]
    done = subprocess.run(command, input=nested(jumps), capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == is_loaded


@pytest.mark.parametrize("text", TEXTS)
def test_rulesets_are_recognized(text: str) -> None:
    """Text and JSON alike."""
    assert recognizes(text)


@pytest.mark.parametrize("text", ["", "ASA Version 9.8(2)\nhostname fw\n", "*filter\n:INPUT ACCEPT [0:0]\n", "{}"])
def test_other_texts_are_not_recognized(text: str) -> None:
    """Neither an empty file nor other configurations."""
    assert not recognizes(text)


def test_each_line_is_modelled_inert_or_unknown() -> None:
    """Counters and logs are inert; unknown words are named with their line and how far they reach."""
    text = ruleset('tcp dport 22 accept\n counter\n log prefix "x"\n tcp dport 25 frobnicate accept\n zork')
    census = parse(f"{text}\nmystery inet t\n", "ruleset.nft").census
    assert (census.modelled, census.inert) == (8, 2)
    assert [(unknown.source.line, unknown.scope) for unknown in census.unknown] == [
        (10, "rule"),
        (11, "rule"),
        (14, "point"),
    ]


def test_an_unknown_command_leaves_every_packet_undecided() -> None:
    """It may have changed everything: it is in front of each stage of each hook."""
    configuration = parse(ruleset("tcp dport 22 drop") + "\nmystery inet t\n", "ruleset.nft")
    for policy in configuration.policies.values():
        assert all(stage.chains[stage.base].rules[0].source.text == "mystery inet t" for stage in policy.stages)


REMARKS = [  # rule, sets, kind and words of the remark
    ("ip saddr @nowhere drop", "", "undefined", "nowhere"),
    ("accept", "set s { type ipv4_addr; elements = { 10.0.0.1 }; }", "unused", "set s"),
    ("accept", "", "unused", "chain c"),
    ("ip saddr @s accept", "set s { type ipv4_addr; }", "note", "terse"),
    ("tcp flags == syn accept", "", "note", "ECN"),
    ("udp dport 53 notrack", "", "note", "untracked"),
]


@pytest.mark.parametrize(("rule", "sets", "kind", "words"), REMARKS)
def test_what_is_odd_is_remarked_on(rule: str, sets: str, kind: str, words: str) -> None:
    """Undefined and unused objects, and listings that may have lost something."""
    remarks = parse(ruleset(rule, sets), "ruleset.nft").remarks
    assert any(remark.kind == kind and words in remark.message for remark in remarks)


def test_a_rule_carries_its_line_as_written() -> None:
    """Also where one line becomes several rules."""
    configuration = parse(ruleset("tcp dport vmap { 22 : accept, 80 : drop } # web"), "ruleset.nft")
    chain = configuration.policy().stages[0].chains["forward"]
    text = "tcp dport vmap { 22 : accept, 80 : drop } # web"
    assert [(rule.source.line, rule.source.text) for rule in chain.rules[:2]] == [(7, text)] * 2
    assert chain.rules[-1].default
    assert chain.rules[-1].source.text.startswith("type filter hook forward")


def test_json_rules_are_shown_in_the_syntax_of_nft() -> None:
    """A listing on one line still says what each rule is."""
    listing = (
        '{"nftables": [{"table": {"family": "inet", "name": "t"}}, {"chain": {"family": "inet", "table": "t", '
        '"name": "f", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}}, {"rule": {"family": "inet", '
        '"table": "t", "chain": "f", "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", '
        '"field": "dport"}}, "right": {"set": [22, {"range": [80, 90]}]}}}, {"accept": null}]}}]}'
    )
    rule = parse(listing, "listing.json").policy().stages[0].chains["f"].rules[0]
    assert (rule.source.line, rule.source.text) == (1, "tcp dport { 22, 80-90 } accept")


def reads_or_refuses(text: str) -> bool:
    """A configuration with all policies, or at least one problem."""
    try:
        return len(parse(text, "ruleset.nft").policies) == 6
    except InvalidInput as error:
        return bool(error.problems)


@given(st.sampled_from(TEXTS), st.data())
def test_damaged_rulesets_are_read_or_refused(text: str, data: st.DataObject) -> None:
    """Cutting out and doubling parts of a ruleset never breaks the reader."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    fillings = ["", text[start:end] * 2, "{", "}", '"', "@", " . ", "map", "\n", "- 1 /", ":", "*"]
    assert reads_or_refuses(text[:start] + data.draw(st.sampled_from(fillings)) + text[end:])


WORDS = (
    "tcp dport ip saddr ct state vmap map { } ( ) [ ] . , : ; / - & | ^ == != < @s $v 10.0.0.1 fd00::1 22 0x1 "
    "accept drop jump goto limit rate over name quota meter add update set meta mark fib jhash mod numgen to dnat "
    "snat masquerade redirect reject with tproxy queue counter log prefix comment * exists th @th xt flow"
)


@given(st.lists(st.sampled_from(WORDS.split()), max_size=25))
def test_any_words_in_a_rule_are_read_or_refused(words: list[str]) -> None:
    """Whatever follows what, the reader ends with a configuration or a problem."""
    assert reads_or_refuses(ruleset(" ".join(words)))


def test_a_line_goes_on_only_after_a_last_backslash():
    """With a blank behind it nft refuses the file; what follows would be a rule of its own."""
    rule = "ip saddr 10.0.0.1 \\{}\n tcp dport 22 accept"
    assert decided(ruleset(rule.format("").replace("accept", "drop")), "tcp 10.0.0.2 > 10.0.0.3:22").value == "accept"
    with pytest.raises(InvalidInput, match="backslash"):
        parse(ruleset(rule.format(" ")), "ruleset.nft")
