"""The configurations of a site's points as they are read from files, and whether the site fits them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from portwright.check.points import Reading
from portwright.errors import InvalidInput, Problem
from portwright.site.model import Site
from portwright.source import Source

_LISTED = 12  # interfaces that a hint spells out


def read_points(
    configs: Mapping[str, tuple[str, str]], profiles: Mapping[str, str] | None = None
) -> dict[str, Reading]:
    """The configurations of points: name -> (platform, file); and of those with several profiles the one in force.

    Raises InvalidInput with the problems of all files.
    """
    from portwright import platforms
    from portwright.files import read_text

    readings: dict[str, Reading] = {}
    problems: list[Problem] = []
    for name, (platform, file) in configs.items():
        try:
            text = read_text(file)
            readings[name] = Reading(platforms.read(platform, text, file, (profiles or {}).get(name)), text)
        except InvalidInput as wrong:
            problems.extend(_as_configuration_of(name, problem) for problem in wrong.problems)
    if problems:
        raise InvalidInput(problems)
    return readings


def _as_configuration_of(point: str, problem: Problem) -> Problem:
    """A problem with a whole file says whose configuration it is meant to be."""
    hint = f"it is given as the configuration of {point}"
    return replace(problem, hint=hint) if not problem.line and not problem.hint else problem


def without_host(site: Site) -> Iterator[Problem]:
    """Points that guard one host, and the site does not say which."""
    from portwright.platforms import ON_HOSTS

    for name, point in site.points.items():
        if point.config is not None and point.platform in ON_HOSTS and point.on is None:
            message = f"{point.platform} guards the host on which it runs"
            hint = "say under 'on' which host that is"
            yield Problem(point.source.file, point.source.line, 0, f"enforcement.{name}", message, hint)


def unknown_platforms(site: Site) -> Iterator[Problem]:
    """Platforms of configurations that nothing here can read."""
    from portwright.platforms import PLATFORMS

    for name, point in site.points.items():
        if point.config is not None and point.platform not in PLATFORMS:
            message = f"no configuration of platform '{point.platform}' can be read"
            yield _problem_at(point.source, f"enforcement.{name}.platform", message, tuple(PLATFORMS))


def unknown_interfaces(site: Site, readings: Mapping[str, Reading]) -> Iterator[Problem]:
    """Interfaces that the site names and that the configuration of the point does not have.

    A platform that declares no interfaces (nftables) may have any, mentioned or not.
    """
    for name, reading in readings.items():
        known = reading.configuration.interfaces.names
        for zone, interface in (
            site.points[name].interfaces.items() if reading.configuration.declares_interfaces else ()
        ):
            if interface not in known:
                message = f"{reading.configuration.file} has no interface '{interface}'"
                yield _problem_at(site.points[name].source, f"enforcement.{name}.interfaces.{zone}", message, known)


def _problem_at(source: Source, path: str, message: str, known: Sequence[str]) -> Problem:
    """A problem at a line of the site file, with the names that would be right."""
    hint = f"known: {', '.join(known[:_LISTED])}{' and more' if len(known) > _LISTED else ''}" if known else ""
    return Problem(source.file, source.line, 0, path, message, hint)
