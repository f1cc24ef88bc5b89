"""The dialects that the kernel judges: how rulesets are drawn, and what packets the rules of one are about."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.kernel import edges, generate, generate_iptables


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to load rules; its name is that of a loader in `tests.kernel.programs`."""

    name: str
    platform: str  # whose reader is judged
    draw: Callable[[Random, str, bool], str]  # a random ruleset for a hook, alone or with the whole path around it
    hints: Callable[[str], list[edges.Hints]]  # what each rule of a listing mentions
    has_json: bool = False


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("nftables", "nftables", generate.ruleset, edges.nftables, has_json=True),
        Dialect("iptables", "iptables", generate_iptables.ruleset, edges.iptables),
        Dialect("iptables-legacy", "iptables", generate_iptables.ruleset, edges.iptables),
    )
}
