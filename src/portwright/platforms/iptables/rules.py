"""Rules to rules of the model. One line may become several; one that decides about no packet becomes none."""

from collections.abc import Iterator, Mapping

from portwright.packets.box import ALWAYS, Doubt, Match, intersect
from portwright.packets.fields import LAST, LAST_ADDRESS, Field
from portwright.platforms.iptables import modules
from portwright.platforms.iptables.behind import split
from portwright.platforms.iptables.matches import PLAIN
from portwright.platforms.iptables.nat import translations
from portwright.platforms.iptables.scene import Scene
from portwright.platforms.iptables.syntax import Chain, Option
from portwright.platforms.iptables.syntax import Rule as Line
from portwright.platforms.iptables.targets import TARGETS, UNKNOWN
from portwright.platforms.netfilter.matching import Obscure, both, reason_of
from portwright.platforms.netfilter.tracking import ANYTHING, UNTRACK
from portwright.policy.model import Action, Change, Goto, Jump, Rewrite, Rule, Verdict

_ALL = (Field.PROTOCOL, Field.DPORT, Field.DST, Field.SRC, Field.SPORT, Field.TYPE, Field.CODE, Field.FLAGS)
_REWRITTEN = Rewrite(tuple(Change(name, ((0, LAST[name]),)) for name in _ALL))
_DROPS = "a match that drops packets which it cannot judge, whatever the target"
_TO, _FROM = (Field.DST, Field.DPORT), (Field.SRC, Field.SPORT)
_ENDS = {"SNAT": _FROM, "MASQUERADE": _FROM}  # what a translation changes, beside destinations


def rules(line: Line, chains: Mapping[str, Chain], scene: Scene) -> list[Rule]:
    """The rules that one line becomes in a table with these chains; none when it decides about no packet."""
    dropped = _dropped(line, scene)
    if is_inert(line, chains):
        return dropped
    return [*dropped, *_rules(line, chains, scene)]


def _dropped(line: Line, scene: Scene) -> list[Rule]:
    """What extensions of a line may drop by themselves, whatever its target is."""
    known = (modules.MODULES.get(extension.name) for extension in line.extensions)
    boxes = tuple(box for module in known if module is not None for box in module.drops)
    if not boxes:
        return []
    parts = list(split(line, scene, _all))
    matches = (Match((), intersect(part.possible, boxes), (*part.doubts, Doubt(_DROPS))) for part in parts)
    return [Rule(match, Verdict.DROP, line.source, reason=_DROPS) for match in matches if match.possible]


def _rules(line: Line, chains: Mapping[str, Chain], scene: Scene) -> list[Rule]:
    matches = [match for match in _matches(line, chains, scene) if match.possible]
    return [rule for match in matches for rule in _deciding(match, line, chains, scene)]


def _deciding(match: Match, line: Line, chains: Mapping[str, Chain], scene: Scene) -> list[Rule]:
    """The rules that decide about the packets of a match."""
    target = TARGETS.get(line.target)
    if line.target not in chains and target is not None and target.translates:
        return _translating(line, match, scene)
    return [Rule(match, action, line.source, reason=reason_of(match)) for action in _actions(line, chains)]


def is_inert(line: Line, chains: Mapping[str, Chain]) -> bool:
    """Report whether a line decides about no packet, whatever it takes."""
    target = TARGETS.get(line.target)
    if line.target in chains or (line.target and target is None):
        return False
    return target is None or not (target.verdict or target.translates or target.reason or untracks(line))


def untracks(line: Line) -> bool:
    """Report whether a line has connection tracking pass over its packets."""
    has_option = any(option.name == "--notrack" for option in line.target_options)
    return line.target == "NOTRACK" or (line.target == "CT" and has_option)


def _actions(line: Line, chains: Mapping[str, Chain]) -> Iterator[Action]:
    """What may become of the packets: one thing, or several where that is not known."""
    target = TARGETS.get(line.target)
    if line.target in chains:
        yield Goto(line.target) if line.is_goto else Jump(line.target)
    elif target is not None and target.verdict is not None:
        yield target.verdict
    elif target is not None and not target.reason:
        yield UNTRACK
    else:
        if target is None or target.is_rewriting:
            yield _REWRITTEN
        yield ANYTHING


def _translating(line: Line, match: Match, scene: Scene) -> list[Rule]:
    try:
        return [
            Rule(part, action, line.source, reason=reason_of(part)) for part, action in translations(line, match, scene)
        ]
    except Obscure as why:
        address, port = _ENDS.get(line.target, _TO)
        anywhere = (Change(address, ((0, LAST_ADDRESS[scene.version]),)), Change(port, ((0, LAST[port]),)))
        unsure = Match((), match.possible, (*match.doubts, Doubt(str(why))))
        return [Rule(unsure, action, line.source, reason=str(why)) for action in (Rewrite(anywhere), ANYTHING)]


def _matches(line: Line, chains: Mapping[str, Chain], scene: Scene) -> Iterator[Match]:
    """The packets of a line, in doubt where its words are."""
    puzzles = tuple(map(Doubt, _puzzles(line, chains)))
    for found in split(line, scene, _all):
        yield Match((), found.possible, (*found.doubts, *puzzles)) if puzzles else found


def _all(line: Line, scene: Scene) -> Match:
    """The packets that all matches of a line take."""
    found = ALWAYS
    for option in line.plain:
        found = both(found, _plain(option, scene))
    for extension in line.extensions:
        found = both(found, modules.matching(extension, scene))
    return found


def _plain(option: Option, scene: Scene) -> Match:
    try:
        return PLAIN[option.name](option, scene)
    except Obscure as why:
        return Match.doubtful(Doubt(str(why)))


def _puzzles(line: Line, chains: Mapping[str, Chain]) -> Iterator[str]:
    """Why the packets of a line, or what becomes of them, are not known."""
    target = TARGETS.get(line.target)
    if line.unknown:
        yield f"not understood: {line.unknown[:60]}"
    if line.target in chains:
        unknown = [option.name for option in line.target_options]
    elif target is None:
        yield f"'{line.target[:40]}' {UNKNOWN}"
        return
    elif target.reason:
        yield target.reason
        return
    else:
        decides = target.verdict is not None or target.translates
        unknown = [option.name for option in line.target_options if decides and option.name not in target.options]
    if unknown:
        yield f"'{unknown[0][:40]}' is not known"
