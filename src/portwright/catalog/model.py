"""What applications need of the network: components, services, requirements, scenarios, and where each is written.

A *component* is a deployable part; a *service* is what a component offers, by protocol and port; a *requirement* says
that one component uses a service of another, when and why. Ports that can be moved are references to *settings*.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

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
    about: str = ""

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
    about: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """A deployable part of a product."""

    id: str  # crm/front-end
    title: str
    product: str
    about: str = ""
    includes: tuple[str, ...] = ()  # a bundle: placing it places these
    implies: tuple[str, ...] = ()  # whoever is this is also these; a host may opt out
    needed: bool = False  # a site of the product has one even when nothing connects to it
    aliases: tuple[str, ...] = ()


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
    about: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """Everything known about all products; by id."""

    products: Mapping[str, Product]
    components: Mapping[str, Component]
    services: Mapping[str, Service]
    settings: Mapping[str, Setting]
    requirements: Mapping[str, Requirement]
    scenarios: Mapping[str, Scenario]
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
        return frozenset(found)

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
                if name not in found:
                    found[name] = None
                    waiting.append(name)
        return tuple(found)

    def component(self, name: str) -> Component:
        """The component with this id or alias. Raises KeyError."""
        if name in self.components:
            return self.components[name]
        for component in self.components.values():
            if name in component.aliases:
                return component
        raise KeyError(name)

    def breaks(self, requirement: str, roles: frozenset[str]) -> tuple[Break, ...]:
        """What users lose when a source in one of these roles cannot have what the requirement says."""
        return tuple(
            Break(scenario.id, step.step, step.effect, step.user_sees)
            for scenario in self.scenarios.values()
            for step in scenario.steps
            if requirement in step.requirements and step.source in roles
        )
