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
from portwright.packets.fields import EXTENSION_HEADERS, ICMP, PORT_PROTOCOLS
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
    if number in EXTENSION_HEADERS:
        raise ValueError(f"'{text}' is an extension header of IPv6, not the protocol of a service")
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

_ABOUT = Key(TEXT, "", "more about it, for people")
_CITATIONS = Key(_CITED, (), "where it is written")
_WHEN = Key(CONDITION, Condition(), "settings and their values: it holds only where all have them")

REFERENCE = Record(
    "a reference",
    Reference,
    {
        "title": Key(TEXT, about="what the document is called"),
        "address": Key(TEXT, "", "where it can be read"),
    },
    named="id",
)
CITATION = Record(
    "a citation",
    Citation,
    {
        "in": Key(Name.of("reference"), about="the document", name="reference"),
        "lines": Key(LINES, "", "lines of the document, 326-340; left out: all of it"),
        "says": Key(TEXT, "", "in our own words"),
        "see": Key(ListOf(Name.of("reference")), (), "documents that the place sends its reader to"),
    },
    named="id",
)
_DEFAULT: Record[tuple[Condition, str]] = Record(
    "a conditional default",
    lambda when, value: (when, value),
    {
        "when": Key(CONDITION, about="settings and their values: all must hold"),
        "value": Key(VALUE, about="the default then"),
    },
)
SETTING = Record(
    "a setting",
    Setting,
    {
        "kind": Key(choice("a kind of setting", *SETTING_KINDS), about="what values it may have"),
        "default": Key(_MAYBE_EMPTY, "", "only a text may have none"),
        "defaults": Key(ListOf(_DEFAULT), (), "the first whose condition holds comes before `default`"),
        "values": Key(ListOf(VALUE), (), "of a choice"),
        "component": Key(_COMPONENT, None, "whose setting it is; its last word is an option of that role"),
        "printed": Key(VALUE, "", "the default in the literal reading, where the document is wrong"),
        "about": _ABOUT,
        "citations": _CITATIONS,
    },
    named="name",
    check=_wrong_setting,
)
COMPONENT = Record(
    "a component",
    lambda **values: Component(product="", **values),
    {
        "title": Key(TEXT, about="what people call it"),
        "about": _ABOUT,
        "includes": Key(ListOf(_COMPONENT), (), "a bundle: placing it places these"),
        "implies": Key(ListOf(_COMPONENT), (), "whoever is this is also these"),
        "without": Key(ListOf(_COMPONENT), (), "implied roles that do not apply, however they are implied"),
        "needed": Key(SWITCH, False, "a site of the product has one even when nothing connects to it"),
        "aliases": Key(ListOf(PART_ID), (), "other names that a site may use for it"),
        "citations": _CITATIONS,
    },
    named="id",
)
SERVICE = Record(
    "a service",
    _service,
    {
        "at": Key(_COMPONENT, about="who offers it", name="component"),
        "title": Key(TEXT, about="what people call it"),
        "protocol": Key(_PROTOCOL, about="the IP protocol: tcp, udp, icmp, esp or a number"),
        "ports": Key(_PortsShape(), Ports(""), "443, 80,443, 8000-8010, or settings: {web.port}"),
        "status": Key(_enum(Status, "a status"), Status.CURRENT, "legacy and superseded ones are not opened"),
        "about": _ABOUT,
        "citations": _CITATIONS,
    },
    named="id",
    check=_wrong_service,
)
REQUIREMENT = Record(
    "a requirement",
    lambda **values: Requirement(product="", **values),
    {
        "from": Key(_COMPONENT, about="who opens the connection", name="source"),
        "to": Key(_COMPONENT, about="who is called", name="destination"),
        "service": Key(Name.of("service"), about="what for: a service that the other end offers"),
        "purpose": Key(TEXT, about="completes the sentence: it needs this to ..."),
        "phase": Key(_enum(Phase, "a phase"), Phase.RUN, "when it is needed; left out: run"),
        "status": Key(_enum(Status, "a status"), Status.CURRENT, "legacy and superseded ones are not opened"),
        "necessity": Key(_enum(Necessity, "a necessity"), Necessity.REQUIRED, "left out: required"),
        "group": Key(WORD, "", "of one-of: at least one requirement with this group"),
        "need": Key(_enum(Need, "a need"), None, "which of several hosts; left out: the site says which one it uses"),
        "when": _WHEN,
        "within": Key(_SETTINGS, (), "a server with another value of these settings is not meant"),
        "across": Key(_SETTINGS, (), "only a server with another value of these settings is meant"),
        "tunneled": Key(CONDITION, None, "when this holds, IPsec carries the traffic past the firewalls on the way"),
        "unprinted": Key(SWITCH, False, "the document forgot it: not part of the literal reading"),
        "source-ports": Key(_SOURCE_PORTS, EMPTY, "where they are fixed", "source_ports"),
        "citations": _CITATIONS,
    },
    named="id",
    sourced="written",
    check=_wrong_requirement,
)
STEP = Record(
    "a step",
    lambda **values: Step(service="", **values),
    {
        "step": Key(STEP_ID, about="its number in the source, such as 4b"),
        "from": Key(_COMPONENT, "", "left out: as the requirement says", "source"),
        "to": Key(_COMPONENT, "", "left out: as the requirement says", "destination"),
        "requires": Key(ListOf(Name.of("requirement"), or_one=True), (), "all are needed", "requirements"),
        "rides": Key(STEP_ID, "", "the earlier step on whose connection it travels"),
        "carries": Key(TEXT, about="what is said on the connection"),
        "user-sees": Key(TEXT, "", "when it is blocked", "user_sees"),
        "effect": Key(_enum(Effect, "an effect"), Effect.BROKEN, "how bad it is when it is blocked"),
        "when": Key(CONDITION, Condition(), "where the step is one of several ways: when it is taken"),
        "citations": _CITATIONS,
    },
    check=_wrong_step,
)
SCENARIO = Record(
    "a scenario",
    lambda **values: Scenario(product="", **values),
    {
        "title": Key(TEXT, about="what people do"),
        "fails": Key(TEXT, "", "what is said when it does not work"),
        "about": _ABOUT,
        "when": _WHEN,
        "citations": _CITATIONS,
        "steps": Key(ListOf(STEP), about="in their order"),
    },
    named="id",
)
PRECONDITION = Record(
    "a precondition",
    lambda **values: Precondition(product="", **values),
    {
        "says": Key(TEXT, about="what to do or to see to"),
        "when": _WHEN,
        "scenarios": Key(ListOf(Name.of("scenario")), (), "that fail without it"),
        "citations": _CITATIONS,
    },
    named="id",
)
RULE = Record(
    "a support rule",
    lambda **values: SupportRule(product="", **values),
    {
        "says": Key(TEXT, about="what is wrong, in a sentence"),
        "check": Key(_enum(Check, "a check"), Check.CONDITION, "what it looks at"),
        "hint": Key(TEXT, "", "what to do instead"),
        "on": Key(ListOf(_COMPONENT, or_one=True), (), "the roles that it is about"),
        "setting": Key(Name.of("setting"), "", "the setting that is compared"),
        "services": Key(ListOf(Name.of("service")), (), "the two services that must not share a port"),
        "when": _WHEN,
        "within": Key(_SETTINGS, (), "hosts with different values of these settings are not held together"),
        "citations": _CITATIONS,
    },
    named="id",
    check=_wrong_rule,
)


