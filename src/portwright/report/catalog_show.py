"""Everything that the catalog knows of one of its parts, for people and for programs."""

from collections.abc import Callable, Iterable, Iterator

from portwright.catalog.crossref import CrossReferences, Kind, Link, Part, Relation
from portwright.catalog.model import (
    Catalog,
    Component,
    Precondition,
    Product,
    Reference,
    Requirement,
    Scenario,
    Service,
    Setting,
    Status,
    SupportRule,
)
from portwright.packets.notation import ports_text
from portwright.report.catalog import SCHEMA, Json, citation_json, cite_text, part_json
from portwright.report.catalog_layout import Row, columns, counted, section, wrapped
from portwright.report.catalog_words import PHASES, blocked, brief, cited, default_label, necessity, title

Details = Iterator[tuple[str, str]]

_STATUSES = {
    Status.LEGACY: "legacy: true of old versions only; not opened, but in the literal reading",
    Status.SUPERSEDED: "superseded: printed, and wrong or outdated; not opened, but in the literal reading",
}
_SPOKEN: dict[tuple[Kind, Relation], str] = {  # who speaks of a part, and how -> what that is to the part
    (Kind.PRODUCT, Relation.NEEDS): "needed by",
    (Kind.PRODUCT, Relation.BASED_ON): "later versions",
    (Kind.PRODUCT, Relation.LEAVES_OUT): "does not hold for",
    (Kind.COMPONENT, Relation.INCLUDES): "part of",
    (Kind.COMPONENT, Relation.IMPLIES): "implied by",
    (Kind.COMPONENT, Relation.WITHOUT): "kept out by",
    (Kind.SERVICE, Relation.AT): "offers",
    (Kind.SETTING, Relation.AT): "settings",
    (Kind.SERVICE, Relation.PORTS): "holds the ports of",
    (Kind.SETTING, Relation.DEFAULT): "decides the default of",
    (Kind.REQUIREMENT, Relation.FROM): "opens",
    (Kind.REQUIREMENT, Relation.TO): "is reached for",
    (Kind.REQUIREMENT, Relation.SERVICE): "reached for",
    (Kind.REQUIREMENT, Relation.WHEN): "decides whether there is",
    (Kind.REQUIREMENT, Relation.WITHIN): "must be the same at both ends of",
    (Kind.REQUIREMENT, Relation.ACROSS): "must differ between the ends of",
    (Kind.REQUIREMENT, Relation.TUNNELED): "decides whether IPsec carries",
    (Kind.SCENARIO, Relation.WHEN): "decides whether people",
    (Kind.SCENARIO, Relation.REQUIRES): "what breaks without it",
    (Kind.RULE, Relation.ON): "support rules",
    (Kind.RULE, Relation.SETTING): "support rules",
    (Kind.RULE, Relation.SERVICE): "support rules",
    (Kind.RULE, Relation.WHEN): "support rules",
    (Kind.RULE, Relation.WITHIN): "support rules",
    (Kind.PRECONDITION, Relation.SCENARIOS): "must be true besides",
    (Kind.PRECONDITION, Relation.WHEN): "decides whether this must be true",
    (Kind.CITATION, Relation.IN): "places cited",
    (Kind.CITATION, Relation.SEE): "recommended by",
    (Kind.PRODUCT, Relation.CITES): "describes",
}
_IN_STEPS = "steps of scenarios"
_TAKES_PART = (Relation.FROM, Relation.TO, Relation.SERVICE, Relation.WHEN)


def show_text(references: CrossReferences, parts: Iterable[Part]) -> str:
    """Each part with all that is known of it."""
    return "\n\n".join("\n".join(_shown(references, part)) for part in parts)


def _shown(references: CrossReferences, part: Part) -> Iterator[str]:
    if part.kind is Kind.CITATION:
        yield cite_text(references, [part.id])
        return
    catalog = references.catalog
    yield from wrapped(f"{part.kind.value} {part.id}: {title(catalog, part)}", "", "    ")
    yield from columns(list(_details(references, part)))
    if part.kind is Kind.SCENARIO:
        yield from section("steps", _steps(catalog.scenarios[part.id]))
    for name, links in _spoken(references, part).items():
        yield from section(name, columns(list(dict.fromkeys(_rows(catalog, links))), "    "))
    yield from section("written in", columns(cited(catalog, _cited(references, part)), "    "))


