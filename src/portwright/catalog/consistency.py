"""What no single part of a catalog can know to be wrong: values, links and conditions that do not go together."""

from collections.abc import Callable, Iterator

from portwright.catalog.model import Catalog, Condition, Requirement, Scenario, Setting
from portwright.catalog.values import INSTANCE, PORT_KINDS, check_printed, check_value

_INSTANCE = Setting(INSTANCE, "choice", "default", values=("default", "named"))

Wrong = tuple[str, str, str, str]  # kind and id of the part, the path below it, what is wrong


def inconsistencies(catalog: Catalog) -> Iterator[Wrong]:
    """Everything that is wrong with a catalog whose parts are each as they should be."""
    yield from _wrong_products(catalog)
    yield from _wrong_components(catalog)
    for setting in catalog.settings.values():
        yield from (("setting", setting.name, "", message) for message in _wrong_setting(catalog, setting))
    yield from _wrong_services(catalog)
    for requirement in catalog.requirements.values():
        yield from (("requirement", requirement.id, "", message) for message in _wrong_ends(catalog, requirement))
    for scenario in catalog.scenarios.values():
        yield from _wrong_steps(scenario)
    yield from _wrong_rules(catalog)
    yield from _wrong_conditions(catalog)


def _wrong_products(catalog: Catalog) -> Iterator[Wrong]:
    for product in catalog.products.values():
        if product.id in _reached(product.based_on, lambda name: [catalog.products[name].based_on]):
            yield "product", product.id, "based-on", "it is a later version of itself"


def _reached(first: str, following: Callable[[str], list[str]]) -> set[str]:
    """Everything that is reached from a name, in bounded time whatever the circles."""
    found: set[str] = set()
    waiting = [first]
    while waiting:
        name = waiting.pop()
        if name and name not in found:
            found.add(name)
            waiting += following(name)
    return found


def _wrong_components(catalog: Catalog) -> Iterator[Wrong]:
    names: dict[str, str] = {id: id for id in catalog.components}
    for component in catalog.components.values():
        nested = [part for part in component.includes if catalog.components[part].includes]
        if nested:
            yield "component", component.id, "includes", f"includes {nested[0]}, itself a bundle"
        if component.includes and (component.implies or component.without):
            message = "a bundle only includes others; what it would imply, they imply"
            yield "component", component.id, "implies" if component.implies else "without", message
        for alias in component.aliases:
            if names.setdefault(alias, component.id) != component.id or alias in catalog.components:
                yield "component", component.id, "aliases", f"{names[alias]} is called {alias} already"


def _wrong_setting(catalog: Catalog, setting: Setting) -> Iterator[str]:
    if (setting.kind == "choice") != bool(setting.values):
        yield "values go with kind choice, and only with that"
        return
    asked = {name for condition, _ in setting.defaults for name, _ in condition.settings} - {INSTANCE}
    if moving := sorted(name for name in asked if catalog.settings[name].defaults):
        yield f"its default depends on {moving[0]}, whose own default depends on others"
    given = [setting.default, *(value for _, value in setting.defaults)]
    yield from filter(None, (_refused(check_value, setting, value) for value in given if value))
    if setting.printed and (message := _refused(check_printed, setting, setting.printed)):
        yield message


def _refused(check: Callable[[Setting, str], str], setting: Setting, value: str) -> str:
    """Why the value is refused; empty: it is not."""
    try:
        check(setting, value)
    except ValueError as problem:
        return str(problem)
    return ""


def _wrong_services(catalog: Catalog) -> Iterator[Wrong]:
    for service in catalog.services.values():
        for name in service.ports.settings:
            if name == INSTANCE or catalog.settings[name].kind not in PORT_KINDS:
                yield "service", service.id, "ports", f"{name} does not hold ports"
        if catalog.components[service.component].includes:
            yield "service", service.id, "at", f"{service.component} is a bundle; name a component in it"


def _wrong_ends(catalog: Catalog, requirement: Requirement) -> Iterator[str]:
    served = (requirement.destination, *catalog.implied(requirement.destination))
    if catalog.services[requirement.service].component not in served:
        yield f"{requirement.destination} does not offer {requirement.service}"
    for end in (requirement.source, requirement.destination):
        if catalog.components[end].includes:
            yield f"{end} is a bundle; name a component in it"
    if both := sorted({*requirement.within} & {*requirement.across}):
        yield f"no server is both within and across {both[0]}"
    if INSTANCE in (*requirement.within, *requirement.across):
        yield f"'{INSTANCE}' is no setting; only a condition may ask it"


def _wrong_steps(scenario: Scenario) -> Iterator[Wrong]:
    if not scenario.steps:
        yield "scenario", scenario.id, "steps", "a scenario has steps"
    earlier: set[str] = set()
    for step in scenario.steps:
        if step.step in earlier:
            yield "scenario", scenario.id, step.step, f"step {step.step} is there twice"
        if step.rides and step.rides not in earlier:
            yield "scenario", scenario.id, step.step, f"rides on step {step.rides}, which does not come before it"
        earlier.add(step.step)


def _wrong_rules(catalog: Catalog) -> Iterator[Wrong]:
    for rule in catalog.rules.values():
        if len({*rule.services}) < len(rule.services):
            yield "rule", rule.id, "services", "the two services are one"
        if INSTANCE in (rule.setting, *rule.within):
            yield "rule", rule.id, "", f"'{INSTANCE}' is no setting; only a condition may ask it"
        if bundles := [name for name in rule.on if catalog.components[name].includes]:
            yield "rule", rule.id, "on", f"{bundles[0]} is a bundle; name a component in it"


def _wrong_conditions(catalog: Catalog) -> Iterator[Wrong]:
    """A condition on a value that its setting never has would quietly never hold."""
    for kind, id, path, condition in _conditions(catalog):
        for name, values in condition.settings:
            for message in filter(None, (_unknown_value(catalog, name, value) for value in values)):
                yield kind, id, path, message


def _unknown_value(catalog: Catalog, name: str, value: str) -> str:
    setting = _INSTANCE if name == INSTANCE else catalog.settings[name]
    return "" if setting.kind == "choice" and not setting.values else _refused(check_value, setting, value)


def _conditions(catalog: Catalog) -> Iterator[tuple[str, str, str, Condition]]:
    for setting in catalog.settings.values():
        yield from (("setting", setting.name, "defaults", condition) for condition, _ in setting.defaults)
    for requirement in catalog.requirements.values():
        yield "requirement", requirement.id, "when", requirement.when
        if requirement.tunneled:
            yield "requirement", requirement.id, "tunneled", requirement.tunneled
    for scenario in catalog.scenarios.values():
        yield "scenario", scenario.id, "when", scenario.when
        yield from (("scenario", scenario.id, f"{step.step}.when", step.when) for step in scenario.steps)
    for part in catalog.preconditions.values():
        yield "precondition", part.id, "when", part.when
    for rule in catalog.rules.values():
        yield "rule", rule.id, "when", rule.when
