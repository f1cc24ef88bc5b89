"""Rendered configurations, proved before anybody sees them: read back like any other, and checked against the plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from portwright import platforms
from portwright.check.points import Reading
from portwright.check.report import CheckReport
from portwright.check.run import Check
from portwright.errors import InvalidInput, Problem
from portwright.plan.model import Plan, RequiredFlow
from portwright.render.intent import intent_of
from portwright.site.model import Assumption, Point, Route


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text of one point's configuration."""

    point: str
    platform: str
    text: str
    context: str  # what it takes for granted of its device

    @property
    def file_name(self) -> str:
        """A name for the file: that of the point."""
        return f"{self.point}{platforms.renderer(self.platform).SUFFIX}"


def render(plan: Plan, points: Mapping[str, str], optional: bool = False) -> tuple[Rendered, ...]:
    """The configuration of each point on its platform: name of the point -> name of the platform.

    Raises InvalidInput with every platform that nothing is written for, and for what a platform cannot express.
    """
    problems = [
        problem for name, platform in points.items() if (problem := _unwritten(plan.site.points[name], platform))
    ]
    if problems:
        raise InvalidInput(problems)
    return tuple(_rendered(plan, name, platform, optional) for name, platform in points.items())


def _rendered(plan: Plan, name: str, platform: str, optional: bool) -> Rendered:
    intent = intent_of(plan, plan.site.points[name], optional)
    renderer = platforms.renderer(platform)
    return Rendered(name, platform, renderer.render(intent), renderer.context(intent))


def prove(plan: Plan, rendered: Sequence[Rendered]) -> CheckReport:
    """The check of the rendered texts, read back, against what the plan asks of their points.

    What the plan itself leaves open, and what other points do, is not their business.
    """
    readings = {one.point: _read_back(one, plan.site.points[one.point].profile) for one in rendered}
    return Check(_asked_of(plan, readings), readings).run()


def _read_back(one: Rendered, profile: str | None) -> Reading:
    text = one.context + one.text
    return Reading(platforms.read(one.platform, text, one.file_name, profile), text)


def _asked_of(plan: Plan, points: Iterable[str]) -> Plan:
    """The plan as though there were no other points."""
    names = frozenset(points)
    flows = tuple(_seen_at(flow, names) for flow in plan.flows if names.intersection(flow.points))
    site = plan.site
    routes = {ends: _kept(found, names) for ends, found in site.declared_routes.items()}
    kept = {name: point for name, point in site.points.items() if name in names}
    site = replace(site, points=kept, declared_routes=routes, tests=())
    assumptions = (*plan.assumptions, *(_translated_behind(site.points[name]) for name in kept))
    return replace(plan, site=site, flows=flows, findings=(), unplaced=(), assumptions=assumptions)


def _translated_behind(point: Point) -> Assumption:
    """That private addresses which leave a point for the Internet are translated; what nobody declares is unwritten."""
    reason = "no translation is written that the site does not declare"
    return Assumption(point.name, None, None, None, "translated", reason, "render", None, point.source)


def leaving_bare(plan: Plan, point: str) -> tuple[RequiredFlow, ...]:
    """The required flows that leave a point last, from private addresses to the Internet.

    Somebody has to translate them; none where the site says that a device behind the point does.
    """
    if any(entry.at == point and entry.private_sources for entry in plan.assumptions):
        return ()
    return tuple(flow for flow in plan.required if _leaves_last(flow, point) and _is_bare(flow, plan))


def _leaves_last(flow: RequiredFlow, point: str) -> bool:
    ways = ([one.point for one in route.forward if one.hook == "forward"] for route in flow.routes)
    return any(way[-1:] == [point] for way in ways)


def _is_bare(flow: RequiredFlow, plan: Plan) -> bool:
    to_rest = plan.site.zones[flow.destination.zone].rest and not plan.site.zones[flow.source.zone].rest
    return to_rest and any(network.is_private for network in flow.source.addresses.networks())


def _seen_at(flow: RequiredFlow, names: frozenset[str]) -> RequiredFlow:
    return replace(flow, routes=_kept(flow.routes, names))


def _kept(routes: Iterable[Route], names: frozenset[str]) -> tuple[Route, ...]:
    """The routes without the points that do not matter."""
    return tuple(
        dict.fromkeys(
            Route(*(tuple(one for one in way if one.point in names) for way in (route.forward, route.back)))
            for route in routes
        )
    )


def _unwritten(point: Point, platform: str) -> Problem | None:
    if platform in platforms.RENDERING:
        return None
    known = ", ".join(platforms.RENDERING)
    path = f"enforcement.{point.name}.platform"
    message = f"no configuration of platform '{platform}' can be written"
    return Problem(point.source.file, point.source.line, 0, path, message, f"one of: {known}")