def _details(references: CrossReferences, part: Part) -> Details:
    thing = getattr(references.catalog, part.kind.plural)[part.id]
    pairs = [*_DETAILS[part.kind](references.catalog, thing)]
    if part.kind is Kind.PRODUCT:
        pairs.append(("has", ", ".join(_holdings(references, part))))
    elif products := references.products[part]:
        pairs.append(("product", ", ".join(sorted(products))))
    return ((label, value) for label, value in pairs if value)


def _holdings(references: CrossReferences, product: Part) -> Iterator[str]:
    kinds = [part.kind for part, products in references.products.items() if product.id in products]
    return (counted(kinds.count(kind), kind.value) for kind in Kind if kind is not Kind.PRODUCT and kind in kinds)


def _cited(references: CrossReferences, part: Part) -> list[str]:
    """Its citations, those of its steps too."""
    links = references.forward[part]
    return list(dict.fromkeys(link.target.id for link in links if link.relation is Relation.CITES))


# what each kind has to say of itself


def _of_product(_: Catalog, product: Product) -> Details:
    yield "about", product.about
    yield "needs", ", ".join(product.needs)
    yield "later version of", product.based_on
    yield "leaves out", ", ".join(product.leaves_out)


def _of_component(catalog: Catalog, component: Component) -> Details:
    yield "about", component.about
    yield "bundle of", ", ".join(component.includes)
    yield "is also", ", ".join(catalog.implied(component.id))
    yield "is not", ", ".join(component.without)
    yield "aliases", ", ".join(component.aliases)
    yield "needed", "in every site of the product" if component.needed else ""


def _of_service(catalog: Catalog, service: Service) -> Details:
    yield "about", service.about
    yield "offered by", service.component
    yield "protocol", default_label(catalog, service)
    yield "ports", service.ports.text if service.ports.settings else ""
    yield "status", _STATUSES.get(service.status, "")


def _of_setting(_: Catalog, setting: Setting) -> Details:
    yield "values", ", ".join(setting.values) or {"switch": "false, true"}.get(setting.kind, setting.kind)
    yield "default", setting.default
    for condition, value in setting.defaults:
        yield "", f"{value} when {condition}"
    yield "printed", f"{setting.printed}: the default of the literal reading" if setting.printed else ""
    yield "of", setting.component or ""
    yield "in a site", f"settings: {{{setting.name}: {setting.default or '...'}}}"
    if setting.component:
        yield "of one role", f"roles: [{setting.component}: {{{setting.option}: {setting.default}}}]"


def _of_requirement(catalog: Catalog, requirement: Requirement) -> Details:
    service = catalog.services[requirement.service]
    yield "from", f"{requirement.source}: {catalog.components[requirement.source].title}"
    yield "to", f"{requirement.destination}: {catalog.components[requirement.destination].title}"
    yield "service", f"{service.id}: {service.title}"
    yield "port", default_label(catalog, service) + _moved(service)
    yield "source port", ports_text(requirement.source_ports)
    yield "needed", f"{PHASES[requirement.phase]}; {necessity(requirement)}"
    yield "when", str(requirement.when)
    yield "only with", f"the same {' and '.join(requirement.within)}" if requirement.within else ""
    yield "only across", ", ".join(requirement.across)
    yield "inside IPsec", f"when {requirement.tunneled}" if requirement.tunneled else ""
    yield "status", _STATUSES.get(requirement.status, "")
    yield "reading", "not printed: the literal reading leaves it out" if requirement.unprinted else ""


def _moved(service: Service) -> str:
    return f" unless {' or '.join(service.ports.settings)} says otherwise" if service.ports.settings else ""


def _of_scenario(_: Catalog, scenario: Scenario) -> Details:
    yield "about", scenario.about
    yield "when", str(scenario.when)
    yield "if broken", scenario.fails


def _of_rule(_: Catalog, rule: SupportRule) -> Details:
    yield "check", rule.check.value
    yield "on", ", ".join(rule.on)
    yield "setting", rule.setting
    yield "services", ", ".join(rule.services)
    yield "when", str(rule.when)
    yield "among", f"hosts with the same {' and '.join(rule.within)}" if rule.within else ""
    yield "instead", rule.hint


def _of_precondition(_: Catalog, precondition: Precondition) -> Details:
    yield "when", str(precondition.when)
    yield "scenarios", ", ".join(precondition.scenarios)


def _of_reference(_: Catalog, reference: Reference) -> Details:
    yield "address", reference.address


