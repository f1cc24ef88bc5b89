"""`ct status dnat`: whether the destination of a connection has been translated.

A first packet may have been by the rules of the nat chains before; what came to the same address by itself looks alike.
Of connections that are older nothing is known, and packets without a connection have no status, whatever is asked.
"""

from portwright.packets.box import Boxes, Doubt, Match, complement, intersect
from portwright.packets.fields import State
from portwright.platforms.netfilter.matching import box
from portwright.platforms.nftables.syntax import Condition, Selector, Table, Value

_STATUS, _TRANSLATED = Selector("ct status"), Value("dnat")
_OPERATORS = ("", "in", "!")  # any of these flags, as text and as JSON write it, and none of them
_NEW, _KNOWN = box(STATE=State.NEW), box(STATE=(State.ESTABLISHED, State.RELATED))
_MOST_LED = 40  # translations whose complement is worked out
_DOUBT = Doubt("whether the connection was translated is not known")


def asks(condition: Condition) -> bool:
    """Report whether a comparison is about this and nothing else."""
    return condition.left == _STATUS and condition.right == _TRANSLATED and condition.operator in _OPERATORS


def asked_in(table: Table) -> bool:
    """Report whether some rule of a table asks for it."""
    statements = (statement for chain in table.chains.values() for rule in chain.rules for statement in rule.statements)
    return any(isinstance(statement, Condition) and asks(statement) for statement in statements)


def matching(condition: Condition, redirected: Boxes) -> Match:
    """The packets for which it holds, given the first packets that may have been translated."""
    led = intersect(_NEW, redirected)
    if condition.operator != "!":
        return Match.doubtful(_DOUBT, (*_KNOWN, *led))
    sure = intersect(_NEW, complement(led)) if len(led) <= _MOST_LED else ()
    return Match(sure, (*_NEW, *_KNOWN), (_DOUBT,))
