"""From a rule of Windows to the packets that it matches, surely and possibly.

Theory of operation. A rule is a conjunction: protocol and ports, addresses on both sides, who listens, on which
interface, in which profile, and how the traffic is protected. Each part becomes a `Match` of its own, in doubt where it
says something that packets do not show; all must hold. The interface and its profile follow from the local address:
Windows takes and sends packets only on the interface that has the address (strong host model, RFC 1122, 3.3.4.2).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.box import ALWAYS, NEVER, Box, Doubt, Match
from portwright.packets.fields import ICMP, ICMPV6, LAST, LAST_ADDRESS, TCP, UDP, Field
from portwright.packets.intervals import complement
from portwright.platforms.windows_firewall.addresses import LOCAL_SUBNET, SERVERS, plain, word
from portwright.platforms.windows_firewall.conditions import (
    among,
    between,
    boxes,
    for_release,
    having,
    icmp,
    protocol,
    unclear,
    within,
)
from portwright.platforms.windows_firewall.doubts import Why, doubt
from portwright.platforms.windows_firewall.host import CATEGORIES, PROFILES, FirewallRule, Host, Interface
from portwright.platforms.windows_firewall.members import ANY, INTERFACE_BITS, NUMBERS, flags
from portwright.platforms.windows_firewall.owners import Owners, restricts
from portwright.platforms.windows_firewall.ports import ports

_KERNEL = ((ICMP, 2), (ICMPV6, ICMPV6))  # ICMP, IGMP and ICMPv6 are received by the kernel itself
_WITHOUT_LISTENERS = complement((*_KERNEL[:1], (TCP, TCP), (UDP, UDP), *_KERNEL[1:]), LAST[Field.PROTOCOL])
_TEREDO = plain("2001::/32")  # RFC 4380, 2.6
MULTICAST = Addresses(((0xE0000000, 0xEFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF)), ((0xFF << 120, LAST_ADDRESS[6]),))
_PROTECTION = ("Authentication", "Encryption")
_PEOPLE = ("LocalUser", "RemoteUser", "RemoteMachine", "Owner")


@dataclass(frozen=True, slots=True)
class Side:
    """Which fields are the host's own, in what it receives or sends."""

    direction: str  # Inbound, Outbound
    local: Field
    local_port: Field
    remote: Field
    remote_port: Field

    @property
    def is_inbound(self) -> bool:
        """Report whether the host receives."""
        return self.direction == "Inbound"


INBOUND = Side("Inbound", Field.DST, Field.DPORT, Field.SRC, Field.SPORT)
OUTBOUND = Side("Outbound", Field.SRC, Field.SPORT, Field.DST, Field.DPORT)


