"""The state of connections: `-m conntrack` and `-m state`.

linux/net/netfilter/xt_conntrack.c: a packet without a connection matches where its state is asked for and fits,
whatever else is asked; without a question about its state it never matches.
"""

from portwright.packets.box import EVERYTHING, Boxes, Doubt, Match, complement, intersect
from portwright.packets.fields import ICMP, ICMPV6, TCP, UDP, Field, State
from portwright.packets.intervals import normalize
from portwright.platforms.iptables.scene import TRACKED, Scene, select, value
from portwright.platforms.iptables.syntax import Extension, Option
from portwright.platforms.iptables.values import networks, ports, protocol
from portwright.platforms.netfilter.matching import Obscure, any_of, both, box, within

_STATES = {state.name: state for state in State}
_TRANSLATED = ("DNAT", "SNAT")
_WAS_TRANSLATED = "whether the connection was translated is not known"
_TEMPLATE = "a rule of the raw table may have given the packet a connection before tracking does"
_DIRECTION = "Portwright does not tell the two directions of a connection apart"
_ERRORS = "an ICMP error belongs to a connection of another protocol"
_NOT_MODELLED = "Portwright does not model this property of a connection"
_NO_PORTS = "what connection tracking has in the place of ports is not known"
_ORIGINAL = {
    "--ctorigsrc": Field.SRC,
    "--ctorigdst": Field.DST,
    "--ctorigsrcport": Field.SPORT,
    "--ctorigdstport": Field.DPORT,
}
_MOST_LED = 40  # translations whose complement is worked out
_UNTRACKED = box(STATE=(State.INVALID, State.UNTRACKED))
_KNOWN = box(STATE=(State.ESTABLISHED, State.RELATED))
_WITH_PORTS = box(PROTOCOL=(TCP, UDP, 132))  # connection tracking knows the ports of SCTP; DCCP's it has forgotten
_WITHOUT_PORTS = intersect(box(STATE=State.NEW), complement(_WITH_PORTS))
_ERRORS_OF_KNOWN = box(STATE=State.RELATED, PROTOCOL=(ICMP, ICMPV6))
_NO_ERRORS = complement(_ERRORS_OF_KNOWN)


def conntrack(extension: Extension, scene: Scene) -> Match:
    """The packets that `-m conntrack` takes, all its options together. Raises Obscure."""
    states = [_state(option, scene) for option in extension.options if option.name in ("--ctstate", "--state")]
    others = [_other(option, scene) for option in extension.options if option.name not in ("--ctstate", "--state")]
    if not scene.is_tracked:
        others = [Match.exact(())] if others and not scene.has_templates else others
    found = Match.exact(TRACKED if scene.is_tracked else (EVERYTHING,)) if others else Match.exact((EVERYTHING,))
    for match in others:
        found = both(found, match)
    if others and states:
        found = any_of([found, Match.exact(_UNTRACKED if scene.is_tracked else (EVERYTHING,))])
    for match in states:
        found = both(found, match)
    return found


def _state(option: Option, scene: Scene) -> Match:
    names = value(option).upper().split(",")
    unknown = [name for name in names if name not in _STATES and name not in _TRANSLATED]
    if unknown:
        raise Obscure(f"'{unknown[0][:40]}' is not known as a connection state")
    wanted = normalize((state, state) for name, state in _STATES.items() if name in names)
    if not scene.is_tracked:
        return _before(names, scene, negate=option.is_negated)
    found = select(Field.STATE, wanted)
    murky = tuple(boxed for name in _TRANSLATED if name in names for boxed in _translated(name, names, scene))
    if not murky:
        return select(Field.STATE, wanted, negate=option.is_negated)
    found = any_of([found, Match.doubtful(Doubt(_WAS_TRANSLATED), murky)])
    return ~found if option.is_negated else found


def _translated(name: str, names: list[str], scene: Scene) -> Boxes:
    """The packets, of states that are not asked for anyhow, whose connection may have been translated.

    A first packet has been when a rule before has translated it, and nothing translates sources before the end.
    """
    known = tuple(state for state in (State.ESTABLISHED, State.RELATED) if state.name not in names)
    first = scene.redirected if name == "DNAT" and State.NEW.name not in names else ()
    return (*(box(STATE=known) if known else ()), *first)


def _before(names: list[str], scene: Scene, *, negate: bool) -> Match:
    """Before connection tracking every packet is invalid; untracked where an earlier rule has said so."""
    if scene.has_templates:
        return Match.doubtful(Doubt(_TEMPLATE))
    untracked = box(STATE=State.UNTRACKED)
    holds = {"INVALID" in names, "UNTRACKED" in names}
    tracked = select(Field.STATE, ((State.UNTRACKED, State.UNTRACKED),), negate=True)
    sure = tracked.sure if ("INVALID" in names) != negate else ()
    if len(holds) == 1:
        return Match.exact((*sure, *(untracked if sure else ())))
    return Match(sure, (*sure, *untracked), (Doubt("whether a rule before has said NOTRACK is not known"),))


def _other(option: Option, scene: Scene) -> Match:
    match option.name:
        case "--ctproto":
            number = protocol(value(option))
            same = select(Field.PROTOCOL, ((number, number),), negate=option.is_negated, base=TRACKED)
            return any_of([within(same, _NO_ERRORS), Match.doubtful(Doubt(_ERRORS), _ERRORS_OF_KNOWN)])
        case "--ctdir":
            is_original = (value(option).upper() == "ORIGINAL") != option.is_negated
            first = box(STATE=State.NEW) if is_original else ()
            return any_of([Match.exact(first), Match.doubtful(Doubt(_DIRECTION), _KNOWN)])
        case name if name in _ORIGINAL:
            return _as_it_came(option, scene)
        case _:
            return Match.doubtful(Doubt(f"'{option.name}': {_NOT_MODELLED}"), TRACKED)


def _as_it_came(option: Option, scene: Scene) -> Match:
    """By the addresses and ports with which the connection began: those of its first packet, if not translated yet."""
    name = _ORIGINAL[option.name]
    is_port = name in (Field.SPORT, Field.DPORT)
    ranges = (ports(value(option)),) if is_port else networks(value(option), scene.version)
    led = scene.redirected if name in (Field.DST, Field.DPORT) else ()
    first = select(name, ranges, negate=option.is_negated, base=box(STATE=State.NEW))
    if led:
        first = within(first, complement(led)) if len(led) <= _MOST_LED else Match.exact(())
    if is_port:
        first = any_of([within(first, _WITH_PORTS), Match.doubtful(Doubt(_NO_PORTS), _WITHOUT_PORTS)])
    return any_of([first, Match.doubtful(Doubt(_WAS_TRANSLATED), (*_KNOWN, *led))])
