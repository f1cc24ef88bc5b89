"""What a proposed configuration of a point means for a site, as `diff --site` asks it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from portwright.check.effects import effects
from portwright.check.points import Reading
from portwright.check.readings import unknown_interfaces
from portwright.check.run import Check
from portwright.cli.site import read, refuse, with_configurations
from portwright.errors import InvalidInput
from portwright.plan.make import make_plan
from portwright.policy.configuration import Configuration
from portwright.report.effects import SiteComparison
from portwright.site.load import load_site
from portwright.site.model import Site
from portwright.trace.changes import scenario_changes


@dataclass(frozen=True, slots=True)
class Side:
    """One of two configurations that are compared."""

    file: str
    configuration: Configuration
    text: str

    @property
    def reading(self) -> Reading:
        """The configuration as a point's."""
        return Reading(self.configuration, self.text)


def compare_on(
    site: str,
    point: str | None,
    old: Side,
    new: Side,
    configs: Iterable[str],
    today: datetime | None,
    same_commands: bool,
) -> SiteComparison:
    """The effects of `new` in place of `old` at a point of a site. Raises InvalidInput."""
    loaded = with_configurations(load_site(Path(site)), configs)
    name = point_of(loaded, point, old, new)
    refuse(problem for side in (old, new) for problem in unknown_interfaces(loaded, {name: side.reading}))
    own = replace(loaded.points[name], config=None)
    others = read(replace(loaded, points={**loaded.points, name: own}))
    plan = make_plan(loaded.catalog, loaded, today=today.date() if today else None)
    before = Check(plan, {**others, name: old.reading})
    after = before.instead(name, new.reading)
    texts = {reading.configuration.file: reading.text for reading in others.values()}
    texts |= {side.configuration.file: side.text for side in (old, new)}
    changes = tuple(scenario_changes(plan, before.judge, after.judge))
    return SiteComparison(effects(before, after, name, same_commands), after, changes, texts)


def point_of(site: Site, name: str | None, old: Side, new: Side) -> str:
    """The point that is meant: the one that runs OLD, or the only one that the two fit. Raises InvalidInput."""
    known = ", ".join(site.points) or "none"
    if name is not None:
        if name not in site.points:
            raise InvalidInput.of(f"--point {name}: there is no such point", hint=f"the site has: {known}")
        return name
    running = [point.name for point in site.points.values() if point.config and _is_same(point.config, old.file)]
    found = running or list(_fitting(site, old, new))
    if len(found) != 1:
        raise InvalidInput.of("it is not clear which point the configurations are of", hint=f"--point, one of: {known}")
    return found[0]


def _is_same(config: Path, file: str) -> bool:
    try:
        return config.resolve() == Path(file).resolve()
    except (OSError, ValueError):
        return False


def _fitting(site: Site, old: Side, new: Side) -> Iterator[str]:
    """The points of the platform of OLD all of whose interfaces both configurations have."""
    for name, point in site.points.items():
        has_all = all(
            interface in side.configuration.interfaces.names
            for side in (old, new)
            for interface in point.interfaces.values()
        )
        if point.platform == old.configuration.platform and has_all:
            yield name
