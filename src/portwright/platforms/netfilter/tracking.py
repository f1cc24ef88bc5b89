"""What translation and connection tracking make of packets on their way through the chains."""

from collections.abc import Iterator

from portwright.packets.box import Box, Doubt, Match
from portwright.packets.fields import Field, State
from portwright.platforms.netfilter.matching import both, box
from portwright.policy.model import ANY_VERDICT, Chain, Change, Rewrite, Rule, Stage, Verdict

ANYTHING = ANY_VERDICT | Verdict.CONTINUE | Verdict.RETURN
UNTRACK = Rewrite((Change(Field.STATE, ((State.UNTRACKED, State.UNTRACKED),)),))  # `notrack`, which then goes on
UNTRACK_AND_ACCEPT = Rewrite(UNTRACK.changes)
# linux/net/netfilter/xt_connlimit.c, nft_connlimit.c: a limit on connections drops what it can make no connection of
WITHOUT_CONNECTION = box(STATE=(State.INVALID, State.UNTRACKED))
THROWN_AWAY = "a limit on connections drops packets that it can make no connection of"
_NOTRACK = "the packet is no longer tracked, and goes on with the rules after this one"
_MOST_COMPARED = 200  # rules after a `notrack` that are looked at


def unsettled(chain: Chain, is_last: bool = False) -> Chain:
    """The chain with `notrack` in doubt where a rule after it may still decide: it does not end the chain.

    `is_last`: what comes to the end of the chain is accepted.
    """
    if not any(rule.action is UNTRACK for rule in chain.rules):
        return chain
    made: list[Rule] = []
    others: list[Rule] = []  # later rules that decide otherwise
    for rule in reversed(chain.rules):
        if rule.action is not UNTRACK:
            others += [] if rule.action is Verdict.ACCEPT else [rule]
            made.append(rule)
        elif is_last and len(others) <= _MOST_COMPARED and not any(_overlap(rule, other) for other in others):
            made.append(rule)
        else:
            match = Match.doubtful(Doubt(_NOTRACK), rule.match.possible)
            made += [Rule(match, action, rule.source, reason=_NOTRACK) for action in (ANYTHING, rule.action)]
    return Chain(chain.name, tuple(reversed(made)), chain.source)


def _overlap(one: Rule, other: Rule) -> bool:
    return bool(both(one.match, other.match).possible)


def translated(stage: Stage) -> Iterator[Box]:
    """The packets that a nat chain may have translated, as they leave it."""
    for chain in stage.chains.values():
        for rule in chain.rules:
            if isinstance(rule.action, Rewrite) or rule.action == ANYTHING:
                changes = rule.action.changes if isinstance(rule.action, Rewrite) else ()
                after = {change.field: change.values for change in changes}
                images = (Box.of({**dict(box.constraints), **after}) for box in rule.match.possible)
                yield from (image for image in images if image is not None)
