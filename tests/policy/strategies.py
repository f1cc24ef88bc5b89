"""Policies over a world so small that every packet of it can be tried.

The world has three fields; values run one beyond the last that any rule names, so that "everything else" is there too.
"""

from dataclasses import replace
from itertools import product

from hypothesis import strategies as st

from portwright.packets.box import ALWAYS, EVERYTHING, Box, Doubt, Match
from portwright.packets.fields import Field
from portwright.policy.model import Chain, Change, Goto, Jump, Policy, Rewrite, Rule, Stage, Verdict
from portwright.source import Source

NAMED = {Field.PROTOCOL: 2, Field.DPORT: 3, Field.SRC: 3}  # largest value that a rule names
HERE = Source("fw.conf", 1)
SINGLE = tuple(Verdict)


def header(protocol=0, dport=0, src=0):
    """A header of the small world."""
    values = dict.fromkeys(Field, 0) | {Field.PROTOCOL: protocol, Field.DPORT: dport, Field.SRC: src}
    return tuple(int(values[name]) for name in Field)


HEADERS = tuple(header(*values) for values in product(*(range(last + 2) for last in NAMED.values())))


@st.composite
def boxes(draw):
    """A box over the small world."""
    constraints = {}
    for name, last in NAMED.items():
        if draw(st.booleans()):
            first, end = sorted((draw(st.integers(0, last)), draw(st.integers(0, last))))
            constraints[name] = ((first, end),)
    return Box.of(constraints)


@st.composite
def matches(draw, uncertain):
    """A match of one or two boxes."""
    possible = tuple(draw(st.lists(boxes(), min_size=1, max_size=2, unique=True)))
    if uncertain and draw(st.integers(0, 2)) == 0:
        return Match(possible[: draw(st.integers(0, len(possible) - 1))], possible, (Doubt("not modelled"),))
    return Match(possible, possible)


CONSTANT = Change(Field.DPORT, ((2, 2),))
SHIFT = Change(Field.SRC, ((1, 4),), 1)
UNKNOWN = Change(Field.DPORT, ((1, 3),))
_IN_DOMAIN = Match.exact([Box.of({Field.SRC: ((0, 3),)})])  # readers never shift a value out of its domain


def plain_verdicts(uncertain):
    """An action that is a verdict, in doubt or not."""
    single = st.sampled_from(SINGLE)
    return single | st.integers(1, 31).map(Verdict) if uncertain else single


@st.composite
def rules(draw, targets, uncertain, changes):
    """A rule that may call the targets."""
    kinds = ["verdict", "verdict", "verdict", *(["call"] if targets else []), *(["rewrite"] if changes else [])]
    match draw(st.sampled_from(kinds)):
        case "call":
            action = draw(st.sampled_from((Jump, Goto)))(draw(st.sampled_from(targets)))
        case "rewrite":
            chosen = draw(st.lists(st.sampled_from(changes), min_size=1, unique_by=lambda change: change.field))
            action = Rewrite(tuple(chosen))
        case _:
            action = draw(plain_verdicts(uncertain))
    match = draw(matches(uncertain))
    return Rule(match & _IN_DOMAIN if isinstance(action, Rewrite) and SHIFT in action.changes else match, action, HERE)


SCOPES = (
    (EVERYTHING,),
    (EVERYTHING,),
    (Box.of({Field.PROTOCOL: ((0, 1),)}),),
    (Box.of({Field.DPORT: ((0, 2),)}), Box.of({Field.SRC: ((3, 3),)})),
)


@st.composite
def stages(draw, uncertain=True, changes=(CONSTANT, SHIFT), calls_once=False):
    """A stage of up to three chains, those that come first being called by the later ones."""
    chains, targets = {}, []
    for name in ("leaf", "middle", "base"):
        found = []
        for _ in range(draw(st.integers(0, 4))):
            rule = draw(rules(targets, uncertain, changes))
            if calls_once and isinstance(rule.action, Jump | Goto):
                targets = [target for target in targets if target != rule.action.chain]
            found.append(rule)
        if name == "base":
            found.append(Rule(ALWAYS, draw(st.sampled_from((Verdict.ACCEPT, Verdict.DROP))), HERE, default=True))
        chains[name] = Chain(name, tuple(found), HERE)
        targets = [*targets, name]
    scope = draw(st.sampled_from(SCOPES))
    return Stage("stage", "base", chains, scope, translates=bool(changes) and draw(st.booleans()))


def policies(most=3, **kind):
    """A pipeline of one or more stages."""
    return st.lists(stages(**kind), min_size=1, max_size=most).map(lambda found: Policy(tuple(found)))


def all_rules(policy):
    """Every rule of a policy."""
    return [rule for stage in policy.stages for chain in stage.chains.values() for rule in chain.rules]


def is_uncertain(rule):
    """Report whether a rule leaves a choice open: whether it matches, or what it does."""
    return not rule.match.is_certain or (isinstance(rule.action, Verdict) and len(rule.action) > 1)


def truths(rule):
    """What an uncertain rule may truly be: matching or not where that is in doubt, with one verdict."""
    unions = dict.fromkeys((rule.match.sure, rule.match.possible))
    actions = list(rule.action) if isinstance(rule.action, Verdict) else [rule.action]
    return [replace(rule, match=Match(union, union), action=action) for union in unions for action in actions]


def rewritten(policy, new):
    """The policy with rules replaced by others, and those for which the table has None left out."""

    def chain(old):
        kept = (new.get(rule, rule) for rule in old.rules)
        return replace(old, rules=tuple(rule for rule in kept if rule is not None))

    return Policy(tuple(replace(s, chains={name: chain(old) for name, old in s.chains.items()}) for s in policy.stages))
