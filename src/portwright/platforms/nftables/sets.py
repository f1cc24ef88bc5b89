"""Sets and maps: the keys they hold, and the packets whose key is among them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portwright.packets.box import NEVER, Doubt, Match
from portwright.packets.intervals import Intervals, normalize
from portwright.platforms.netfilter.matching import Obscure, any_of, both
from portwright.platforms.nftables.lenses import Lens
from portwright.platforms.nftables.syntax import Braces, Concat, Element, Expression, Value
from portwright.platforms.nftables.values import ranges
from portwright.policy.interfaces import Interfaces

Key = tuple[Intervals, ...]  # one value set per lens
_MOST_NEGATED = 40  # boxes of a concatenation whose complement is worked out
_TOO_MANY = "a negated set of combined values with too many members"


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of a set, and why there may be others or fewer."""

    known: tuple[Key, ...]
    has_rest: bool = False  # `*`: every key that is not among the others
    doubt: Doubt | None = None


def flatten(elements: Iterable[Element]) -> Iterable[Element]:
    """The members with sets inside sets (variables in a definition) spread out."""
    for member in elements:
        if isinstance(member.key, Braces):
            yield from flatten(member.key.elements)
        else:
            yield member


def is_rest(member: Element) -> bool:
    """Report whether an element stands for every key that no other has."""
    return isinstance(member.key, Value) and member.key.text == "*" and not member.key.quoted


def key_of(expression: Expression, lenses: Sequence[Lens], interfaces: Interfaces) -> Key:
    """The values of one key, a value set per lens. Raises Obscure."""
    parts = expression.parts if isinstance(expression, Concat) else (expression,)
    if len(parts) != len(lenses):
        raise Obscure(f"'{expression}' does not fit what it is compared with")
    return tuple(
        ranges(part, lens.datatype, interfaces) if lens.field is not None or lens.constant else ()
        for part, lens in zip(parts, lenses, strict=True)
    )


def keys_of(elements: Iterable[Element], lenses: Sequence[Lens], interfaces: Interfaces) -> Keys:
    """The keys of a set's members."""
    known: list[Key] = []
    has_rest = False
    doubt = None
    for member in flatten(elements):
        if is_rest(member):
            has_rest = True
        elif member.is_chancy:
            doubt = doubt or Doubt(f"the member {member.key} holds only at times")
        else:
            try:
                known.append(key_of(member.key, lenses, interfaces))
            except Obscure as why:
                doubt = doubt or Doubt(str(why))
    return Keys(tuple(known), has_rest, doubt)


def holding(keys: Keys, lenses: Sequence[Lens]) -> Match:
    """The packets whose key is in the set."""
    inside = everything(lenses) if keys.has_rest else _known(keys.known, lenses)
    if keys.doubt is None:
        return inside
    return Match(inside.sure, everything(lenses).possible, (*inside.doubts, keys.doubt))


def lacking(keys: Keys, lenses: Sequence[Lens]) -> Match:
    """The packets that have the key, but not one of the set."""
    outside = NEVER if keys.has_rest else _unknown(keys.known, lenses)
    return outside if keys.doubt is None else Match((), outside.possible, (*outside.doubts, keys.doubt))


def everything(lenses: Sequence[Lens]) -> Match:
    """The packets that have all that the lenses look at."""
    found = lenses[0].anything()
    for lens in lenses[1:]:
        found = both(found, lens.anything())
    return found


def _known(known: Iterable[Key], lenses: Sequence[Lens]) -> Match:
    if len(lenses) == 1:
        return lenses[0].select(normalize(piece for key in known for piece in key[0]))
    matches = []
    for key in _merged(known):
        found = lenses[0].select(key[0])
        for lens, wanted in zip(lenses[1:], key[1:], strict=True):
            found = both(found, lens.select(wanted))
        matches.append(found)
    return any_of(matches)


def _unknown(known: Iterable[Key], lenses: Sequence[Lens]) -> Match:
    if len(lenses) == 1:
        return lenses[0].select(normalize(piece for key in known for piece in key[0]), negate=True)
    inside = _known(known, lenses)
    if len(inside.possible) > _MOST_NEGATED:
        return Match.doubtful(Doubt(_TOO_MANY), everything(lenses).possible)
    whole = _known([tuple(((0, lens.datatype.last),) for lens in lenses)], lenses)
    return both(whole, ~inside)


def _merged(known: Iterable[Key]) -> list[Key]:
    """The same keys with those that differ in their first value joined."""
    joined: dict[Key, list[Intervals]] = {}
    for key in known:
        joined.setdefault(key[1:], []).append(key[0])
    return [
        (normalize(piece for values in firsts for piece in values), *rest) if all(firsts) else (firsts[0], *rest)
        for rest, firsts in joined.items()
    ]
