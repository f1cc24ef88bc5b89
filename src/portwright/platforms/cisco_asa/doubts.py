"""Commands whose effect on a packet depends on what the file does not say: each becomes an uncertain rule.

established PROTOCOL ...      further connections once one of the protocol exists
shun ADDRESS                  set by hand or by intrusion detection, until it is taken away
filter {url|activex|...}      a filter server or the contents decide
wccp ...                      the packet may be handed to a cache
dynamic-filter, ip audit      lists and signatures that the firewall fetches
aaa {authentication|authorization} {match|include}    users have to sign in first
"""

from portwright.packets.box import EVERYTHING, Box, Boxes, Doubt, Match
from portwright.packets.fields import TCP, Field
from portwright.platforms.cisco_asa.lines import Line, NotUnderstood
from portwright.platforms.cisco_asa.names import TCP_AND_UDP
from portwright.platforms.cisco_asa.values import host
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Rule, Verdict

_TCP = (Box(((Field.PROTOCOL, ((TCP, TCP),)),)),)
_TCP_OR_UDP = (Box(((Field.PROTOCOL, TCP_AND_UDP),)),)

COMMANDS: dict[str, tuple[str, Verdict, Boxes]] = {
    "established": ("the command 'established' may let this through", Verdict.ACCEPT, _TCP_OR_UDP),
    "filter": ("a filter may refuse this", Verdict.DROP, _TCP),
    "wccp": ("this may be handed to a cache", Verdict.DROP, _TCP),
    "dynamic-filter": ("the botnet traffic filter may refuse this", Verdict.DROP, (EVERYTHING,)),
    "ip": ("an intrusion signature may drop this", Verdict.DROP, (EVERYTHING,)),
    "shun": ("the address may be shunned", Verdict.DROP, (EVERYTHING,)),
    "aaa": ("users have to sign in before this passes", Verdict.DROP, (EVERYTHING,)),
}


_ALWAYS = frozenset(("shun", "dynamic-filter", "ip"))


def concerns_connections(line: Line) -> bool:
    """Report whether a command decides about packets of connections too, not only whether one may open."""
    return line.words[0] in _ALWAYS


def rule_of(line: Line, file: str, interfaces: Interfaces) -> Rule:
    """The uncertain rule for a line of one of the commands."""
    reason, verdict, boxes = COMMANDS[line.words[0]]
    source = line.source(file)
    match line.words[0]:
        case "shun":
            boxes = _from(line)
        case "aaa":
            named = [word for word in line.words[2:] if word in interfaces.names]
            boxes = tuple(Box(((Field.IN, interfaces.exactly(name)),)) for name in named[:1]) or boxes
    return Rule(Match.doubtful(Doubt(reason, source), boxes), verdict, source, reason=reason)


def _from(line: Line) -> Boxes:
    try:
        return host(line.words[1] if len(line.words) > 1 else "", {}).match(Field.SRC).possible
    except NotUnderstood:
        return (EVERYTHING,)