_DETAILS: dict[Kind, Callable[..., Details]] = {
    Kind.PRODUCT: _of_product,
    Kind.COMPONENT: _of_component,
    Kind.SERVICE: _of_service,
    Kind.SETTING: _of_setting,
    Kind.REQUIREMENT: _of_requirement,
    Kind.SCENARIO: _of_scenario,
    Kind.RULE: _of_rule,
    Kind.PRECONDITION: _of_precondition,
    Kind.REFERENCE: _of_reference,
}


def _steps(scenario: Scenario) -> Iterator[str]:
    """The steps: who, to whom, by what, what it carries, and what the user sees when it is blocked."""
    heads = [(step.step, f"{step.source} > {step.destination}") for step in scenario.steps]
    width = max((len(head[0]) for head in heads), default=0)
    for step, (number, between) in zip(scenario.steps, heads, strict=True):
        how = f"on the connection of step {step.rides}" if step.rides else ", ".join(step.requirements)
        margin = " " * (6 + width)
        yield from wrapped(f"{number.rjust(width)}  {between}  {how}", "    ", margin)
        yield from wrapped(step.carries, margin)
        if step.when.settings:
            yield from wrapped(f"when {step.when}", margin)
        if step.user_sees:
            yield from wrapped(f"blocked: {step.user_sees} ({step.effect.value})", margin, margin + "  ")


# what others say of it


def _spoken(references: CrossReferences, part: Part) -> dict[str, list[Link]]:
    """The links that lead here, by what they mean to the part."""
    found: dict[str, list[Link]] = {}
    for link in references.back[part]:
        in_step = link.step and link.relation in _TAKES_PART
        name = _IN_STEPS if in_step else _SPOKEN.get((link.source.kind, link.relation), "")
        if name:
            found.setdefault(name, []).append(link)
    return found


def _rows(catalog: Catalog, links: Iterable[Link]) -> Iterator[Row]:
    steps: dict[str, dict[str, None]] = {}
    for link in links:
        if link.source.kind is Kind.CITATION:
            yield from cited(catalog, [link.source.id])
        elif not link.step:
            yield link.source.id, brief(catalog, link.source)
        elif link.relation is Relation.REQUIRES:
            step = next(one for one in catalog.scenarios[link.source.id].steps if one.step == link.step)
            yield f"{link.source.id} {link.step}", blocked(step)
        else:
            steps.setdefault(link.source.id, {})[link.step] = None
    yield from ((id, f"step{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}") for id, numbers in steps.items())


def show_json(references: CrossReferences, parts: Iterable[Part]) -> Json:
    """Each part with all that is known of it, by contract."""
    return {"schema": SCHEMA, "answer": "show", "parts": [_shown_json(references, part) for part in parts]}


def _shown_json(references: CrossReferences, part: Part) -> Json:
    catalog = references.catalog
    details = () if part.kind is Kind.CITATION else _details(references, part)
    joined: dict[str, list[str]] = {}
    for label, value in details:
        joined.setdefault(label or next(reversed(joined)), []).append(value)
    return {
        **part_json(catalog, part),
        "products": sorted(references.products[part]),
        "details": {label: "; ".join(values) for label, values in joined.items()},
        "steps": _steps_json(catalog.scenarios[part.id]) if part.kind is Kind.SCENARIO else [],
        "speaks_of": [_link_json(catalog, link, link.target) for link in references.forward[part]],
        "spoken_of": [_link_json(catalog, link, link.source) for link in references.back[part]],
        "citations": [citation_json(catalog, catalog.citations[id]) for id in _told(references, part)],
    }


def _told(references: CrossReferences, part: Part) -> list[str]:
    return [part.id] if part.kind is Kind.CITATION else _cited(references, part)


def _link_json(catalog: Catalog, link: Link, other: Part) -> Json:
    return {"relation": link.relation.value, **part_json(catalog, other), "step": link.step or None}


def _steps_json(scenario: Scenario) -> list[Json]:
    return [
        {
            "step": step.step,
            "source": step.source,
            "destination": step.destination,
            "service": step.service,
            "requirements": list(step.requirements),
            "rides": step.rides or None,
            "carries": step.carries,
            "user_sees": step.user_sees or None,
            "effect": step.effect.value,
            "when": str(step.when) or None,
            "citations": list(step.citations),
        }
        for step in scenario.steps
    ]
