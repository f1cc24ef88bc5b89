"""What the literal reading of the documents opens on a site and the corrected one does not, and the other way round."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from portwright.catalog.model import Catalog, Citation, Requirement, Setting
from portwright.plan.model import Plan, RequiredFlow

ERRATA = "errata"  # the reference of the citations that say why a document is read otherwise than printed


class Side(StrEnum):
    """Which reading has the flows."""

    LITERAL = "literal"  # printed, and wrong or outdated
    CORRECTED = "corrected"  # forgotten in print
    BOTH = "both"  # on other ports


@dataclass(frozen=True, slots=True)
class Difference:
    """Flows of one requirement that the readings see differently in the same way."""

    side: Side
    requirement: Requirement
    flows: tuple[RequiredFlow, ...]  # of the literal reading where it has them, else of the corrected one
    literal: str  # `tcp 80`; empty: the reading does not have them
    corrected: str
    reasons: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """The two readings of a site, held against each other."""

    literal: Plan
    corrected: Plan
    found: tuple[Difference, ...]

    def count(self, side: Side) -> int:
        """How many flows only this reading has, or how many are on other ports."""
        return sum(len(one.flows) for one in self.found if one.side is side)


def differences(literal: Plan, corrected: Plan) -> Differences:
    """What differs between the two plans of a site, requirement by requirement."""
    printed, mended = ({flow.id: flow for flow in plan.flows} for plan in (literal, corrected))
    groups: dict[tuple[str, str, str], list[RequiredFlow]] = {}
    for id in dict.fromkeys([*printed, *mended]):
        flow = printed.get(id) or mended[id]
        before, after = (plan[id].describe() if id in plan else "" for plan in (printed, mended))
        if before != after:
            groups.setdefault((flow.requirement.id, before, after), []).append(flow)
    found = tuple(_difference(literal.catalog, flows, *key[1:]) for key, flows in groups.items())
    return Differences(literal, corrected, found)


def _difference(catalog: Catalog, flows: list[RequiredFlow], literal: str, corrected: str) -> Difference:
    side = Side.BOTH if literal and corrected else Side.LITERAL if literal else Side.CORRECTED
    requirement = flows[0].requirement
    return Difference(side, requirement, tuple(flows), literal, corrected, _reasons(catalog, requirement))


def _reasons(catalog: Catalog, requirement: Requirement) -> tuple[Citation, ...]:
    """The errata behind a requirement, its service and the settings that are printed otherwise; else all its places."""
    ids = [*requirement.citations, *catalog.services[requirement.service].citations]
    for setting in _printed_otherwise(catalog, requirement):
        ids += setting.citations
    cited = [catalog.citations[id] for id in dict.fromkeys(ids)]
    return tuple(one for one in cited if one.reference == ERRATA) or tuple(cited)


def _printed_otherwise(catalog: Catalog, requirement: Requirement) -> Iterator[Setting]:
    names = [name for name, _ in requirement.when.settings]
    names += catalog.services[requirement.service].ports.settings
    while names:
        setting = catalog.settings.get(names.pop())
        if setting is not None:
            names += [name for condition, _ in setting.defaults for name, _ in condition.settings]
            if setting.printed:
                yield setting
