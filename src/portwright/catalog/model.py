"""What applications need of the network: components, services, requirements, scenarios, and where each is written.

A *component* is a deployable part; a *service* is what a component offers, by protocol and port; a *requirement* says
that one component uses a service of another, when and why. Ports that can be moved are references to *settings*.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, TypeVar

from portwright.packets.intervals import EMPTY, Intervals
from portwright.source import Source

Lookup = Callable[[str], str]  # the value of a setting, by name


class Phase(StrEnum):
    """When a requirement exists."""

    SETUP = "setup"
    CONFIGURE = "configure"
    RUN = "run"
    ADMINISTER = "administer"


class Status(StrEnum):
    """Whether a requirement is to be taken as it is written."""

    CURRENT = "current"
    LEGACY = "legacy"  # true of old versions only; not opened
    SUPERSEDED = "superseded"  # the source is wrong or outdated here; not opened, and the erratum says why


class Reading(StrEnum):
    """How the documents are read."""

    CORRECTED = "corrected"  # errata applied: nothing legacy or superseded, and what the documents forgot
    LITERAL = "literal"  # as printed, mistakes included


class Necessity(StrEnum):
    """Whether something breaks without it."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    ONE_OF = "one-of"  # at least one requirement of the group


class Need(StrEnum):
    """Which of several hosts that could serve must be reachable. Without one, the site has to say (`uses`)."""

    ALL = "all"
    ANY = "any"  # at least one
    NEAREST = "nearest"  # those behind the fewest enforcement points; one of them may be the host itself


class Effect(StrEnum):
    """What blocking a step of a scenario does."""

    BROKEN = "broken"
    DEGRADED = "degraded"
    LATER = "later"  # nothing at first
    FALLBACK = "fallback"  # it goes another way


@dataclass(frozen=True, slots=True)
class Reference:
    """A document that citations point into."""

    id: str
    title: str
    address: str = ""  # where it can be read


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a document, and what it says, in our own words."""

    id: str  # P61 a fact of the white paper, B2 an erratum to it, S11 a whole document
    reference: str  # id of the Reference
    lines: str = ""  # "326-340" of the white paper's text; empty: the whole document
    says: str = ""
    see: tuple[str, ...] = ()  # ids of the References that the place sends its reader to

    def __str__(self) -> str:
        return f"{self.id} ({self.reference} line {self.lines})" if self.lines else self.id


@dataclass(frozen=True, slots=True)
class Condition:
    """Every named setting has one of its values. The empty condition always holds."""

    settings: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def holds(self, lookup: Lookup) -> bool:
        """Report whether the settings that `lookup` gives fulfil it."""
        return all(lookup(name) in values for name, values in self.settings)

    def __str__(self) -> str:
        return " and ".join(f"{name} is {' or '.join(values)}" for name, values in self.settings)


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that an administrator can choose, such as a port."""

    name: str  # web.port
    kind: str  # port, ports, port-or-dynamic, choice, switch, text
    default: str
    defaults: tuple[tuple[Condition, str], ...] = ()  # tried in order before `default`
    values: tuple[str, ...] = ()  # of a choice
    component: str | None = None  # whose setting it is: its last word is then an option of the role
    printed: str = ""  # the default in the literal reading, where the document is wrong
    about: str = ""
    citations: tuple[str, ...] = ()  # ids of Citations

    @property
    def option(self) -> str:
        """The name of the setting among the options of its component's role: `port` for `sql.port`."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of a service: fixed ones, and settings that hold more."""

    text: str  # as written: "443", "80,443", "{web.port}"
    fixed: Intervals = EMPTY
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """What a component offers on one protocol."""

    id: str  # crm/web
    component: str  # who offers it
    title: str
    protocol: int  # IP protocol number; ICMP stands for ICMPv6 in IPv6
    ports: Ports
    icmp_type: int | None = None  # of ICMP: the request's type in IPv4
    status: Status = Status.CURRENT
    about: str = ""
    citations: tuple[str, ...] = ()  # ids of Citations


@dataclass(frozen=True, slots=True)
class Component:
    """A deployable part of a product."""

    id: str  # crm/front-end
    title: str
    product: str
    about: str = ""
    includes: tuple[str, ...] = ()  # a bundle: placing it places these
    implies: tuple[str, ...] = ()  # whoever is this is also these; a host may opt out
    without: tuple[str, ...] = ()  # implied roles that do not apply, however they are implied
    needed: bool = False  # a site of the product has one even when nothing connects to it
    aliases: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()  # ids of Citations


@dataclass(frozen=True, slots=True)
class Requirement:
    """A component uses a service of another component."""

    id: str  # crm.fetch-report
    product: str
    source: str  # component that opens the connection
    destination: str  # component that offers the service
    service: str
    purpose: str
    phase: Phase = Phase.RUN
    status: Status = Status.CURRENT
    necessity: Necessity = Necessity.REQUIRED
    group: str = ""  # of ONE_OF: at least one requirement with this group
    need: Need | None = None  # None: one, and with several candidates the site has to say which
    when: Condition = Condition()
    within: tuple[str, ...] = ()  # settings: a server with another value than the consumer's is not meant
    across: tuple[str, ...] = ()  # settings: only servers with another value than the consumer's are meant
    tunneled: Condition | None = None  # when it holds, IPsec carries the traffic: firewalls on the way see none of it
    unprinted: bool = False  # the document forgot it: not part of the literal reading
    source_ports: Intervals = EMPTY  # where they are fixed; empty: ephemeral
    citations: tuple[str, ...] = ()  # ids of Citations
    written: Source | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a scenario: a connection, or traffic on one that an earlier step opened."""

    step: str  # "4b"
    source: str  # component
    destination: str  # component
    requirements: tuple[str, ...]  # all are needed; empty when it rides on an earlier step
    rides: str  # the earlier step on whose connection it travels; empty: it opens its own
    service: str  # of the first requirement, or of the step it rides on
    carries: str
    user_sees: str = ""  # when it is blocked
    effect: Effect = Effect.BROKEN
    when: Condition = Condition()  # the step is one of several ways; this is when it is taken
    citations: tuple[str, ...] = ()

    @property
    def opens(self) -> bool:
        """Report whether the step opens a connection."""
        return not self.rides


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something that people do with the system, step by step."""

    id: str  # run-fetch-report
    title: str  # what people do: "Run a Fetch-based report"
    product: str
    steps: tuple[Step, ...]
    citations: tuple[str, ...] = ()
    when: Condition = Condition()
    about: str = ""
    fails: str = ""  # what is said when it does not work, "Fetch-based reports fail"; empty: made of the title


