"""What a choice costs: the same site planned with every value of a setting, side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from portwright.catalog.model import Setting
from portwright.errors import InvalidInput
from portwright.findings import Finding, Kind
from portwright.packets.fields import PORT_PROTOCOLS
from portwright.packets.intervals import Intervals, normalize
from portwright.packets.names import protocol_name
from portwright.plan.model import Plan, RequiredFlow
from portwright.plan.narrow import crossings
from portwright.shapes import suggestion
from portwright.site.model import Host, Instance, Site

Pair = tuple[str, str]  # names of source and destination


@dataclass(frozen=True, slots=True)
class Openings:
    """What is open: how many ports, and which protocols that have none."""

    ports: int = 0
    protocols: tuple[str, ...] = ()
    is_whole: bool = True  # False: more is needed, on ports that nobody can name yet

    def __str__(self) -> str:
        parts = [f"{self.ports:,}"] if self.ports or not self.protocols else []
        text = " + ".join([*parts, *self.protocols])
        return text if self.is_whole else f"at least {text}"


@dataclass(frozen=True, slots=True)
class Alternative:
    """The site with one value of the setting."""

    value: str
    is_current: bool
    plan: Plan
    points: Mapping[str, int]  # at each point the distinct openings: protocols with their ports, whoever uses them
    pairs: Mapping[Pair, Openings]  # between two ends; what IPsec carries is not open
    is_whole: bool  # False: flows are needed that nobody can count yet
    unsettled: tuple[Finding, ...]  # findings that not every value has


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every value of a setting, and the pairs for which it matters."""

    site: Site
    setting: Setting
    alternatives: tuple[Alternative, ...]
    differing: tuple[Pair, ...]


def compare(site: Site, name: str, make: Callable[[Site], Plan]) -> Comparison:
    """The site with each value of a setting, on every host. Raises InvalidInput for a setting without known values."""
    setting = _setting(site, name)
    plans = {value: make(_with(site, name, value)) for value in _values(setting)}
    common = set.intersection(*({found.id for found in plan.findings} for plan in plans.values()))
    alternatives = tuple(
        _alternative(value, site.setting(name) == value, plan, common) for value, plan in plans.items()
    )
    pairs = dict.fromkeys(pair for one in alternatives for pair in one.pairs)
    differing = [pair for pair in pairs if len({one.pairs.get(pair, Openings()) for one in alternatives}) > 1]
    return Comparison(site, setting, alternatives, tuple(differing))


def _setting(site: Site, name: str) -> Setting:
    settings = site.catalog.settings
    if name not in settings:
        raise InvalidInput.of(f"--compare {name[:60]}: there is no such setting", hint=suggestion(name, settings))
    if not _values(settings[name]):
        comparable = ", ".join(sorted(one.name for one in settings.values() if _values(one)))
        kind = settings[name].kind.partition("-")[0]
        message = f"--compare {name}: it is a {kind}, and only what has a list of values can be compared"
        raise InvalidInput.of(message, hint=f"these have: {comparable}")
    return settings[name]


def _values(setting: Setting) -> tuple[str, ...]:
    return ("false", "true") if setting.kind == "switch" else setting.values


def _with(site: Site, name: str, value: str) -> Site:
    """The site with this value everywhere: what hosts and instances say of it themselves is put aside."""

    def without(settings: Mapping[str, str]) -> dict[str, str]:
        return {key: own for key, own in settings.items() if key != name}

    def instance(one: Instance) -> Instance:
        return replace(one, options=without(one.options)) if name in one.options else one

    def host(one: Host) -> Host:
        if name not in one.settings and not any(name in placed.options for placed in one.instances):
            return one
        return replace(one, settings=without(one.settings), instances=tuple(map(instance, one.instances)))

    hosts, groups = ({key: host(one) for key, one in found.items()} for found in (site.hosts, site.groups))
    return replace(site, settings={**site.settings, name: value}, hosts=hosts, groups=groups)


def _alternative(value: str, is_current: bool, plan: Plan, common: set[str]) -> Alternative:
    unnamed = _unnamed(plan)
    points = {name: len({_opening(flow) for flow, _ in crossed}) for name, crossed in crossings(plan).items()}
    flows: dict[Pair, list[RequiredFlow]] = {pair: [] for pair in unnamed}
    for flow in plan.flows:
        if not flow.tunneled:
            flows.setdefault((flow.source.name, flow.destination.name), []).append(flow)
    pairs = {pair: _openings(found, pair not in unnamed) for pair, found in flows.items()}
    is_whole = all(found.kind is not Kind.UNDECIDED for found in plan.findings)
    unsettled = tuple(found for found in plan.findings if found.id not in common)
    return Alternative(value, is_current, plan, points, pairs, is_whole, unsettled)


def _unnamed(plan: Plan) -> frozenset[Pair]:
    """The ends between which something is needed on a port that no rule can name."""
    ids = [found.flow for found in plan.findings if found.flow and found.flow not in plan.by_id]
    ends = [id.partition("/")[2].partition(">") for id in ids]
    return frozenset((source, destination) for source, _, destination in ends)


def _opening(flow: RequiredFlow) -> tuple[int, Intervals, int | None]:
    return flow.protocol, flow.ports, flow.icmp_type


def _openings(flows: list[RequiredFlow], is_whole: bool) -> Openings:
    by_protocol: dict[int, list[Intervals]] = {}
    for flow in flows:
        by_protocol.setdefault(flow.protocol, []).append(flow.ports)
    ports = sum(
        last - first + 1
        for protocol, found in by_protocol.items()
        if protocol in PORT_PROTOCOLS
        for first, last in normalize(pair for ranges in found for pair in ranges)
    )
    others = tuple(protocol_name(protocol) for protocol in sorted(by_protocol) if protocol not in PORT_PROTOCOLS)
    return Openings(ports, others, is_whole)
