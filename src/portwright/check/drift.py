"""Where the site file and a host disagree: what the site says of its ports, and what the file of its firewall shows."""

from collections.abc import Iterator
from itertools import islice

from portwright.check.points import PointView
from portwright.findings import Finding, Kind
from portwright.plan.model import Plan
from portwright.policy.configuration import Observed
from portwright.policy.reference import RuleReference
from portwright.site.model import Host, Instance

_SETTING_OF = {"sandbox.port": ("crm/front-end", "crm/async", "crm/sandbox")}  # those that say no component themselves


def drift(plan: Plan, view: PointView) -> Iterator[Finding]:
    """The settings of a host that are not what the site says; nothing of software that the site puts elsewhere."""
    on = plan.site.points[view.name].on
    host = plan.site.hosts.get(on) if on is not None else None
    if host is None:
        return
    seen = view.reading.configuration.observed
    for one in seen:
        yield from (_differing(plan, view, host, one, instance) for instance in _meant(plan, host, one))
    named = {one.instance.lower() for one in seen if one.setting == "sql.port"}
    for instance in host.instances_of("sql/engine") if named and "sql/engine" in host.roles else ():
        if instance.name.lower() not in named:
            yield _finding(plan, view, host, "sql.port", instance, "there is no such instance", seen[0])


def _meant(plan: Plan, host: Host, seen: Observed) -> Iterator[Instance]:
    """The instances of which the site says something else; of a setting of the whole host the first."""
    setting = plan.site.catalog.settings.get(seen.setting)
    if setting is None:
        return
    roles = (setting.component,) if setting.component else _SETTING_OF.get(seen.setting, ())
    if not host.roles.intersection(roles):
        return
    instances = [one for role in roles for one in host.instances_of(role)]
    of_instance = seen.setting == "sql.port"
    asked = [one for one in instances if one.name.lower() == seen.instance.lower()] if of_instance else instances
    differing = (one for one in asked if plan.site.setting(seen.setting, host, one) not in seen.values)
    yield from islice(differing, None if of_instance else 1)


def _differing(plan: Plan, view: PointView, host: Host, seen: Observed, instance: Instance) -> Finding:
    return _finding(plan, view, host, seen.setting, instance, f"it is {' or '.join(seen.values)}", seen)


def _finding(
    plan: Plan, view: PointView, host: Host, setting: str, instance: Instance, really: str, seen: Observed
) -> Finding:
    of = f"{host.name}#{instance.name}" if instance.name else host.name
    said = plan.site.setting(setting, host, instance)
    return Finding(
        Kind.DRIFT,
        f"{of}: the site says {setting} {said}, and on the host {really}",
        subject=f"{setting} of {of}",
        point=view.name,
        decided_by=(RuleReference(view.name, seen.source.file, seen.source.line, seen.source.text),),
        citations=plan.site.catalog.settings[setting].citations,
        place=str(host.source),
    )
