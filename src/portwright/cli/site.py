"""Loading a site with its plan and configurations, as several commands need it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from portwright.check.points import Reading
from portwright.check.readings import read_points, unknown_interfaces, unknown_platforms, without_host
from portwright.cli.saving import Input
from portwright.errors import InvalidInput, Problem
from portwright.plan.make import make_plan
from portwright.plan.model import Plan
from portwright.site.load import load_site
from portwright.site.model import Site
from portwright.site.own import own_products
from portwright.yamlfile import load_document


def load(site: str, configs: Iterable[str], today: date | None) -> tuple[Plan, dict[str, Reading]]:
    """The plan of a site and the configurations of its points, those of `--config POINT=FILE` in place of its own."""
    loaded = with_configurations(load_site(Path(site)), configs)
    readings = read(loaded)
    return make_plan(loaded.catalog, loaded, today=today), readings


def read(loaded: Site) -> dict[str, Reading]:
    """The configurations of the points of a site. Raises InvalidInput."""
    refuse(unknown_platforms(loaded))
    refuse(without_host(loaded))
    files = {
        name: (point.platform, _shown(point.config))
        for name, point in loaded.points.items()
        if point.config is not None
    }
    profiles = {name: point.profile for name, point in loaded.points.items() if point.profile is not None}
    readings = read_points(files, profiles)
    refuse(unknown_interfaces(loaded, readings))
    return readings


def inputs(site: str, loaded: Site) -> Iterator[Input]:
    """The files that a command reads for a site: its own, product files, the configurations of its points."""
    path = Path(site)
    yield Input(path, "the site file")
    products = own_products(load_document(path), path.parent)
    yield from (Input(product, "a product file of the site") for product in products)
    for point in loaded.points.values():
        if point.config is not None:
            yield Input(point.config, f"a configuration of {point.name}")


def refuse(problems: Iterable[Problem]) -> None:
    """Raise InvalidInput when there are any."""
    if found := list(problems):
        raise InvalidInput(found)


def _shown(path: Path) -> str:
    """A path as the user would write it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):  # it lies elsewhere, or the current folder is gone
        return str(path)


def with_configurations(site: Site, configs: Iterable[str]) -> Site:
    """The site with other configuration files. Raises InvalidInput for a point that it does not have."""
    points, given = dict(site.points), set[str]()
    for entry in configs:
        name, equals, file = entry.partition("=")
        if not equals or name not in points:
            known = ", ".join(points) or "none"
            raise InvalidInput.of(f"--config {entry}: is no POINT=FILE of this site", hint=f"its points: {known}")
        if name in given:
            raise InvalidInput.of(f"--config {entry}: {name} has a configuration already", hint="give one per point")
        given.add(name)
        points[name] = replace(points[name], config=Path(file))
    return replace(site, points=points)


def today_option(function: click.decorators.FC) -> click.decorators.FC:
    """`--today`, which decides what has expired."""
    return click.option(
        "--today",
        metavar="DATE",
        type=click.DateTime(["%Y-%m-%d"]),
        help="Judge expiry dates as of this day (default: today).",
    )(function)


def config_option(function: click.decorators.FC) -> click.decorators.FC:
    """`--config`, once per point."""
    return click.option(
        "--config", "configs", multiple=True, metavar="POINT=FILE", help="Configuration to use for a point; repeatable."
    )(function)
