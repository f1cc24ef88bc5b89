"""What a plan cannot settle, as findings: nothing that nobody said is taken for granted."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice

from portwright.catalog.model import Catalog, Component, Requirement, Service
from portwright.findings import Finding, Kind
from portwright.plan.model import Endpoint, RequiredFlow
from portwright.site.model import Host, Site

Group = tuple[tuple[str, str], ...]  # settings that hosts have in common, and their values
_MOST = 3  # hosts that are told of


def unplaced(site: Site, component: Component, requirements: Sequence[Requirement], group: Group = ()) -> Finding:
    """A component that is needed, that nobody placed, and whose absence nobody explained.

    With a group: nobody placed one that belongs to it, although there are others.
    """
    belonging = " and ".join(f"{name} {value}" for name, value in group if value)
    sources = site.catalog.components
    first = requirements[0] if requirements else None
    why = f"; the {sources[first.source].title} needs it to {first.purpose}" if first else ""
    why += "".join(f"; {near}" for near in islice(_nearly(site, component, requirements), _MOST))
    return Finding(
        Kind.UNPLACED,
        f"nobody placed {component.id} ({component.title}){belonging and f' of {belonging}'}{why}",
        subject=f"{component.id}/{belonging}" if belonging else component.id,
        requirements=tuple(requirement.id for requirement in requirements),
        citations=tuple(dict.fromkeys(cited for one in requirements for cited in one.citations)),
        fix=f"give a host the role {_or(_roles(site, component))}, or say under 'absent' why the site does without",
        place=site.file,
    )


def _roles(site: Site, component: Component) -> list[str]:
    """The roles with which a host is the component; its own is the last where that is but another name of theirs."""
    catalog = site.catalog
    being = [
        name
        for name, one in catalog.components.items()
        if name != component.id and one.product in site.products
        if any(_is(catalog, part, component.id) for part in catalog.parts(name))
    ]
    is_alias = not component.implies or any(name in catalog.implied(component.id) for name in being)
    return [*being, component.id] if is_alias else [component.id, *being]


def _is(catalog: Catalog, name: str, component: str) -> bool:
    """Report whether what has the one role has the other too."""
    return component in (name, *catalog.implied(name)) and component not in catalog.lacking(name)


def _nearly(site: Site, component: Component, requirements: Sequence[Requirement]) -> Iterator[str]:
    """Hosts that look like the component and are not, such as a read-only domain controller, and who uses them."""
    catalog = site.catalog
    for host in site.hosts.values():
        if component.id in host.roles or not any(component.id in catalog.implied(role) for role in host.roles):
            continue
        lacking = [role for role in sorted(host.roles) if component.id in catalog.components[role].without]
        why = f"as {lacking[0]} it is none" if lacking else "the site says that it is none"
        sources = {requirement.source for requirement in requirements}
        users = [one.name for one in site.consumers() if sources & one.roles and _is_used(host, one)]
        yield f"{host.name}{f', which {users[0]} uses,' if users else ''} will not do: {why}"


def _is_used(host: Host, consumer: Host) -> bool:
    return any(use.host == host.name for uses in consumer.uses.values() for use in uses)


def _or(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def absent_yet_placed(site: Site) -> Iterator[Finding]:
    """Components that the site says it does without, and places."""
    for name in site.absent:
        component = site.catalog.component(name)
        parts = set(site.catalog.parts(component.id))
        places = [host.name for host in site.consumers() if parts & host.roles]
        if places:
            yield Finding(
                Kind.LINT,
                f"the site says that there is no {component.id}, and places it on {', '.join(places)}",
                subject=component.id,
                fix="take it from 'absent', or from the host",
                place=site.file,
            )


def open_choice(requirement: Requirement, title: str, source: Endpoint, endpoints: Sequence[Endpoint]) -> Finding:
    """Several hosts could serve, one does, and the site does not say which."""
    names = ", ".join(endpoint.name for endpoint in endpoints)
    return Finding(
        Kind.UNDECIDED,
        f"the site does not say which {title} {source.name} uses to {requirement.purpose}: {names}",
        subject=f"{requirement.id}/{source.name}",
        requirements=(requirement.id,),
        citations=requirement.citations,
        fix=f"say it at {source.name}: uses: {{{requirement.id}: {endpoints[0].name}}}",
        place=_place(source),
    )


def dynamic_port(requirement: Requirement, service: Service, source: Endpoint, destination: Endpoint) -> Finding:
    """The server takes another port at every start, so that no rule can name it."""
    return Finding(
        Kind.UNDECIDED,
        f"{destination.name} chooses the port of {service.title} at its start, so that no rule can name it",
        flow=f"{requirement.id}/{source.name}>{destination.name}",
        requirements=(requirement.id,),
        citations=requirement.citations,
        fix=_fixed_port(service, destination),
        place=_place(destination),
    )


def _fixed_port(service: Service, server: Endpoint) -> str:
    if server.instance is not None and server.instance.name:
        return "give the server a fixed port, and its role the option 'port'"
    names = ", ".join(f"{name}: NUMBER" for name in service.ports.settings)
    return f"give the server a fixed port, and say it at {server.name}: settings: {{{names}}}"


def unjudged(site: Site, flows: Sequence[RequiredFlow]) -> Iterator[Finding]:
    """Required flows without a path, once for each two zones, and those between ends of different IP versions."""
    pathless: dict[tuple[str, str], list[RequiredFlow]] = {}
    for flow in flows:
        if not flow.routes:
            pathless.setdefault((flow.source.zone, flow.destination.zone), []).append(flow)
        if not flow.has_common_version:
            yield _no_common_version(flow)
    for (source, destination), found in pathless.items():
        yield _pathless(site, source, destination, found)


def _pathless(site: Site, source: str, destination: str, flows: Sequence[RequiredFlow]) -> Finding:
    count = f"{len(flows)} required flow{'s' if len(flows) > 1 else ''}, first {flows[0].id}"
    return Finding(
        Kind.UNDECIDED,
        f"nobody declared a path from zone {source} to zone {destination}: {count}",
        subject=f"path/{source}>{destination}",
        requirements=tuple(dict.fromkeys(flow.requirement.id for flow in flows)),
        fix=f"add under 'paths' {{between: [{source}, {destination}], through: [...]}}; [] where no firewall stands",
        place=site.file,
        flows=tuple(flow.id for flow in flows),
    )


def _no_common_version(flow: RequiredFlow) -> Finding:
    return Finding(
        Kind.UNDECIDED,
        f"{flow.source.name} and {flow.destination.name} have no IP version in common",
        flow=flow.id,
        requirements=(flow.requirement.id,),
        citations=flow.requirement.citations,
        place=_place(flow.source),
    )


def expired(site: Site, today: date) -> Iterator[Finding]:
    """Entries under accept, except and assume whose last day is over; they no longer hold."""
    for key, entries in (("accept", site.accepts), ("except", site.exceptions), ("assume", site.assumptions)):
        for entry in entries:
            if entry.has_expired(today):
                owner = f", {entry.owner} answers for it" if entry.owner else ""
                yield Finding(
                    Kind.EXPIRED,
                    f"an entry under '{key}' held until {entry.until}: {entry.reason}{owner}",
                    subject=f"{key}/{entry.about}",
                    place=str(entry.source),
                )


def _place(endpoint: Endpoint) -> str:
    return str(endpoint.host.source) if endpoint.host else ""
