"""What the parts of the catalog are called, and what is said of them in a line."""

from collections.abc import Iterable

from portwright.catalog.crossref import CrossReferences, Kind, Part
from portwright.catalog.model import Catalog, Citation, Necessity, Need, Phase, Requirement, Service, Step
from portwright.catalog.tables import label, ports

KINDS: dict[Kind, str] = {
    Kind.PRODUCT: "something that is bought or built as one",
    Kind.COMPONENT: "a deployable part of a product: the roles that a site file gives to hosts",
    Kind.SERVICE: "what a component offers, on one protocol",
    Kind.SETTING: "what an administrator can choose, ports above all",
    Kind.REQUIREMENT: "one component uses a service of another: when, and what for",
    Kind.SCENARIO: "something that people do, step by step",
    Kind.RULE: "what a vendor does not support, or a careful person does not do",
    Kind.PRECONDITION: "what must be true besides open ports: the checklist",
    Kind.CITATION: "a place in a document, and what it says",
    Kind.REFERENCE: "a document",
}
PHASES = {
    Phase.RUN: "to run",
    Phase.ADMINISTER: "to administer",
    Phase.CONFIGURE: "to configure",
    Phase.SETUP: "at setup",
}
NEEDS = {
    Need.ALL: "every one of several servers",
    Need.ANY: "at least one of several servers",
    Need.NEAREST: "the nearest of several servers",
    None: "one server; with several, the site says which",
}


def title(catalog: Catalog, part: Part) -> str:
    """What a part is, in its own words."""
    match part.kind:
        case Kind.SETTING:
            setting = catalog.settings[part.id]
            return setting.about or setting.kind
        case Kind.REQUIREMENT:
            return catalog.requirements[part.id].purpose
        case Kind.RULE:
            return catalog.rules[part.id].says
        case Kind.PRECONDITION:
            return catalog.preconditions[part.id].says
        case Kind.CITATION:
            return says(catalog, catalog.citations[part.id])
    found = getattr(catalog, part.kind.plural)[part.id].title
    return str(found)


def says(catalog: Catalog, citation: Citation) -> str:
    """What a citation says; of a whole document, its title."""
    return citation.says or catalog.references[citation.reference].title


def brief(catalog: Catalog, part: Part) -> str:
    """A part in a line: a requirement with its ends, a service with its ports, a setting with its default."""
    match part.kind:
        case Kind.REQUIREMENT:
            return f"{ends(catalog, catalog.requirements[part.id])}: {title(catalog, part)}"
        case Kind.SERVICE:
            return f"{default_label(catalog, catalog.services[part.id])}, {title(catalog, part)}"
        case Kind.SETTING:
            return f"{catalog.settings[part.id].default} unless chosen: {title(catalog, part)}"
    return title(catalog, part)


def ends(catalog: Catalog, requirement: Requirement) -> str:
    """`ssrs/report-server > crm/front-end tcp 808`."""
    service = default_label(catalog, catalog.services[requirement.service])
    return f"{requirement.source} > {requirement.destination} {service}"


def default_label(catalog: Catalog, service: Service) -> str:
    """Protocol and ports of a service where nobody moved them."""
    return label(service, ports(catalog, {}, service))


def place(catalog: Catalog, citation: Citation) -> str:
    """The document and the lines."""
    document = catalog.references[citation.reference].title
    return f"{document}, {lines(citation)}" if citation.lines else document


def lines(citation: Citation) -> str:
    """`line 126`, `lines 326-340`; empty for a whole document."""
    several = any(sign in citation.lines for sign in "-,")
    return f"line{'s' if several else ''} {citation.lines.replace(',', ', ')}" if citation.lines else ""


def cited(catalog: Catalog, ids: Iterable[str]) -> list[tuple[str, str, str]]:
    """Rows of citations: id, where, what it says."""
    found = [catalog.citations[id] for id in ids]
    return [(one.id, lines(one), says(catalog, one)) for one in found]


def necessity(requirement: Requirement) -> str:
    """How badly a requirement is needed, and which server it means."""
    words = requirement.necessity.value
    if requirement.necessity is Necessity.ONE_OF:
        words = f"one of the group {requirement.group}"
    return f"{words}; {NEEDS[requirement.need]}"


def blocked(step: Step) -> str:
    """What a step that is blocked does, and what the user sees."""
    return f"{step.effect.value}: {step.user_sees}" if step.user_sees else step.carries


def product_of(references: CrossReferences, part: Part) -> str:
    """The product of a part, or several where several speak of it."""
    return ", ".join(sorted(references.products[part]))
