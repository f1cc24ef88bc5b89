"""The format of catalog files: one definition that reads them and gives their JSON Schema."""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from portwright.catalog.model import (
    Check,
    Citation,
    Component,
    Condition,
    Effect,
    Necessity,
    Need,
    Phase,
    Ports,
    Precondition,
    Reference,
    Requirement,
    Scenario,
    Service,
    Setting,
    Status,
    Step,
    SupportRule,
)
from portwright.packets.fields import ICMP, PORT_PROTOCOLS
from portwright.packets.intervals import EMPTY
from portwright.packets.notation import parse_ports, parse_protocol
from portwright.shapes import (
    SWITCH,
    TEXT,
    VALUE,
    Declared,
    Json,
    Key,
    ListOf,
    MapOf,
    Name,
    Parsed,
    Place,
    Record,
    choice,
)
from portwright.yamlfile import Node

E = TypeVar("E", bound=StrEnum)

ECHO_REQUEST = 8  # RFC 792; in IPv6 the same is 128, RFC 4443
SETTING_KINDS = ("port", "ports", "port-or-dynamic", "choice", "switch", "text")


def name_of(what: str, pattern: str, example: str) -> Parsed[str]:
    """A name of a given form, at most 80 characters long."""
    form = re.compile(pattern)

    def parse(text: str) -> str:
        if len(text) > 80 or not form.fullmatch(text):
            raise ValueError(f"'{text[:60]}' is not {what}; write it like '{example}'")
        return text

    return Parsed(what, parse, {"type": "string", "pattern": f"^(?:{pattern})$"})


PRODUCT_ID = name_of("the name of a product", r"[a-z0-9]+(?:[-.][a-z0-9]+)*", "sql-server")
PART_ID = name_of("the name of a component or service", r"[a-z0-9-]+/[a-z0-9-]+", "sql/engine")
DOTTED_ID = name_of("a dotted name", r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", "crm.fetch-report")
WORD = name_of("a name", r"[a-z0-9]+(?:-[a-z0-9]+)*", "run-fetch-report")
CITATION_ID = name_of("the name of a citation", r"[A-Z]+[0-9]+[a-z]?", "P61")
REFERENCE_ID = name_of("the name of a reference", r"[A-Za-z0-9-]+", "white-paper")
LINES = replace(
    name_of("lines of a document", r"[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*", "326-340"),
    json={"type": ["string", "integer"]},
)
STEP_ID = name_of("the number of a step", r"[0-9]+[a-z]?", "4b")


def _enum(kind: type[E], what: str) -> Parsed[E]:
    words = choice(what, *(member.value for member in kind))
    return Parsed(what, lambda text: kind(words.parse(text)), words.json)


def _ports(text: str) -> Ports:
    fixed: list[str] = []
    settings: list[str] = []
    for part in text.replace(" ", "").split(","):
        (settings if part.startswith("{") and part.endswith("}") else fixed).append(part.strip("{}"))
    return Ports(text, parse_ports(",".join(fixed)) if fixed else EMPTY, tuple(settings))


def _protocol(text: str) -> int:
    number = parse_protocol(text)
    if number is None:
        raise ValueError("a service has one protocol, not any")
    return number


@dataclass(frozen=True, slots=True)
class _PortsShape:
    """Ports of a service. The settings in them must be declared."""

    def read(self, node: Node, at: Place) -> Ports:
        """The ports, numbers and settings."""
        ports = Parsed("ports", _ports).read(node, at)
        for setting in ports.settings:
            at.ledger.use(("setting",), setting, node, at)
        return ports

    def schema(self) -> Json:
        """A number, or a text such as `80,{web.port}`."""
        return {"type": ["integer", "string"]}


_VALUES = ListOf(VALUE, or_one=True)


@dataclass(frozen=True, slots=True)
class _ConditionShape:
    """Settings and the values that each may have."""

    def read(self, node: Node, at: Place) -> Condition:
        """The condition; its settings must be declared."""
        found = MapOf(DOTTED_ID, _VALUES).read(node, at)
        for name in found:
            at.ledger.use(("setting",), name, node, at.under(name))
        return Condition(tuple(found.items()))

    def schema(self) -> Json:
        """An object of values or lists of values."""
        return MapOf(DOTTED_ID, _VALUES).schema()


CONDITION = _ConditionShape()


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """One catalog file as written: its parts do not know their product yet, nor steps what their requirements say."""

    product: str = ""
    part_of: str = ""
    title: str = ""
    about: str = ""
    needs: tuple[str, ...] = ()
    based_on: str = ""
    leaves_out: tuple[str, ...] = ()
    cited: tuple[str, ...] = ()
    references: dict[str, Reference] = field(default_factory=dict)
    citations: dict[str, Citation] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)
    components: dict[str, Component] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    requirements: dict[str, Requirement] = field(default_factory=dict)
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    preconditions: dict[str, Precondition] = field(default_factory=dict)
    rules: dict[str, SupportRule] = field(default_factory=dict)


def _wrong_setting(setting: Setting) -> str:
    return "" if setting.default or setting.kind == "text" else "a setting has a default"