class Matcher:
    """Makes matches of the rules of one host, in one direction."""

    def __init__(self, host: Host, side: Side, owners: Owners):
        self._host = host
        self._side = side
        self._owners = owners

    def match(self, rule: FirewallRule) -> Match:
        """The packets that a rule matches, whatever its action, its profiles and whether it is enabled."""
        found = ALWAYS
        for part in self._parts(rule):
            found = found & within(found.possible, part)
            if not found.possible:
                return NEVER
        return found

    def _parts(self, rule: FirewallRule) -> Iterator[Match]:
        yield for_release(rule, self._host)
        yield self._protected(rule)
        yield self.traffic(rule)
        yield self._addresses(rule, "LocalAddress", self._side.local)
        yield self._remote(rule)
        yield self._interfaces(rule)
        yield self._listener(rule)
        yield from self._others(rule)
        yield from unclear(rule)

    # ---------------------------------------------------------------- protocol and ports

    def traffic(self, rule: FirewallRule) -> Match:
        """The packets of the protocol and the ports of a rule."""
        listed = rule.restriction("Protocol")
        if not listed:
            loose = [name for name in ("LocalPort", "RemotePort") if rule.restriction(name)]
            return Match.doubtful(doubt(Why.VALUE, f"{loose[0]} without Protocol")) if loose else ALWAYS
        number = protocol(listed[0]) if len(listed) == 1 else None
        if number is None:
            return Match.doubtful(doubt(Why.VALUE, f"Protocol {', '.join(listed)}"))
        if number in (ICMP, ICMPV6):
            return icmp(number, rule.restriction("IcmpType"))
        found = Match.exact(having(Field.PROTOCOL, ((number, number),)))
        return found & self._ports(rule) if number in (TCP, UDP) else found

    def _ports(self, rule: FirewallRule) -> Match:
        found = ALWAYS
        for name, field in (("LocalPort", self._side.local_port), ("RemotePort", self._side.remote_port)):
            named = ports(rule.restriction(name), self._host)
            found = found & between(having(field, named.sure), having(field, named.possible), named.doubts)
        return found

    # ---------------------------------------------------------------- addresses

    def _remote(self, rule: FirewallRule) -> Match:
        if elsewhere := rule.restriction("RemoteDynamicKeywordAddresses"):
            return Match.doubtful(doubt(Why.ADDRESS_LIST, ", ".join(elsewhere)))
        return self._addresses(rule, "RemoteAddress", self._side.remote)

    def _addresses(self, rule: FirewallRule, name: str, field: Field) -> Match:
        if not rule.restriction(name):
            return ALWAYS
        known, found = Addresses(), NEVER
        for text in rule.restriction(name):
            try:
                known = known | plain(text)
            except ValueError:
                found = found | self._word(text, field)
        return found | Match.exact(among(field, known))

    def _word(self, text: str, field: Field) -> Match:
        named = word(text)
        if text == ANY:
            return ALWAYS
        if named is None or field is not self._side.remote:
            return Match.doubtful(doubt(Why.HOST_NAME, text))
        name, version = named
        meant = self._meaning(name, text)
        return meant & Match.exact(having(Field.VERSION, ((version, version),))) if version else meant

    def _meaning(self, name: str, text: str) -> Match:
        interfaces = self._host.interfaces
        if interfaces is not None and name.lower() == LOCAL_SUBNET.lower():
            return self._local_subnet(interfaces)
        keyword = next((one for one in SERVERS if one.lower() == name.lower()), "")
        servers = [one.keywords.get(keyword) for one in interfaces or ()]
        if interfaces is None or not keyword or None in servers:
            return Match.doubtful(doubt(Why.ADDRESS_KEYWORD, text))
        return Match.exact(box for found in servers if found is not None for box in among(self._side.remote, found))

    def _local_subnet(self, interfaces: tuple[Interface, ...]) -> Match:
        """Each interface with its own networks for certain; with those of another one perhaps."""
        every = Addresses() if self._side.is_inbound else MULTICAST  # nobody sends from these
        for interface in interfaces:
            every = every | interface.networks
        possible, why = among(self._side.remote, every), (doubt(Why.LOCAL_SUBNET),)
        if self._side.is_inbound and sum(bool(one.networks) for one in interfaces) == 1:
            return Match.exact(possible)
        return between(boxes(self._beside(one, version) for one in interfaces for version in (4, 6)), possible, why)

    def _beside(self, interface: Interface, version: int) -> Box | None:
        return Box.of(
            {
                Field.VERSION: ((version, version),),
                self._side.local: interface.addresses.family(version),
                self._side.remote: interface.networks.family(version),
            }
        )

    # ---------------------------------------------------------------- who listens, or sends

    def _listener(self, rule: FirewallRule) -> Match:
        """What the listeners of the host say of a rule for a program, a service or a package."""
        members = restricts(rule)
        if not members:
            return ALWAYS
        why = tuple(self._who(rule, name) for name in members)
        if not self._side.is_inbound:
            return Match(NEVER.sure, ALWAYS.possible, why)
        kernel = self._owners.is_for_system(rule)
        sure = [*(having(Field.PROTOCOL, _KERNEL) if kernel else ())]
        possible = [*(having(Field.PROTOCOL, _KERNEL) if kernel is not False else ())]
        for number in (TCP, UDP):
            held = self._owners.held(rule, number)
            not_theirs = complement(held.by_others, LAST[Field.DPORT])
            for found, ranges in ((sure, held.by_it), (possible, not_theirs)):
                found += boxes([Box.of({Field.PROTOCOL: ((number, number),), Field.DPORT: ranges})])
        return Match(tuple(sure), (*possible, *having(Field.PROTOCOL, _WITHOUT_LISTENERS)), why)

    def _who(self, rule: FirewallRule, name: str) -> Doubt:
        why = {"Program": Why.PROGRAM, "Service": Why.SERVICE, "Package": Why.PACKAGE}[name]
        return doubt(why if self._side.is_inbound else Why.SENDER, ", ".join(rule.restriction(name)))

    # ---------------------------------------------------------------- interfaces and profiles

    def _interfaces(self, rule: FirewallRule) -> Match:
        found = ALWAYS
        if listed := rule.restriction("InterfaceAlias"):
            aliases = {alias.lower() for alias in listed}
            is_pattern = any(sign in alias for alias in aliases for sign in "*?[")
            meant = self.at(lambda one: None if is_pattern else one.alias.lower() in aliases, ", ".join(listed))
            found = found & meant
        if listed := rule.restriction("InterfaceType"):
            kinds = flags(rule.members.get("InterfaceType"), INTERFACE_BITS)
            what = f"an interface of type {', '.join(sorted(kinds or listed))}"
            found = found & self.at(lambda one: one.type in kinds if kinds is not None and one.type else None, what)
        return found

    def at(self, is_meant: Callable[[Interface], bool | None], what: str, why: Why = Why.INTERFACE) -> Match:
        """The packets on the interfaces that are meant: of others their addresses are known."""
        here, elsewhere = Addresses(), Addresses()
        for interface in self._host.interfaces or ():
            answer = is_meant(interface)
            here = here | interface.addresses if answer else here
            elsewhere = elsewhere | interface.addresses if answer is False else elsewhere
        local = self._side.local
        return between(among(local, here), among(local, EVERY_ADDRESS - elsewhere), (doubt(why, what),))

    def in_profiles(self, names: frozenset[str]) -> Match:
        """The packets on interfaces whose connection has one of these profiles."""
        if names >= set(PROFILES) or not names:
            return ALWAYS if names else NEVER

        def is_meant(interface: Interface) -> bool | None:
            profile = CATEGORIES.get(interface.category)
            return None if profile is None else profile in names

        return self.at(is_meant, " or ".join(sorted(names)), Why.PROFILE)

    # ---------------------------------------------------------------- everything else

    def _protected(self, rule: FirewallRule) -> Match:
        """What needs IPsec passes never where the host has no rule that could provide it."""
        asked = {name: value for name in _PROTECTION if (value := rule.named(name)) not in (None, "NotRequired")}
        if not asked:
            return ALWAYS
        if self._host.ipsec == () and any(value in NUMBERS[name].values() for name, value in asked.items()):
            return NEVER
        return Match.doubtful(doubt(Why.IPSEC, ", ".join(f"{name} {value}" for name, value in asked.items())))

    def _others(self, rule: FirewallRule) -> Iterator[Match]:
        for name in _PEOPLE:
            if listed := rule.restriction(name):
                yield Match.doubtful(doubt(Why.USER, f"{name} {', '.join(listed)}"))
        if rule.restriction("DynamicTarget"):
            yield Match.doubtful(doubt(Why.TRANSPORT, f"DynamicTarget {', '.join(rule.restriction('DynamicTarget'))}"))
        if (status := rule.named("PrimaryStatus")) not in (None, "OK"):
            yield Match.doubtful(doubt(Why.STATUS, status))
        if self._side.is_inbound and rule.named("EdgeTraversalPolicy") != "Allow" and self._host.addresses & _TEREDO:
            yield between(among(Field.DST, EVERY_ADDRESS - _TEREDO), ALWAYS.sure, (doubt(Why.TEREDO),))
