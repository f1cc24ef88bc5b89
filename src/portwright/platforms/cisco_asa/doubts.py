"""Commands whose effect on a packet depends on what the file does not say: each becomes an uncertain rule.

established PROTOCOL ... permitto PROTOCOL [PORT]    further connections once one of the first kind exists
shun ADDRESS                          set by hand or by intrusion detection, until it is taken away
filter {url|https|ftp} ...            a filter server decides (ActiveX and Java filters only change contents)
wccp interface NAME ...               the packet may be handed to a cache
dynamic-filter                        a list of addresses that the firewall fetches
ip audit info action drop             signatures of plain ICMP; those of attacks match no orderly packet
aaa {authentication|authorization} {match|include}    users have to sign in first
"""

from collections.abc import Callable
from dataclasses import dataclass

from portwright.packets.box import EVERYTHING, Box, Boxes, Doubt, Match
from portwright.packets.fields import ICMP, TCP, Field
from portwright.platforms.cisco_asa import services
from portwright.platforms.cisco_asa.lines import Cursor, Line, NotUnderstood
from portwright.platforms.cisco_asa.names import TCP_AND_UDP
from portwright.platforms.cisco_asa.values import Values, host, network
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Rule, Verdict

_TCP = Match.exact((Box(((Field.PROTOCOL, ((TCP, TCP),)),)),))
_TCP_OR_UDP: Boxes = (Box(((Field.PROTOCOL, TCP_AND_UDP),)),)
_PING: Boxes = (Box(((Field.PROTOCOL, ((ICMP, ICMP),)),)),)


@dataclass(frozen=True, slots=True)
class Command:
    """What a command may do, and to which packets."""

    reason: str
    verdict: Verdict
    packets: Callable[[Line, Interfaces], Boxes]
    to_connections: bool = False  # also to packets of connections that exist


def concerns_connections(line: Line) -> bool:
    """Report whether a command decides about packets of connections too, not only whether one may open."""
    return COMMANDS[line.words[0]].to_connections


def is_inert(line: Line) -> bool:
    """Report whether a line of one of the commands decides about no packet after all."""
    words = line.words
    match words[0]:
        case "filter":
            return words[1:2] in (("activex",), ("java",)) or "except" in words[2:3]
        case "wccp":
            return words[1:2] != ("interface",)
        case "ip":
            return "info" not in words or not {"drop", "reset"} & set(words)
    return False


def rule_of(line: Line, file: str, interfaces: Interfaces, overrides: bool) -> Rule:
    """The uncertain rule for a line of one of the commands.

    With `access-group ... per-user-override` (`overrides`) a user's own access list may also permit.
    """
    command = COMMANDS[line.words[0]]
    source = line.source(file)
    try:
        boxes = command.packets(line, interfaces)
    except NotUnderstood:
        boxes = (EVERYTHING,)
    verdict = command.verdict | Verdict.ACCEPT if overrides and line.words[0] == "aaa" else command.verdict
    return Rule(Match.doubtful(Doubt(command.reason, source), boxes), verdict, source, reason=command.reason)


def _everything(line: Line, interfaces: Interfaces) -> Boxes:
    del line, interfaces
    return (EVERYTHING,)


def _ping(line: Line, interfaces: Interfaces) -> Boxes:
    del line, interfaces
    return _PING


def _shunned(line: Line, interfaces: Interfaces) -> Boxes:
    del interfaces
    return host(Cursor(line.words[1:]).take(), {}).match(Field.SRC).possible


def _arriving(line: Line, interfaces: Interfaces) -> Boxes:
    """The packets that arrive on the first interface that the line names."""
    named = [word for word in line.words[2:] if word in interfaces.names]
    return (Box(((Field.IN, interfaces.exactly(named[0])),)),) if named else (EVERYTHING,)


def _filtered(line: Line, interfaces: Interfaces) -> Boxes:
    """`filter url PORT[-PORT] LOCAL MASK FOREIGN MASK`."""
    del interfaces
    cursor = Cursor(line.words[2:])
    first, _, last = cursor.take().partition("-")
    ports = ((services.port(first), services.port(last or first)),)
    found = _TCP & Values.exact(ports).match(Field.DPORT)
    found &= network(cursor, {}).match(Field.SRC) & network(cursor, {}).match(Field.DST)
    return found.possible


def _further(line: Line, interfaces: Interfaces) -> Boxes:
    """`established ... permitto PROTOCOL [PORT[-PORT]]`."""
    del interfaces
    if "permitto" not in line.words:
        return _TCP_OR_UDP
    cursor = Cursor(line.words[line.words.index("permitto") + 1 :])
    found = services.protocols(Values.exact(services.protocol_numbers(cursor.take())))
    first, _, last = cursor.peek().partition("-")
    if first.isdecimal():
        ports = ((services.port(first), services.port(last or first)),)
        found &= Values.exact(ports).match(Field.DPORT)
    return found.possible


COMMANDS: dict[str, Command] = {
    "established": Command("the command 'established' may let this through", Verdict.ACCEPT, _further),
    "filter": Command("a filter server may refuse this", Verdict.DROP, _filtered),
    "wccp": Command("this may be handed to a cache", Verdict.DROP, _arriving),
    "dynamic-filter": Command("the botnet traffic filter may refuse this", Verdict.DROP, _everything, True),
    "ip": Command("an intrusion signature may drop this", Verdict.DROP, _ping, True),
    "shun": Command("the address may be shunned", Verdict.DROP, _shunned, True),
    "aaa": Command("users have to sign in before this passes", Verdict.DROP, _arriving),
}
