"""What a site file says and its author hardly means: roles that nothing uses, and members of a domain anywhere at all.

Neither is wrong, and neither changes an answer; a plan that passed over them would surprise when it is carried out.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from portwright.catalog.model import Status
from portwright.findings import Finding, Kind
from portwright.plan.model import Endpoint, LocalUse, RequiredFlow
from portwright.site.model import Host, Site

_Used = Collection[tuple[str, str]]  # hosts, and as what they have a flow
_MOST = 2  # conditions and servers that are told of


def surprises(
    site: Site, flows: Sequence[RequiredFlow], others: Iterable[RequiredFlow], local: Iterable[LocalUse]
) -> Iterator[Finding]:
    """The findings: `flows` are those of the plan, `others` those of other phases, `local` what stays on a host."""
    used = _used(site, chain(flows, others), local)
    roles = {one.component for host in site.consumers() for one in host.instances}
    waiting = {role: conditions for role in roles if (conditions := _conditions(site, role))}
    opened: dict[str, list[RequiredFlow]] = {}
    for flow in flows:
        opened.setdefault(flow.source.name, []).append(flow)
    for host in site.consumers():
        yield from _anywhere(site, host, opened.get(host.name, ()))
        yield from _idle(site, host, waiting, used)


def _used(site: Site, flows: Iterable[RequiredFlow], local: Iterable[LocalUse]) -> _Used:
    used: set[tuple[str, str]] = set()
    for flow in flows:
        used.update((name, flow.requirement.source) for name in _hosts(site, flow.source))
        used.update((name, flow.requirement.destination) for name in _hosts(site, flow.destination))
    for use in local:
        used.update((name, part) for name in _hosts(site, use.host)
                    for part in (use.requirement.source, use.requirement.destination))  # fmt: skip
    return used


def _hosts(site: Site, endpoint: Endpoint) -> tuple[str, ...]:
    """The host, or the members of a virtual address."""
    if endpoint.host is not None:
        return (endpoint.host.name,)
    return site.virtual[endpoint.name].members if endpoint.name in site.virtual else ()


def _conditions(site: Site, role: str) -> list[str]:
    """Under which settings the role has flows, the simplest first; none where it has some under any."""
    being = _of_one_product(site, role)
    meant = [
        one
        for one in site.catalog.of(site.catalog.requirements, site.products)
        if one.status is Status.CURRENT and not being.isdisjoint((one.source, one.destination))
    ]
    if not all(one.when.settings for one in meant):
        return []
    return sorted({str(one.when) for one in meant}, key=lambda said: (len(said), said))


def _idle(site: Site, host: Host, waiting: Mapping[str, Sequence[str]], used: _Used) -> Iterator[Finding]:
    """Roles that are there only where something is set that is not: a relay to which nobody sends."""
    for role in dict.fromkeys(instance.component for instance in host.instances):
        conditions = waiting.get(role, ())
        if not conditions or any((host.name, part) in used for part in _of_one_product(site, role)):
            continue
        more = f", and {len(conditions) - _MOST} more" if len(conditions) > _MOST else ""
        yield Finding(
            Kind.NOTE,
            f"{host.name} has no flow as {role}: as this site is set, nothing needs one",
            subject=f"idle/{host.name}/{role}",
            fix=f"set what it is there for ({'; or '.join(conditions[:_MOST])}{more}), or take the role away",
            place=str(host.source),
        )


def _of_one_product(site: Site, role: str) -> frozenset[str]:
    """What a role is, without what its product takes from others: that a server is administered says nothing of it."""
    components = site.catalog.components
    own = (name for name in site.catalog.implied(role) if components[name].product == components[role].product)
    return frozenset((role, *own))


def _anywhere(site: Site, host: Host, flows: Sequence[RequiredFlow]) -> Iterator[Finding]:
    """A group that may have any address of the Internet, and reaches servers inside as what its roles imply."""
    zone = site.zones.get(host.zone)
    if not host.is_group or zone is None or not zone.rest or host.addresses != zone.addresses:
        return
    given = {instance.component for instance in host.instances}
    found = [one for one in flows if one.requirement.source not in given and one.destination.zone != host.zone]
    if not found:
        return
    role = _covering(site, given, {one.requirement.source for one in found})
    servers = list(dict.fromkeys(one.destination.name for one in found))
    more = f" and {len(servers) - _MOST} more" if len(servers) > _MOST else ""
    yield Finding(
        Kind.LINT,
        f"{host.name} may have any address of zone {host.zone}, all that no other zone names, and as {role} it needs"
        f" {len(found)} flows to {', '.join(servers[:_MOST])}{more}: they would be open to everybody",
        subject=f"anywhere/{host.name}",
        fix=f"say at {host.name}: without: [{role}]; or give it networks of its own",
        place=str(host.source),
    )


def _covering(site: Site, given: Iterable[str], sources: Collection[str]) -> str:
    """The last of the implied roles that brings all of these."""
    implied = dict.fromkeys(name for role in given for name in site.catalog.implied(role))
    covering = [name for name in implied if set(sources) <= {name, *site.catalog.implied(name)}]
    return (covering or sorted(sources))[-1]
