"""Translations that a site declares at a point because its configuration does not say them itself."""

from collections.abc import Iterable, Iterator
from itertools import takewhile

from portwright.packets.box import ALWAYS, Box, Match
from portwright.packets.fields import PORT_PROTOCOLS, Field, State
from portwright.packets.intervals import Intervals
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Chain, Change, Look, Policy, Rewrite, Rule, Stage, Verdict
from portwright.policy.translation import translates
from portwright.site.model import Point, Translation
from portwright.source import Source

_PORTS: Intervals = tuple(sorted((number, number) for number in PORT_PROTOCOLS))
_NAME = "translation that the site declares"


def with_declared(policy: Policy, translations: Iterable[Translation], point: Point, interfaces: Interfaces) -> Policy:
    """The policy behind the site's translations of destinations, but for those that it makes itself."""
    stage = declared_stage(policy, translations, point, interfaces)
    if stage is None:
        return policy
    before = tuple(takewhile(_is_untranslated, policy.stages))
    return Policy((*before, stage, *policy.stages[len(before) :]))


def declared_stage(
    policy: Policy, translations: Iterable[Translation], point: Point, interfaces: Interfaces
) -> Stage | None:
    """The site's translations of destinations that a policy does not make itself; None where there are none."""
    own = [box for stage in policy.stages for box in _translated(stage)]
    rules = [
        rule
        for translation in translations
        for rule in _rules(translation, point, interfaces)
        if not any(rule.match.sure[0] & box for box in own)
    ]
    if not rules:
        return None
    source = rules[0].source
    default = Rule(ALWAYS, Verdict.ACCEPT, source, default=True, reason="the site declares no translation of it")
    new = Box.of({Field.STATE: ((State.NEW, State.NEW),)})
    assert new is not None
    chain = Chain(_NAME, (*rules, default), source)
    return Stage(_NAME, _NAME, {_NAME: chain}, (new,), translates=True, look=Look.ARRIVING)


def _is_untranslated(stage: Stage) -> bool:
    """Report whether a stage surely sees packets as they came, before anything translates them."""
    return stage.look is Look.ARRIVING and not stage.translates and not translates(stage)


def _translated(stage: Stage) -> Iterator[Box]:
    """The packets whose destination a stage translates."""
    for chain in stage.chains.values():
        for rule in chain.rules:
            if isinstance(rule.action, Rewrite) and any(change.field is Field.DST for change in rule.action.changes):
                yield from rule.match.possible


def _rules(translation: Translation, point: Point, interfaces: Interfaces) -> Iterator[Rule]:
    source = Source(translation.source.file, translation.source.line, translation.source.text)
    for version in (4, 6):
        to, becomes = translation.to.addresses.family(version), translation.becomes.addresses.family(version)
        constraints: dict[Field, Intervals] = {Field.VERSION: ((version, version),), Field.DST: to}
        constraints |= _arriving(translation, point, interfaces)
        changes = [_change(Field.DST, to, becomes)] if becomes else []
        if translation.to.ports is not None:
            constraints |= {Field.PROTOCOL: _PORTS, Field.DPORT: translation.to.ports}
        if translation.to.ports is not None and translation.becomes.ports is not None:
            changes.append(_change(Field.DPORT, translation.to.ports, translation.becomes.ports))
        box = Box.of(constraints)
        if box is not None and to and becomes:
            yield Rule(Match.exact((box,)), Rewrite(tuple(changes)), source)


def _arriving(translation: Translation, point: Point, interfaces: Interfaces) -> dict[Field, Intervals]:
    """The interface behind which the zone lies from which packets come; every one where that is not said."""
    name = point.interfaces.get(translation.source_zone or "")
    if name is None:
        return {}
    atom = interfaces.atom(name)
    return {Field.IN: ((atom, atom),)}


def _change(field: Field, old: Intervals, new: Intervals) -> Change:
    """Ranges of one size are moved as they are; otherwise it may become any of the new values."""
    if len(old) == len(new) == 1 and old[0][1] - old[0][0] == new[0][1] - new[0][0]:
        return Change(field, new, None if new[0][0] == new[0][1] else new[0][0] - old[0][0])
    return Change(field, new)