@dataclass(frozen=True, slots=True)
class Precondition:
    """Something that must be done or true besides open ports: an entry of the checklist."""

    id: str  # crm.mailbox-consent
    product: str
    says: str  # what to do or to see to, as an instruction
    when: Condition = Condition()
    scenarios: tuple[str, ...] = ()  # that fail without it
    citations: tuple[str, ...] = ()


class Check(StrEnum):
    """What a support rule looks at."""

    CONDITION = "condition"  # nothing but its condition: on each host in one of the roles, or once on the site
    EQUAL = "equal"  # hosts in one of the roles have different values of the setting
    SINGLE = "single"  # hosts in the first role that have different values of the setting use one host in the second
    APART = "apart"  # one host offers both services on one port
    UNFILTERED = "unfiltered"  # a firewall stands between a host in the first role and one in the second


@dataclass(frozen=True, slots=True)
class SupportRule:
    """Something that a vendor does not support, or that a careful person does not do: a finding where it is met."""

    id: str  # crm.mixed-mail-profile
    product: str
    says: str  # what is wrong, in a sentence
    check: Check
    hint: str = ""  # what to do instead
    on: tuple[str, ...] = ()  # components
    setting: str = ""
    services: tuple[str, ...] = ()
    when: Condition = Condition()
    within: tuple[str, ...] = ()  # settings: hosts with different values have nothing to do with each other
    citations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Break:
    """What a user loses when a requirement is not met."""

    scenario: str
    step: str
    effect: Effect
    user_sees: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product, and the other products that it cannot be without."""

    id: str
    title: str
    needs: tuple[str, ...] = ()
    based_on: str = ""  # the product whose later version this is: everything of that holds, but what is left out
    leaves_out: tuple[str, ...] = ()  # ids of requirements, scenarios, preconditions and rules
    about: str = ""
    citations: tuple[str, ...] = ()


class _Part(Protocol):
    """Something of a product."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def product(self) -> str:
        """The product's id."""


P = TypeVar("P", bound=_Part)


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """Everything known about all products; by id."""

    products: Mapping[str, Product]
    components: Mapping[str, Component]
    services: Mapping[str, Service]
    settings: Mapping[str, Setting]
    requirements: Mapping[str, Requirement]
    scenarios: Mapping[str, Scenario]
    preconditions: Mapping[str, Precondition]
    rules: Mapping[str, SupportRule]
    citations: Mapping[str, Citation]
    references: Mapping[str, Reference]

    def with_needs(self, products: tuple[str, ...]) -> frozenset[str]:
        """These products, and all that they cannot be without."""
        found: set[str] = set()
        waiting = list(products)
        while waiting:
            product = waiting.pop()
            if product not in found:
                found.add(product)
                waiting.extend(self.products[product].needs)
                waiting.extend(filter(None, [self.products[product].based_on]))
        return frozenset(found)

    def of(self, parts: Mapping[str, P], products: Iterable[str]) -> tuple[P, ...]:
        """Those of the requirements, scenarios, preconditions or rules that these products have together."""
        names = frozenset(products)
        left_out = {id for name in names for id in self.products[name].leaves_out}
        return tuple(part for part in parts.values() if part.product in names and part.id not in left_out)

    def read_as(self, reading: Reading) -> "Catalog":
        """The catalog in this reading; the one that is loaded is the corrected one."""
        if reading is Reading.CORRECTED:
            return self
        printed = {
            name: replace(one, default=one.printed, defaults=()) if one.printed else one
            for name, one in self.settings.items()
        }
        requirements = {id: one for id, one in self.requirements.items() if not one.unprinted}
        return replace(self, settings=printed, requirements=requirements)

    def parts(self, component: str) -> tuple[str, ...]:
        """The component itself, or what a bundle includes."""
        included = self.components[component].includes
        return tuple(part for name in included for part in self.parts(name)) if included else (component,)

    def implied(self, component: str) -> tuple[str, ...]:
        """What whoever is this component is too, in the order of implication, itself left out."""
        found: dict[str, None] = {}
        waiting = [component]
        while waiting:
            for name in self.components[waiting.pop(0)].implies:
                if name not in found and name != component:
                    found[name] = None
                    waiting.append(name)
        return tuple(found)

    def are_alike(self, one: str, other: str) -> bool:
        """Report whether the components are one, or each implies the other: partners, such as domain controllers."""
        return one == other or (one in self.implied(other) and other in self.implied(one))

    def lacking(self, component: str) -> frozenset[str]:
        """The roles that whoever is this component is not, although what it implies would imply them."""
        names = (component, *self.implied(component))
        return frozenset(role for name in names for role in self.components[name].without)

    def component(self, name: str) -> Component:
        """The component with this id or alias. Raises KeyError."""
        if name in self.components:
            return self.components[name]
        for component in self.components.values():
            if name in component.aliases:
                return component
        raise KeyError(name)
