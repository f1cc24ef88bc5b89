"""Reads the blocks of a file one after the other and sorts them by subject; nothing is worked out yet.

What a block refers to may stand further down, so the meaning is worked out in `policy` when all has been read.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from portwright.platforms.cisco_asa.access_lists import (
    EXTENDED,
    IPV6,
    AccessList,
    is_inactive,
    is_remark,
    kind_of,
)
from portwright.platforms.cisco_asa.commands import WITH_BODY, inert_group
from portwright.platforms.cisco_asa.doubts import is_inert
from portwright.platforms.cisco_asa.inspection import ServicePolicies, is_typed
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Block, Line, NotUnderstood
from portwright.platforms.cisco_asa.nat import is_legacy
from portwright.platforms.cisco_asa.objects import GROUP_KINDS, Definition, Objects
from portwright.platforms.cisco_asa.routing import StaticRoute, read_route
from portwright.platforms.cisco_asa.tunnels import Tunnels, read_pool
from portwright.platforms.cisco_asa.values import Addresses, parse_ip

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")
_OLDEST = (8, 3)
_LEGACY_HINT = (
    "before 8.3 access lists hold translated addresses: export the configuration of an ASA with release 8.3 or later"
)
_THREAT_DEFENSE = "Firepower Threat Defense keeps its access rules outside this text"
_PROMPT = re.compile(r"[\w./()-]{1,80}[#>]")


@dataclass(frozen=True, slots=True)
class Binding:
    """An `access-group` line."""

    access_list: str
    direction: str  # in, out or global
    interface: str  # empty for global
    line: Line


@dataclass(slots=True)
class Draft:
    """Everything that was read."""

    objects: Objects
    release: tuple[int, int] | None = None
    hostname: Line | None = None
    access_lists: dict[str, AccessList] = field(default_factory=dict)
    bindings: list[Binding] = field(default_factory=list)
    interfaces: list[Block] = field(default_factory=list)
    routes: list[StaticRoute] = field(default_factory=list)
    object_nat: list[tuple[str, Line]] = field(default_factory=list)
    twice_nat: list[Line] = field(default_factory=list)
    time_ranges: dict[str, Line] = field(default_factory=dict)
    policies: ServicePolicies = field(default_factory=ServicePolicies)
    tunnels: Tunnels = field(default_factory=Tunnels)
    inter_interface: bool = False  # same-security-traffic permit
    intra_interface: bool = False
    management_access: str = ""  # the interface that tunnels may reach from another one
    transparent: Line | None = None
    routing_protocols: list[Line] = field(default_factory=list)
    multicast: Line | None = None
    doubtful: list[Line] = field(default_factory=list)  # commands of `doubts.COMMANDS`
    reverse_path: list[Line] = field(default_factory=list)  # `ip verify reverse-path interface NAME`

    def nat_lines(self) -> Iterator[Line]:
        """Every translation rule as written."""
        yield from self.twice_nat
        yield from (line for _, line in self.object_nat)


class Reader:
    """Sorts blocks into a draft."""

    def __init__(self, ledger: Ledger, configuration: range):
        self._ledger = ledger
        self._configuration = configuration  # the lines that are the running-config
        self.draft = Draft(Objects(ledger))
        self._said: list[tuple[str, ...]] = []  # every command that is modelled, without what is below it
        self._taken_back: list[Block] = []  # and every `no` in front of one

    def read(self, block: Block) -> None:
        """Take in one block."""
        words = block.head.words
        read = _find(words)
        if read is not None:
            self._said.append(words)
            read(self, block)
        elif words[0] == "no" and _find(words[1:]) is not None:
            self._taken_back.append(block)
        elif _is_inert(words) or _is_prompt(block) or block.head.number not in self._configuration:
            self._ledger.inert_block(block)
        else:
            self._unknown(block)

    def finish(self) -> None:
        """A `no` whose command the file has takes something back: what is left of it is not worked out.

        A device prints `no` only for what is not there; a change pasted behind a running-config has others.
        """
        said = sorted(self._said) if self._taken_back else []
        for block in self._taken_back:
            words = block.head.words[1:]
            at = bisect_left(said, words)
            if said[at : at + 1] and said[at][: len(words)] == words:
                self._unknown(block)
            else:
                self._ledger.inert_block(block)

    def _unknown(self, block: Block) -> None:
        command = " ".join(block.head.words[:2]) if block.head.words[0] == "no" else block.head.words[0]
        self._ledger.modelled()
        self._ledger.not_understood(block.head, f"unknown command '{command[:40]}'", "point")
        self._ledger.inert(len(block.body))

    # -- releases -----------------------------------------------------------------------------------------------

    def version(self, block: Block) -> None:
        """Note the release, or refuse one that is too old or another product."""
        head, words = block.head, block.head.words
        self._ledger.inert()
        found = _VERSION.search(words[-1] if len(words) < 3 else words[2])
        if "<system>" in words:
            self.system(block)
        elif words[0] in ("NGFW", "FTD"):
            self._ledger.problem(head, "this is Firepower Threat Defense, not ASA", _THREAT_DEFENSE)
        elif words[0] != "ASA" or found is None:
            self._ledger.problem(head, f"'{head.text[:60]}' is not an ASA release", _LEGACY_HINT)
        elif (release := (int(found[1]), int(found[2]))) < _OLDEST:
            self._ledger.problem(head, f"ASA release {found[0]} is older than 8.3", _LEGACY_HINT)
        else:
            self.draft.release = release

    def legacy(self, block: Block) -> None:
        """Refuse a command of releases before 8.3."""
        self._ledger.problem(block.head, f"'{block.head.words[0]}' is a command of releases before 8.3", _LEGACY_HINT)

    def system(self, block: Block) -> None:
        """Refuse the system space of multiple context mode."""
        hint = "export the configuration of each context ('changeto context NAME', 'show running-config')"
        self._ledger.problem(block.head, "this is the system space of multiple context mode: it filters nothing", hint)

    def hostname(self, block: Block) -> None:
        """`hostname NAME`: decides nothing, and tells whose configuration it is."""
        self._ledger.inert_block(block)
        if len(block.head.words) > 1:
            self.draft.hostname = block.head

    # -- objects ------------------------------------------------------------------------------------------------

    def name(self, block: Block) -> None:
        """`name ADDRESS NAME [description TEXT]`."""
        words = block.head.words
        self._ledger.modelled()
        if len(words) < 3:
            self._ledger.not_understood(block.head, "a name without an address", "object")
            return
        if words[2] in self.draft.objects.names and self.draft.objects.names[words[2]] != words[1]:
            self._ledger.note(block.head.source(self._ledger.file), f"name {words[2]} is defined twice: the last holds")
        self.draft.objects.names[words[2]] = words[1]

    def object(self, block: Block) -> None:
        """`object {network|service} NAME`."""
        words = block.head.words
        self._ledger.modelled(1 + len(block.body))
        if len(words) < 3 or words[1] not in ("network", "service", "network-service"):
            self._unknown_definition(block)
            return
        self._define(self.draft.objects.objects, Definition(words[1], words[2], block.head), block)
        self.draft.object_nat += [(words[2], line) for line in block.body if line.words[0] == "nat"]

    def group(self, block: Block) -> None:
        """`object-group KIND NAME [tcp|udp|tcp-udp]`."""
        words = block.head.words
        self._ledger.modelled(1 + len(block.body))
        if len(words) < 3 or words[1] not in GROUP_KINDS:
            self._unknown_definition(block)
            return
        protocol = words[3] if words[1] == "service" and len(words) > 3 else ""
        self._define(self.draft.objects.groups, Definition(words[1], words[2], block.head, protocol), block)

    def _define(self, known: dict[str, Definition], definition: Definition, block: Block) -> None:
        other = self.draft.objects.groups if known is self.draft.objects.objects else self.draft.objects.objects
        if definition.name in other:
            source = block.head.source(self._ledger.file)
            self._ledger.note(source, f"{definition.name} is the name of an object and of a group")
        found = known.setdefault(definition.name, definition)
        if known is self.draft.objects.objects and found.members and found.says(block):
            self._ledger.note(
                block.head.source(self._ledger.file), f"object {found.name} is defined twice: the last holds"
            )
            found.members.clear()
        found.add(block)

    def _unknown_definition(self, block: Block) -> None:
        self._ledger.not_understood(block.head, "this kind of object is not understood", "object")

    def time_range(self, block: Block) -> None:
        """`time-range NAME`."""
        self._ledger.modelled(1 + len(block.body))
        if len(block.head.words) > 1:
            self.draft.time_ranges[block.head.words[1]] = block.head

    # -- access lists -------------------------------------------------------------------------------------------

    def access_list(self, block: Block) -> None:
        """`access-list NAME ...`: remarks, inactive entries and entries."""
        words = block.head.words
        if words[2:3] == ("advanced",):
            self._ledger.problem(block.head, "an advanced access list belongs to Threat Defense", _THREAT_DEFENSE)
        if words[1:3] == ("cached", "ACL") or words[1:2] in (("alert-interval",), ("deny-flow-max",)):
            self._ledger.inert()
            return
        if len(words) < 3:
            self._ledger.not_understood(block.head, "an access list without an entry", "point")
            return
        self._entry(words[1], kind_of(words), is_remark(words), block.head)

    def ipv6_access_list(self, block: Block) -> None:
        """`ipv6 access-list NAME ...` of releases before 9.0."""
        words = block.head.words
        if len(words) < 4:
            self._ledger.not_understood(block.head, "an access list without an entry", "point")
            return
        self._entry(words[2], IPV6, is_remark(words[1:]), block.head)

    def _entry(self, name: str, kind: str, remark: bool, line: Line) -> None:
        found = self.draft.access_lists.setdefault(name, AccessList(name, kind, line))
        decides = not remark and kind in (EXTENDED, IPV6) and not is_inactive(line.words)
        (self._ledger.modelled if decides else self._ledger.inert)()
        if not found.is_in_order(line.words):
            self._ledger.not_understood(line, "an entry that goes in front of others", "point")
        if remark:
            return
        if not found.lines:
            found.kind = kind
        found.lines.append(line)

    def access_group(self, block: Block) -> None:
        """`access-group NAME {in|out} interface IF` or `access-group NAME global`."""
        words = block.head.words
        self._ledger.modelled()
        if words[2:3] == ("global",) and len(words) == 3:
            self.draft.bindings.append(Binding(words[1], "global", "", block.head))
        elif words[2:4] in (("in", "interface"), ("out", "interface")) and len(words) > 4:
            if "control-plane" not in words[5:]:  # that is about traffic to the firewall itself
                self.draft.bindings.append(Binding(words[1], words[2], words[4], block.head))
        else:
            problem = "an access-group that is not understood"
            self._ledger.problem(block.head, problem, "access-group NAME {in|out} interface NAME, or NAME global")

    # -- the rest -----------------------------------------------------------------------------------------------

    def interface(self, block: Block) -> None:
        """`interface NAME`."""
        self.draft.interfaces.append(block)

    def nat(self, block: Block) -> None:
        """`nat (REAL,MAPPED) source ...`."""
        if is_legacy(block.head):
            self.legacy(block)
            return
        self._ledger.modelled()
        self.draft.twice_nat.append(block.head)

    def route(self, block: Block) -> None:
        """`route IF NETWORK MASK GATEWAY`."""
        self._ledger.modelled()
        try:
            route = read_route(block.head, self.draft.objects.names)
        except NotUnderstood as problem:
            self._ledger.not_understood(block.head, problem, "object")
            self.draft.routing_protocols.append(block.head)
            return
        if route is not None:
            self.draft.routes.append(route)

    def same_security(self, block: Block) -> None:
        """`same-security-traffic permit {inter-interface|intra-interface}`."""
        self._ledger.modelled()
        self.draft.inter_interface |= block.head.words[1:3] == ("permit", "inter-interface")
        self.draft.intra_interface |= block.head.words[1:3] == ("permit", "intra-interface")

    def class_map(self, block: Block) -> None:
        """`class-map NAME`."""
        if is_typed(block):
            if block.head.words[2:3] == ("management",):
                self.draft.policies.management.add(block.head.words[-1])
            self._ledger.inert_block(block)
            return
        self._ledger.modelled(1 + len(block.body))
        self.draft.policies.classes[block.head.words[-1]] = block

    def policy_map(self, block: Block) -> None:
        """`policy-map NAME`."""
        if is_typed(block):
            self._ledger.inert_block(block)
            return
        self._ledger.modelled(1 + len(block.body))
        self.draft.policies.policies[block.head.words[-1]] = block

    def service_policy(self, block: Block) -> None:
        """`service-policy NAME {global|interface IF}`."""
        self._ledger.modelled()
        self.draft.policies.applied.append(block.head)

    def crypto_map(self, block: Block) -> None:
        """`crypto map ...` and `crypto dynamic-map ...`."""
        self._ledger.modelled(1 + len(block.body))
        self.draft.tunnels.crypto_maps.append(block.head)

    def pool(self, block: Block) -> None:
        """`ip local pool NAME FIRST-LAST`."""
        self._ledger.modelled()
        ends = read_pool(block.head.words)
        try:
            if ends is None or block.head.words[0] == "ipv6":
                raise NotUnderstood("a pool that is not understood")
            (version, first), (other, last) = (parse_ip(end, self.draft.objects.names) for end in ends)
            if version != other or first > last:
                raise NotUnderstood("the pool runs backwards")
        except NotUnderstood as problem:
            self.draft.tunnels.unknown_clients = True
            self._ledger.not_understood(block.head, problem, "object")
            return
        self.draft.tunnels.pools.append(Addresses.exact(version, ((first, last),)))

    def web(self, block: Block) -> None:
        """`webvpn`: where remote users connect."""
        self._ledger.inert_block(block)
        self.draft.tunnels.read_web(block)

    def tunnel_group(self, block: Block) -> None:
        """`tunnel-group NAME ...`."""
        self._ledger.inert_block(block)
        self.draft.tunnels.read_tunnel_group(block)

    def group_policy(self, block: Block) -> None:
        """`group-policy NAME attributes`, and what users and dynamic policies say in its place."""
        self._ledger.inert_block(block)
        self.draft.tunnels.read_group_policy(block)

    def no_permit_vpn(self, block: Block) -> None:
        """`no sysopt connection permit-vpn`."""
        self._ledger.modelled()
        self.draft.tunnels.bypasses_access_lists = block.head.words[0] != "no"

    def router(self, block: Block) -> None:
        """A routing protocol: the file does not tell all routes."""
        self._ledger.modelled()
        self._ledger.inert(len(block.body))
        self.draft.routing_protocols.append(block.head)

    def transparent(self, block: Block) -> None:
        """`firewall transparent`."""
        self._ledger.modelled()
        self.draft.transparent = block.head

    def management_access(self, block: Block) -> None:
        """`management-access NAME`."""
        self._ledger.modelled()
        self.draft.management_access = block.head.words[-1]

    def multicast(self, block: Block) -> None:
        """`multicast-routing`."""
        self._ledger.modelled()
        self.draft.multicast = block.head

    def doubtful(self, block: Block) -> None:
        """A command whose effect is not modelled exactly."""
        if is_inert(block.head):
            self._ledger.inert_block(block)
            return
        self._ledger.modelled()
        self._ledger.inert(len(block.body))
        self.draft.doubtful.append(block.head)

    def verify(self, block: Block) -> None:
        """`ip verify reverse-path interface NAME`."""
        self._ledger.modelled()
        self.draft.reverse_path.append(block.head)


def _is_inert(words: tuple[str, ...]) -> bool:
    """Report whether a command decides about no packet: it stands in the table."""
    return inert_group(words) is not None


def _is_prompt(block: Block) -> bool:
    """Report whether a line is the prompt of the session in which the configuration was shown."""
    words = block.head.words
    return _PROMPT.match(words[0]) is not None and words[1:2] in ((), ("show",), ("sh",), ("more",), ("exit",))


Read = Callable[[Reader, Block], None]
_READERS: dict[tuple[str, ...], Read] = {
    ("ASA", "Version"): Reader.version,
    ("PIX", "Version"): Reader.version,
    ("FWSM", "Version"): Reader.version,
    ("NGFW", "Version"): Reader.version,
    ("FTD", "Version"): Reader.version,
    ("static",): Reader.legacy,
    ("global",): Reader.legacy,
    ("nat-control",): Reader.legacy,
    ("fixup",): Reader.legacy,
    ("conduit",): Reader.legacy,
    ("mode", "multiple"): Reader.system,
    ("context",): Reader.system,
    ("admin-context",): Reader.system,
    ("hostname",): Reader.hostname,
    ("name",): Reader.name,
    ("object",): Reader.object,
    ("object-group",): Reader.group,
    ("time-range",): Reader.time_range,
    ("access-list",): Reader.access_list,
    ("ipv6", "access-list"): Reader.ipv6_access_list,
    ("access-group",): Reader.access_group,
    ("interface",): Reader.interface,
    ("nat",): Reader.nat,
    ("route",): Reader.route,
    ("ipv6", "route"): Reader.route,
    ("same-security-traffic",): Reader.same_security,
    ("class-map",): Reader.class_map,
    ("policy-map",): Reader.policy_map,
    ("service-policy",): Reader.service_policy,
    ("crypto", "map"): Reader.crypto_map,
    ("crypto", "dynamic-map"): Reader.crypto_map,
    ("ip", "local", "pool"): Reader.pool,
    ("ipv6", "local", "pool"): Reader.pool,
    ("webvpn",): Reader.web,
    ("tunnel-group",): Reader.tunnel_group,
    ("group-policy",): Reader.group_policy,
    ("username",): Reader.group_policy,
    ("dynamic-access-policy-record",): Reader.group_policy,
    ("sysopt", "connection", "permit-vpn"): Reader.no_permit_vpn,
    ("no", "sysopt", "connection", "permit-vpn"): Reader.no_permit_vpn,
    ("router",): Reader.router,
    ("ipv6", "router"): Reader.router,
    ("firewall", "transparent"): Reader.transparent,
    ("management-access",): Reader.management_access,
    ("multicast-routing",): Reader.multicast,
    ("ip", "verify", "reverse-path"): Reader.verify,
    ("ip", "audit"): Reader.doubtful,
    ("established",): Reader.doubtful,
    ("shun",): Reader.doubtful,
    ("filter",): Reader.doubtful,
    ("wccp",): Reader.doubtful,
    ("dynamic-filter", "enable"): Reader.doubtful,
    ("dynamic-filter", "drop"): Reader.doubtful,
    ("aaa", "authentication", "match"): Reader.doubtful,
    ("aaa", "authentication", "include"): Reader.doubtful,
    ("aaa", "authorization", "match"): Reader.doubtful,
    ("aaa", "authorization", "include"): Reader.doubtful,
}
_LONGEST = max(map(len, _READERS))


def takes_body(line: Line) -> bool:
    """Report whether indented lines belong to a command: where it is known to have some, or is not known at all."""
    words = line.words
    return words[0] in WITH_BODY or (_find(words) is None and inert_group(words) is None)


def _find(words: tuple[str, ...]) -> Read | None:
    for length in range(min(_LONGEST, len(words)), 0, -1):
        found = _READERS.get(words[:length])
        if found is not None:
            return found
    return None