def _service(*, protocol: int, **values: Any) -> Service:
    return Service(protocol=protocol, icmp_type=ECHO_REQUEST if protocol == ICMP else None, **values)


def _wrong_service(service: Service) -> str:
    if (service.protocol in PORT_PROTOCOLS) == bool(service.ports.text):
        return ""
    return "ports go with tcp and udp, and only with those"


def _wrong_requirement(requirement: Requirement) -> str:
    if (requirement.necessity is Necessity.ONE_OF) == bool(requirement.group):
        return ""
    return "a group goes with necessity one-of, and only with that"


def _wrong_step(step: Step) -> str:
    if bool(step.requirements) == bool(step.rides):
        return "a step either requires something or rides on an earlier step"
    return "" if step.requirements or (step.source and step.destination) else "a step that rides needs 'from' and 'to'"


def _wrong_rule(rule: SupportRule) -> str:
    wants = _CHECKED[rule.check]
    given = (bool(rule.setting), len(rule.on) or None, len(rule.services) or None)
    what = "setting", "on", "services"
    for name, found, wanted in zip(what, given, wants, strict=True):
        if (wanted is None and found) or (wanted is not None and wanted is not ... and found != wanted):
            return f"'{name}' does not fit the check '{rule.check}'"
    return ""


_CHECKED: dict[Check, tuple[Any, Any, Any]] = {  # what goes with a check: a setting, components, services; ...: any
    Check.CONDITION: (False, ..., None),
    Check.EQUAL: (True, ..., None),
    Check.SINGLE: (True, 2, None),
    Check.APART: (False, None, 2),
    Check.UNFILTERED: (False, 2, None),
}

_COMPONENT = Name.of("component")
_CITED = ListOf(Name.of("citation"))
_SETTINGS = ListOf(Name.of("setting"), or_one=True)
_MAYBE_EMPTY = Parsed("a value", lambda text: " ".join(text.split()), VALUE.json)
_PROTOCOL = Parsed("an IP protocol", _protocol, {"type": ["string", "integer"]})
_SOURCE_PORTS = Parsed("ports", parse_ports, {"type": ["string", "integer"]})

