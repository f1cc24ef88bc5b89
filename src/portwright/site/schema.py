"""The format of the site file: one definition that reads it and gives its JSON Schema."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address, ip_network
from typing import Generic, TypeVar

from portwright.catalog.schema import name_of
from portwright.packets.addresses import Address, Network
from portwright.shapes import (
    DATE,
    SWITCH,
    TEXT,
    Declared,
    Json,
    Key,
    ListOf,
    Located,
    MapOf,
    Name,
    Parsed,
    Place,
    Placed,
    Record,
    Shape,
    choice,
    number,
    shorten,
)
from portwright.source import Source
from portwright.yamlfile import KIND, Mapping, Node, Scalar

T = TypeVar("T")

SCHEMA_ID = "urn:portwright:site:1"
MODES = ("nlb", "dnat", "snat", "dsr", "proxy")

# At least one letter (so that no name reads like a number or an IPv4 address) and none of the signs of flow notation.
NAME = name_of("a name", r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_][A-Za-z0-9_.-]*", "sql01")
PLATFORM = name_of("the name of a platform", r"[a-z0-9]+(?:-[a-z0-9]+)*", "cisco-asa")


def _address(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        hint = "; a network belongs into a group or a zone" if "/" in text else ""
        raise ValueError(f"'{shorten(text)}' is not an IPv4 or IPv6 address{hint}") from None


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"'{shorten(text)}' is not an IPv4 or IPv6 network like 10.1.0.0/16") from None
    raise ValueError(f"{text} has bits set beyond its prefix; the network is {meant}")


def _use(text: str) -> tuple[str, str | None]:
    host, sign, instance = text.partition("#")
    if not host or (sign and not instance):
        raise ValueError(f"'{shorten(text)}' is not a host or an instance on a host; write sql01 or sql01#CRM")
    return host, instance if sign else None


ADDRESS = Parsed("an address", _address)
NETWORK = Parsed("a network", _network)
ZONE = Name.of("zone")
HOST = Name.of("host")
POINT = Name.of("enforcement point")
COMPONENT = Name.of("component")
PORT = number("a port", 1, 65535)

Entry = Located[tuple[str, str]]  # a setting, its dotted name and its value


@dataclass(frozen=True, slots=True)
class _Settings:
    """Settings by name, nested or dotted; what each may be is for the catalog to say."""

    def read(self, node: Node, at: Place) -> tuple[Entry, ...]:
        """Every setting with its full name."""
        if not isinstance(node, Mapping):
            raise at.wrong(node, f"expected settings, a mapping, found {KIND[type(node)]}")
        return tuple(_leaves(node, at, ()))

    def schema(self) -> Json:
        """Values, or mappings of them."""
        leaf: Json = {"type": ["string", "number", "boolean"]}
        return {"type": "object", "additionalProperties": {"anyOf": [leaf, {"type": "object"}]}}


def _leaves(node: Mapping, at: Place, path: tuple[str, ...]) -> Iterator[Entry]:
    for key, item in node.items:  # depth is bounded by the reader
        name, place = (*path, key.text), at.under(key.text)
        if isinstance(item, Mapping):
            yield from _leaves(item, place, name)
        elif isinstance(item, Scalar) and not item.is_null:
            yield Located((".".join(name), item.text), item, place)
        else:
            place.note(item, "expected the value of a setting, or more settings")


SETTINGS = _Settings()


@dataclass(frozen=True, slots=True)
class Role:
    """A component placed on a host."""

    component: Located[str]
    options: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class _RoleShape:
    """A component, alone or with the options of this instance: `sql/engine: {instance: CRM, port: 51433}`."""

    def read(self, node: Node, at: Place) -> Role:
        """The role."""
        if not isinstance(node, Mapping):
            return Role(Placed(COMPONENT).read(node, at))
        if len(node.items) != 1:
            raise at.wrong(node, "a role is one component: begin the next one with '- '")
        key, item = node.items[0]
        under = at.under(key.text)
        return Role(Placed(COMPONENT).read(key, under), SETTINGS.read(item, under))

    def schema(self) -> Json:
        """A text, or an object with one property."""
        one: Json = {
            "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": SETTINGS.schema()
        }  # fmt: skip
        return {"anyOf": [COMPONENT.schema(), one]}


@dataclass(frozen=True, slots=True)
class _Pair(Generic[T]):
    """Exactly two values of one shape."""

    of: Shape[T]

    def read(self, node: Node, at: Place) -> tuple[T, T]:
        """Both."""
        values = ListOf(self.of).read(node, at)
        if len(values) != 2:
            raise at.wrong(node, f"'between' has two ends, found {len(values)}", "an end may be a list of zones")
        return values[0], values[1]

    def schema(self) -> Json:
        """An array of two."""
        return {"type": "array", "items": self.of.schema(), "minItems": 2, "maxItems": 2}


@dataclass(frozen=True, slots=True)
class ZoneEntry:
    """A zone as written."""

    networks: tuple[Located[Network], ...]
    rest: Located[bool] | None
    source: Source

    @property
    def has_rest(self) -> bool:
        """Report whether it also has what no zone names."""
        return self.rest is not None and self.rest.value


@dataclass(frozen=True, slots=True)
class HostEntry:
    """A host or a group as written."""

    zone: Located[str] | None
    addresses: tuple[Located[Address], ...]
    networks: tuple[Located[Network], ...]
    roles: tuple[Role, ...]
    uses: dict[str, tuple[Located[tuple[str, str | None]], ...]]
    settings: tuple[Entry, ...]
    without: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class VirtualEntry:
    """A virtual address as written."""

    addresses: tuple[Located[Address], ...]
    port: int | None
    mode: str
    members: tuple[str, ...]
    services: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class OutsideEntry:
    """A component that somebody else runs, as written."""

    zone: str
    names: tuple[str, ...]
    networks: tuple[Network, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class PointEntry:
    """An enforcement point as written."""

    platform: str
    config: Located[str] | None
    interfaces: dict[str, str]
    on: str | None
    profile: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class PathEntry:
    """A path as written."""

    between: tuple[tuple[str, ...], tuple[str, ...]] | None
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    through: tuple[Located[str], ...]
    back: tuple[Located[str], ...] | None
    source: Source


@dataclass(frozen=True, slots=True)
class NatEntry:
    """A translation as written."""

    at: str
    zone: str | None
    to: Located[str]
    becomes: Located[str]
    source: Source


@dataclass(frozen=True, slots=True)
class AnswerEntry:
    """An accept, except or assume entry as written: what it is about, why, and who answers for it."""

    reason: str
    owner: str
    until: date | None
    source: Source
    flow: Located[str] | None = None
    at: str | None = None
    rule: str | None = None
    line: int | None = None
    pattern: str | None = None
    rate_limits: str | None = None
    private_sources: str | None = None


@dataclass(frozen=True, slots=True)
class TestEntry:
    """A test as written."""

    __test__ = False  # not one of pytest's

    allow: Located[str] | None
    deny: Located[str] | None
    source: Source


@dataclass(frozen=True, slots=True)
class SiteFile:
    """The site file as written; names in it exist, texts in it are not parsed yet."""

    site: str
    products: tuple[Located[str], ...]
    catalog: Located[str] | None
    zones: dict[str, ZoneEntry]
    hosts: dict[str, HostEntry] = field(default_factory=dict)
    groups: dict[str, HostEntry] = field(default_factory=dict)
    virtual: dict[str, VirtualEntry] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    outside: dict[str, OutsideEntry] = field(default_factory=dict)
    settings: tuple[Entry, ...] = ()
    enforcement: dict[str, PointEntry] = field(default_factory=dict)
    paths: tuple[PathEntry, ...] = ()
    nat: tuple[NatEntry, ...] = ()
    accept: tuple[AnswerEntry, ...] = ()
    exempt: tuple[AnswerEntry, ...] = ()
    assume: tuple[AnswerEntry, ...] = ()
    tests: tuple[TestEntry, ...] = ()


def _wrong_zone(zone: ZoneEntry) -> str:
    return "" if zone.networks or zone.has_rest else "a zone has networks, or 'rest: true'"


def _wrong_host(host: HostEntry) -> str:
    return "" if host.addresses else "a host has at least one address"


def _wrong_virtual(virtual: VirtualEntry) -> str:
    return "" if virtual.addresses else "a virtual address has at least one address"


def _wrong_path(path: PathEntry) -> str:
    if (path.between is None) == (not path.sources and not path.destinations):
        return "a path has either 'between' or 'from' and 'to'"
    if path.between is None and not (path.sources and path.destinations):
        return "a path with 'from' has 'to', and the other way round"
    return "'back' goes with 'from' and 'to'" if path.between is not None and path.back is not None else ""


def _wrong_accept(entry: AnswerEntry) -> str:
    if (entry.flow is None) == (entry.rule is None):
        return "an accept entry has either 'flow' or 'rule'"
    return "an accept entry with 'rule' says 'at' which point" if entry.rule and not entry.at else ""


def _wrong_assumption(entry: AnswerEntry) -> str:
    said = [entry.line, entry.pattern, entry.rate_limits, entry.private_sources]
    kinds = "'line', 'pattern', 'rate-limits', 'private-sources'"
    return "" if len(said) - said.count(None) == 1 else f"an assumption is about one of {kinds}"


def _wrong_test(test: TestEntry) -> str:
    return "" if (test.allow is None) != (test.deny is None) else "a test has either 'allow' or 'deny'"


_SEVERAL_ZONES = ListOf(ZONE, or_one=True)
_FLOW = Placed(TEXT)
_POINTS = ListOf(Placed(POINT))
_ANSWER = {
    "reason": Key(TEXT, about="why that is right"),
    "owner": Key(TEXT, "", "who answers for it"),
    "until": Key(DATE, None, "the last day on which it holds"),
}
_CONSUMER = {
    "roles": Key(ListOf(_RoleShape()), (), "components that run here"),
    "uses": Key(
        MapOf(
            Name.of("component", "requirement"),
            ListOf(Placed(Parsed("a host or an instance on a host", _use)), or_one=True),
        ),
        {},
        "by component or requirement: the host (sql01) or instance (sql01#CRM) that serves",
    ),
    "settings": Key(SETTINGS, (), "for this host or group only"),
    "without": Key(ListOf(COMPONENT), (), "implied roles that do not apply, such as ad/member"),
}

ZONE_ENTRY = Record(
    "a zone",
    ZoneEntry,
    {
        "networks": Key(ListOf(Placed(NETWORK)), (), "IPv4 and IPv6 networks; the longest prefix wins"),
        "rest": Key(Placed(SWITCH), None, "also everything that no zone names"),
    },
    sourced="source",
    check=_wrong_zone,
)
HOST_ENTRY = Record(
    "a host",
    lambda **values: HostEntry(networks=(), **values),
    {
        "zone": Key(Placed(ZONE), None, "may be left out where the addresses say it"),
        "addresses": Key(ListOf(Placed(ADDRESS), or_one=True), about="IPv4 and IPv6 addresses"),
        **_CONSUMER,
    },
    sourced="source",
    check=_wrong_host,
)
GROUP_ENTRY = Record(
    "a group",
    lambda **values: HostEntry(addresses=(), **values),
    {
        "zone": Key(Placed(ZONE), about="the zone in which its members are"),
        "networks": Key(ListOf(Placed(NETWORK), or_one=True), (), "left out: the whole zone"),
        **_CONSUMER,
    },
    sourced="source",
)
VIRTUAL_ENTRY = Record(
    "a virtual address",
    VirtualEntry,
    {
        "address": Key(ListOf(Placed(ADDRESS), or_one=True), about="what clients connect to", name="addresses"),
        "port": Key(PORT, None, "the port of the address; left out: the one that the members listen on"),
        "mode": Key(choice("a mode", *MODES), about="what becomes of the addresses on the way to a member"),
        "members": Key(ListOf(HOST), about="the hosts behind it"),
        "services": Key(ListOf(Name.of("service")), about="clients reach these by the virtual address"),
    },
    sourced="source",
    check=_wrong_virtual,
)
OUTSIDE_ENTRY = Record(
    "an outside component",
    OutsideEntry,
    {
        "zone": Key(ZONE, about="the zone in which it is"),
        "names": Key(ListOf(TEXT), (), "host names, for reports"),
        "networks": Key(ListOf(NETWORK, or_one=True), (), "left out: the whole zone"),
    },
    sourced="source",
)
POINT_ENTRY = Record(
    "an enforcement point",
    PointEntry,
    {
        "platform": Key(PLATFORM, about="in whose language its configuration is"),
        "config": Key(Placed(TEXT), None, "a file in the folder of the site file"),
        "interfaces": Key(MapOf(ZONE, TEXT), {}, "zone: the interface behind which it lies"),
        "on": Key(HOST, None, "the host on which it runs"),
        "profile": Key(TEXT, None, "of a host firewall with several: the one in force"),
    },
    sourced="source",
)
PATH_ENTRY = Record(
    "a path",
    PathEntry,
    {
        "between": Key(_Pair(_SEVERAL_ZONES), None, "two zones, or two lists of zones: both directions"),
        "from": Key(_SEVERAL_ZONES, (), "zones from which connections are opened", "sources"),
        "to": Key(_SEVERAL_ZONES, (), "zones to which they go", "destinations"),
        "through": Key(_POINTS, about="the points in the order in which packets cross them"),
        "back": Key(_POINTS, None, "the points that the replies cross, in order; left out: the same the other way"),
    },
    sourced="source",
    check=_wrong_path,
)
NAT_ENTRY = Record(
    "a translation",
    NatEntry,
    {
        "at": Key(POINT, about="the point that translates"),
        "from": Key(ZONE, None, "only for connections from this zone", "zone"),
        "to": Key(_FLOW, about="the end that is translated: 203.0.113.10:443"),
        "becomes": Key(_FLOW, about="what it becomes: crm:443"),
    },
    sourced="source",
)
ACCEPT_ENTRY = Record(
    "an accept entry",
    AnswerEntry,
    {
        **_ANSWER,
        "flow": Key(_FLOW, None, "in flow notation"),
        "at": Key(POINT, None, "only at this point"),
        "rule": Key(TEXT, None, "a text that the rules contain"),
    },
    sourced="source",
    check=_wrong_accept,
)
EXCEPT_ENTRY = Record(
    "an exception", AnswerEntry, {**_ANSWER, "flow": Key(_FLOW, about="in flow notation")}, sourced="source"
)
ASSUME_ENTRY = Record(
    "an assumption",
    AnswerEntry,
    {
        **_ANSWER,
        "at": Key(POINT, about="the point whose configuration it is about"),
        "line": Key(number("a line", 1, 10_000_000), None, "the line of the configuration that it is about"),
        "pattern": Key(TEXT, None, "a text that the lines contain"),
        "rate-limits": Key(
            choice("what is assumed of rate limits", "not-exceeded"),
            None,
            "of all rules with a rate limit",
            "rate_limits",
        ),
        "private-sources": Key(
            choice("what is assumed of private sources", "translated"),
            None,
            "of the private addresses that leave the point for the Internet: somebody behind it translates them",
            "private_sources",
        ),
    },
    sourced="source",
    check=_wrong_assumption,
)
TEST_ENTRY = Record(
    "a test",
    TestEntry,
    {
        "allow": Key(_FLOW, None, "all of these packets pass"),
        "deny": Key(_FLOW, None, "none of these packets passes"),
    },
    sourced="source",
    check=_wrong_test,
)
SITE = Record(
    "the site file",
    SiteFile,
    {
        "site": Key(NAME, about="the name of the site"),
        "products": Key(ListOf(Placed(Name.of("product"))), about="what runs here, as the catalog calls it"),
        "catalog": Key(Placed(TEXT), None, "a folder beside this file with product files of your own"),
        "zones": Key(MapOf(Declared("zone", NAME), ZONE_ENTRY), about="networks of equal trust, by name"),
        "hosts": Key(MapOf(Declared("host", NAME), HOST_ENTRY), {}, "single machines, by name"),
        "groups": Key(MapOf(Declared("group", NAME), GROUP_ENTRY), {}, "many alike, such as the computers of users"),
        "virtual": Key(MapOf(Declared("virtual address", NAME), VIRTUAL_ENTRY), {}, "addresses of load balancers"),
        "absent": Key(MapOf(COMPONENT, TEXT), {}, "components that the site does without, and why"),
        "outside": Key(MapOf(COMPONENT, OUTSIDE_ENTRY), {}, "components that somebody else runs"),
        "settings": Key(SETTINGS, (), "how the products are installed; see the catalog"),
        "enforcement": Key(MapOf(Declared("enforcement point", NAME), POINT_ENTRY), {}, "firewalls, by name"),
        "paths": Key(ListOf(PATH_ENTRY), (), "through which points packets go between zones"),
        "nat": Key(ListOf(NAT_ENTRY), (), "where the configurations do not say it themselves"),
        "accept": Key(ListOf(ACCEPT_ENTRY), (), "excess that somebody answers for"),
        "except": Key(ListOf(EXCEPT_ENTRY), (), "a deliberate deny inside a required flow", "exempt"),
        "assume": Key(ListOf(ASSUME_ENTRY), (), "what somebody vouches for"),
        "tests": Key(ListOf(TEST_ENTRY), (), "what must pass, and what must not"),
    },
)


def json_schema() -> Json:
    """The JSON Schema of the site file, draft-07."""
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": SCHEMA_ID, "title": "Portwright site file"}
    return {**head, **SITE.schema()}