def _wrong_file(file: CatalogFile) -> str:
    if file.product and file.part_of:
        return "a file either declares a product or is part of one"
    owned = file.components or file.requirements or file.scenarios or file.preconditions or file.rules
    return "say whose it is: 'product', or 'part-of'" if owned and not (file.product or file.part_of) else ""


FILE = Record(
    "a catalog file",
    CatalogFile,
    {
        "product": Key(Declared("product", PRODUCT_ID), "", "the name of the product that the file declares"),
        "part-of": Key(Name.of("product"), "", "the product that another file declares", "part_of"),
        "title": Key(TEXT, "", "what people call the product"),
        "about": _ABOUT,
        "needs": Key(ListOf(Name.of("product")), (), "products that it cannot be without"),
        "based-on": Key(Name.of("product"), "", "the product whose later version this is", "based_on"),
        "leaves-out": Key(
            ListOf(Name.of("requirement", "scenario", "precondition", "rule")), (), "what no longer holds", "leaves_out"
        ),
        "cited": Key(_CITED, (), "where the product itself is described"),
        "references": Key(MapOf(Declared("reference", REFERENCE_ID), REFERENCE), {}, "documents"),
        "citations": Key(MapOf(Declared("citation", CITATION_ID), CITATION), {}, "places in documents"),
        "settings": Key(MapOf(Declared("setting", DOTTED_ID), SETTING), {}, "what can be chosen"),
        "components": Key(MapOf(Declared("component", PART_ID), COMPONENT), {}, "deployable parts"),
        "services": Key(MapOf(Declared("service", PART_ID), SERVICE), {}, "what components offer"),
        "requirements": Key(MapOf(Declared("requirement", DOTTED_ID), REQUIREMENT), {}, "who needs what of whom"),
        "scenarios": Key(MapOf(Declared("scenario", WORD), SCENARIO), {}, "what people do, step by step"),
        "preconditions": Key(MapOf(Declared("precondition", DOTTED_ID), PRECONDITION), {}, "what else must be done"),
        "rules": Key(MapOf(Declared("rule", DOTTED_ID), RULE), {}, "what is not supported"),
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
