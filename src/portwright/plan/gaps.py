"""What a plan cannot settle, as findings: nothing that nobody said is taken for granted."""

from collections.abc import Iterator, Sequence
from datetime import date

from portwright.catalog.model import Component, Requirement, Service
from portwright.findings import Finding, Kind
from portwright.plan.model import Endpoint, RequiredFlow
from portwright.site.model import Site


def unplaced(site: Site, component: Component, requirements: Sequence[Requirement]) -> Finding:
    """A component that is needed, that nobody placed, and whose absence nobody explained."""
    sources = site.catalog.components
    first = requirements[0] if requirements else None
    why = f"; the {sources[first.source].title} needs it to {first.purpose}" if first else ""
    return Finding(
        Kind.UNPLACED,
        f"nobody placed {component.id} ({component.title}){why}",
        subject=component.id,
        requirements=tuple(requirement.id for requirement in requirements),
        citations=tuple(dict.fromkeys(cited for one in requirements for cited in one.citations)),
        fix=f"give a host the role {component.id}, or say under 'absent' why the site does without",
        place=site.file,
    )


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
        fix="give the server a fixed port, and its role the option 'port'",
        place=_place(destination),
    )


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
