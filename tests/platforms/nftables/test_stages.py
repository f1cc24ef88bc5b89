"""Base chains: which stages a packet meets, in which order, and what they see."""

import pytest

from portwright.platforms.nftables import parse
from portwright.platforms.nftables.names import priority

CHAINS = [  # family, table, type, hook, device, priority
    ("inet", "a", "filter", "postrouting", "", "10"),
    ("inet", "a", "filter", "forward", "", "filter"),
    ("ip", "b", "filter", "forward", "", "filter"),
    ("inet", "a", "filter", "prerouting", "", "raw"),
    ("ip", "b", "nat", "prerouting", "", "-400"),
    ("ip", "b", "nat", "postrouting", "", "srcnat"),
    ("ip6", "c", "filter", "input", "", "mangle"),
    ("inet", "a", "filter", "output", "", "filter"),
    ("ip", "r", "route", "output", "", "mangle"),
    ("netdev", "d", "filter", "ingress", 'device "wan0" ', "0"),
    ("netdev", "d", "filter", "egress", 'device "wan0" ', "0"),
    ("bridge", "e", "filter", "forward", "", "filter"),
]
EVERY_HOOK = "".join(
    f"table {family} {table} {{\n chain {hook} {{\n  type {kind} hook {hook} {device}priority {number};\n }}\n}}\n"
    for family, table, kind, hook, device, number in CHAINS
)

PATHS = [
    ("forward", ["ip b forward", "inet a forward"]),
    ("input", ["ip6 c input"]),
    ("output", ["ip r output", "inet a output"]),
    ("forward/path", ["netdev d ingress", "inet a prerouting", "ip b prerouting", "ip b forward", "inet a forward",
                      "inet a postrouting", "ip b postrouting", "netdev d egress"]),
    ("input/path", ["netdev d ingress", "inet a prerouting", "ip b prerouting", "ip6 c input"]),
    ("output/path", ["ip r output", "inet a output", "inet a postrouting", "ip b postrouting", "netdev d egress"]),
]  # fmt: skip


@pytest.mark.parametrize(("hook", "stages"), PATHS)
def test_a_packet_meets_the_base_chains_in_order(hook: str, stages: list[str]) -> None:
    """By hook and priority; of equal ones the last first; nat chains where the kernel's NAT hook is."""
    policy = parse(EVERY_HOOK, "ruleset.nft").policies[hook]
    assert [stage.name for stage in policy.stages] == stages


def test_a_hook_without_base_chain_accepts() -> None:
    """A single stage says so."""
    (stage,) = parse("table inet t {\n}\n", "ruleset.nft").policies["forward"].stages
    (default,) = stage.chains[stage.base].rules
    assert (default.default, default.reason) == (True, "no base chain on this hook")


@pytest.mark.parametrize(
    ("words", "family", "number"),
    [
        ("filter", "inet", 0),
        ("filter - 5", "inet", -5),
        ("filter + 10", "bridge", -190),
        ("raw", "ip", -300),
        ("srcnat", "ip", 100),
        ("srcnat", "bridge", 300),
        ("- 150", "ip", -150),
        ("-150", "ip", -150),
        ("high", "ip", None),
        ("filter - x", "ip", None),
    ],
)
def test_priorities_have_names_and_offsets(words: str, family: str, number: int | None) -> None:
    """The names mean other numbers in the bridge family."""
    assert priority(words.split(), family) == number


def test_an_ingress_chain_of_unknown_device_may_see_a_packet_or_not() -> None:
    """The JSON of nft 1.0.6 does not name the device."""
    listing = (
        '{"nftables": [{"table": {"family": "netdev", "name": "t"}}, {"chain": {"family": "netdev", "table": "t", '
        '"name": "c", "type": "filter", "hook": "ingress", "prio": 0, "policy": "drop"}}]}'
    )
    stage = parse(listing, "listing.json").policies["forward/path"].stages[0]
    first = stage.chains["c"].rules[0]
    assert (first.match.is_certain, first.reason) == (False, "the listing does not name the device of this chain")