REFERENCE = Record("a reference", Reference, {"title": Key(TEXT), "address": Key(TEXT, "")}, named="id")
CITATION = Record(
    "a citation",
    Citation,
    {
        "in": Key(Name.of("reference"), name="reference"),
        "lines": Key(LINES, ""),
        "says": Key(TEXT, "", "in our own words"),
        "see": Key(ListOf(Name.of("reference")), (), "documents that the place sends its reader to"),
    },
    named="id",
)
_DEFAULT: Record[tuple[Condition, str]] = Record(
    "a conditional default", lambda when, value: (when, value), {"when": Key(CONDITION), "value": Key(VALUE)}
)
SETTING = Record(
    "a setting",
    Setting,
    {
        "kind": Key(choice("a kind of setting", *SETTING_KINDS)),
        "default": Key(_MAYBE_EMPTY, "", "only a text may have none"),
        "defaults": Key(ListOf(_DEFAULT), (), "the first whose condition holds comes before `default`"),
        "values": Key(ListOf(VALUE), (), "of a choice"),
        "component": Key(_COMPONENT, None, "whose setting it is; its last word is an option of that role"),
        "printed": Key(VALUE, "", "the default in the literal reading, where the document is wrong"),
        "about": Key(TEXT, ""),
        "citations": Key(_CITED, ()),
    },
    named="name",
    check=_wrong_setting,
)
COMPONENT = Record(
    "a component",
    lambda **values: Component(product="", **values),
    {
        "title": Key(TEXT),
        "about": Key(TEXT, ""),
        "includes": Key(ListOf(_COMPONENT), (), "a bundle: placing it places these"),
        "implies": Key(ListOf(_COMPONENT), (), "whoever is this is also these"),
        "without": Key(ListOf(_COMPONENT), (), "implied roles that do not apply, however they are implied"),
        "needed": Key(SWITCH, False, "a site of the product has one even when nothing connects to it"),
        "aliases": Key(ListOf(PART_ID), ()),
        "citations": Key(_CITED, ()),
    },
    named="id",
)
SERVICE = Record(
    "a service",
    _service,
    {
        "at": Key(_COMPONENT, about="who offers it", name="component"),
        "title": Key(TEXT),
        "protocol": Key(_PROTOCOL),
        "ports": Key(_PortsShape(), Ports("")),
        "status": Key(_enum(Status, "a status"), Status.CURRENT),
        "about": Key(TEXT, ""),
        "citations": Key(_CITED, ()),
    },
    named="id",
    check=_wrong_service,
)
REQUIREMENT = Record(
    "a requirement",
    lambda **values: Requirement(product="", **values),
    {
        "from": Key(_COMPONENT, name="source"),
        "to": Key(_COMPONENT, name="destination"),
        "service": Key(Name.of("service")),
        "purpose": Key(TEXT),
        "phase": Key(_enum(Phase, "a phase"), Phase.RUN),
        "status": Key(_enum(Status, "a status"), Status.CURRENT),
        "necessity": Key(_enum(Necessity, "a necessity"), Necessity.REQUIRED),
        "group": Key(WORD, "", "of one-of: at least one requirement with this group"),
        "need": Key(_enum(Need, "a need"), None, "which of several hosts; left out: the site says which one it uses"),
        "when": Key(CONDITION, Condition()),
        "within": Key(_SETTINGS, (), "a server with another value of these settings is not meant"),
        "across": Key(_SETTINGS, (), "only a server with another value of these settings is meant"),
        "tunneled": Key(CONDITION, None, "when this holds, IPsec carries the traffic past the firewalls on the way"),
        "unprinted": Key(SWITCH, False, "the document forgot it: not part of the literal reading"),
        "source-ports": Key(_SOURCE_PORTS, EMPTY, "where they are fixed", "source_ports"),
        "citations": Key(_CITED, ()),
    },
    named="id",
    sourced="written",
    check=_wrong_requirement,
)
STEP = Record(
    "a step",
    lambda **values: Step(service="", **values),
    {
        "step": Key(STEP_ID),
        "from": Key(_COMPONENT, "", "left out: as the requirement says", "source"),
        "to": Key(_COMPONENT, "", "left out: as the requirement says", "destination"),
        "requires": Key(ListOf(Name.of("requirement"), or_one=True), (), "all are needed", "requirements"),
        "rides": Key(STEP_ID, "", "the earlier step on whose connection it travels"),
        "carries": Key(TEXT),
        "user-sees": Key(TEXT, "", "when it is blocked", "user_sees"),
        "effect": Key(_enum(Effect, "an effect"), Effect.BROKEN),
        "when": Key(CONDITION, Condition(), "where the step is one of several ways: when it is taken"),
        "citations": Key(_CITED, ()),
    },
    check=_wrong_step,
)
SCENARIO = Record(
    "a scenario",
    lambda **values: Scenario(product="", **values),
    {
        "title": Key(TEXT),
        "fails": Key(TEXT, ""),
        "about": Key(TEXT, ""),
        "when": Key(CONDITION, Condition()),
        "citations": Key(_CITED, ()),
        "steps": Key(ListOf(STEP)),
    },
    named="id",
)
PRECONDITION = Record(
    "a precondition",
    lambda **values: Precondition(product="", **values),
    {
        "says": Key(TEXT, about="what to do or to see to"),
        "when": Key(CONDITION, Condition()),
        "scenarios": Key(ListOf(Name.of("scenario")), (), "that fail without it"),
        "citations": Key(_CITED, ()),
    },
    named="id",
)
RULE = Record(
    "a support rule",
    lambda **values: SupportRule(product="", **values),
    {
        "says": Key(TEXT, about="what is wrong, in a sentence"),
        "check": Key(_enum(Check, "a check"), Check.CONDITION),
        "hint": Key(TEXT, "", "what to do instead"),
        "on": Key(ListOf(_COMPONENT, or_one=True), (), "the roles that it is about"),
        "setting": Key(Name.of("setting"), ""),
        "services": Key(ListOf(Name.of("service")), ()),
        "when": Key(CONDITION, Condition()),
        "citations": Key(_CITED, ()),
    },
    named="id",
    check=_wrong_rule,
)


def _wrong_file(file: CatalogFile) -> str:
    return "a file either declares a product or is part of one" if file.product and file.part_of else ""


FILE = Record(
    "a catalog file",
    CatalogFile,
    {
        "product": Key(Declared("product", PRODUCT_ID), ""),
        "part-of": Key(Name.of("product"), "", "the product that another file declares", "part_of"),
        "title": Key(TEXT, ""),
        "about": Key(TEXT, ""),
        "needs": Key(ListOf(Name.of("product")), (), "products that it cannot be without"),
        "based-on": Key(Name.of("product"), "", "the product whose later version this is", "based_on"),
        "leaves-out": Key(
            ListOf(Name.of("requirement", "scenario", "precondition", "rule")), (), "what no longer holds", "leaves_out"
        ),
        "cited": Key(_CITED, (), "where the product itself is described"),
        "references": Key(MapOf(Declared("reference", REFERENCE_ID), REFERENCE), {}),
        "citations": Key(MapOf(Declared("citation", CITATION_ID), CITATION), {}),
        "settings": Key(MapOf(Declared("setting", DOTTED_ID), SETTING), {}),
        "components": Key(MapOf(Declared("component", PART_ID), COMPONENT), {}),
        "services": Key(MapOf(Declared("service", PART_ID), SERVICE), {}),
        "requirements": Key(MapOf(Declared("requirement", DOTTED_ID), REQUIREMENT), {}),
        "scenarios": Key(MapOf(Declared("scenario", WORD), SCENARIO), {}),
        "preconditions": Key(MapOf(Declared("precondition", DOTTED_ID), PRECONDITION), {}),
        "rules": Key(MapOf(Declared("rule", DOTTED_ID), RULE), {}),
    },
    check=_wrong_file,
)


def json_schema() -> Json:
    """The JSON Schema of catalog files, draft-07."""
    head = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:portwright:catalog:1",
        "title": "Portwright catalog file",
    }
    return {**head, **FILE.schema()}
