"""Where the reading as printed and the corrected one differ, and the errata that say why."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from portwright.catalog.crossref import is_erratum
from portwright.catalog.model import Catalog, Citation, Phase, Reading, Requirement, Service, Setting, Status
from portwright.catalog.tables import PHASES, Tables, label, ports


class Change(StrEnum):
    """What the corrected reading does with what a document prints."""

    LEFT_OUT = "left out"  # printed, and not opened
    ADDED = "added"  # forgotten, and opened
    MOVED = "moved"  # printed with another port


@dataclass(frozen=True, slots=True)
class Difference:
    """One flow or listener that the two readings do not have alike."""

    change: Change
    source: str  # component; empty where a document prints a listener that nobody uses
    destination: str
    service: Service
    printed: str  # "udp 1025"; empty where it was forgotten
    corrected: str  # "tcp 443"; empty where nothing is opened
    requirement: Requirement | None
    citations: tuple[str, ...]  # where it is printed, or written otherwise
    reasons: tuple[Citation, ...]  # errata


def reasons(catalog: Catalog, requirement: Requirement) -> tuple[Citation, ...]:
    """The errata because of which a requirement is not what is printed.

    Its own; of a requirement that is right in itself, those of the settings whose printed defaults are not.
    """
    own = _errata(catalog, requirement.citations)
    if requirement.unprinted:
        return own
    if requirement.status is not Status.CURRENT:
        return own or _errata(catalog, catalog.services[requirement.service].citations)
    of_settings = (id for one in _printed_otherwise(catalog, requirement) for id in one.citations)
    return _errata(catalog, of_settings) or own


def _printed_otherwise(catalog: Catalog, requirement: Requirement) -> Iterator[Setting]:
    """The settings that are printed with another default, of those on which a requirement and its ports depend."""
    asked = [name for name, _ in requirement.when.settings if name in catalog.settings]
    ports = catalog.services[requirement.service].ports.settings
    below = (one for name in ports for when, _ in catalog.settings[name].defaults for one, _ in when.settings)
    for name in dict.fromkeys((*asked, *ports, *below)):
        setting = catalog.settings.get(name)
        if setting is not None and setting.printed:
            yield setting


def _errata(catalog: Catalog, ids: Iterable[str]) -> tuple[Citation, ...]:
    found = (catalog.citations[id] for id in dict.fromkeys(ids))
    return tuple(citation for citation in found if is_erratum(citation))


def differences(
    catalog: Catalog, products: tuple[str, ...], chosen: Mapping[str, str], phases: tuple[Phase, ...] = PHASES
) -> tuple[Difference, ...]:
    """Every flow and listener that the products have in one reading and not, or otherwise, in the other.

    Requirements that exist under other settings are compared under those, unless `chosen` speaks against it.
    """
    printed, corrected = (
        Tables.of(catalog, products, chosen, one, phases) for one in (Reading.LITERAL, Reading.CORRECTED)
    )
    before = {one.id: one for one in printed.requirements()}
    after = {one.id: one for one in corrected.requirements()}
    found = []
    for id in dict.fromkeys((*before, *after)):
        was, now = _told(printed, before.get(id)), _told(corrected, after.get(id))
        if was and now and _holds(printed, before[id]) != _holds(corrected, after[id]):
            was, now = (was, "") if _holds(printed, before[id]) else ("", now)
        if was != now:
            found.append(_difference(catalog, id, was, now))
    return (*found, *_silent(catalog, printed))


def _holds(tables: Tables, requirement: Requirement) -> bool:
    return requirement.when.holds(tables.value)


def _may_hold(requirement: Requirement, chosen: Mapping[str, str]) -> bool:
    return all(chosen.get(name, values[0]) in values for name, values in requirement.when.settings)


def _told(tables: Tables, requirement: Requirement | None) -> str:
    """Protocol and ports of a requirement under the settings that it asks for; empty where there is none."""
    if requirement is None or not _may_hold(requirement, tables.chosen):
        return ""
    asked = {name: values[0] for name, values in requirement.when.settings} | dict(tables.chosen)
    service = tables.catalog.services[requirement.service]
    return label(service, ports(tables.catalog, asked, service))


def _difference(catalog: Catalog, id: str, was: str, now: str) -> Difference:
    requirement = catalog.requirements[id]
    service = catalog.services[requirement.service]
    change = Change.MOVED if was and now else Change.LEFT_OUT if was else Change.ADDED
    cited = tuple(id for id in requirement.citations if not is_erratum(catalog.citations[id]))
    ends = (requirement.source, requirement.destination)
    return Difference(change, *ends, service, was, now, requirement, cited, reasons(catalog, requirement))


def _silent(catalog: Catalog, printed: Tables) -> Iterator[Difference]:
    """Listeners that a document prints, that nothing in it uses, and that are no longer right."""
    for service in catalog.services.values():
        is_ours = catalog.components[service.component].product in printed.products
        if is_ours and service.id not in printed.reached and service.status is not Status.CURRENT:
            why = _errata(catalog, service.citations)
            cited = tuple(id for id in service.citations if not is_erratum(catalog.citations[id]))
            said = label(service, printed.ports(service))
            yield Difference(Change.LEFT_OUT, "", service.component, service, said, "", None, cited, why)


def without_difference(catalog: Catalog, found: Iterable[Difference]) -> tuple[Citation, ...]:
    """The errata that open and close nothing: they name, explain or order what is printed."""
    told = {reason.id for one in found for reason in one.reasons}
    return tuple(one for one in catalog.citations.values() if is_erratum(one) and one.id not in told)
