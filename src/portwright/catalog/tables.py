"""What a component listens on and what it opens, for chosen settings: the tables of the paper, joined."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from portwright.catalog.model import Catalog, Component, Need, Phase, Reading, Requirement, Service, Status
from portwright.catalog.values import DYNAMIC, INSTANCE
from portwright.errors import InvalidInput
from portwright.packets.fields import ICMP
from portwright.packets.intervals import EMPTY, Intervals, normalize
from portwright.packets.names import protocol_name
from portwright.packets.notation import parse_ports, ports_text

PHASES = (Phase.RUN, Phase.ADMINISTER, Phase.CONFIGURE, Phase.SETUP)  # in the order of a table


@dataclass(frozen=True, slots=True)
class Use:
    """A requirement, and the ports that it is about under the settings chosen."""

    requirement: Requirement
    service: Service
    ports: str  # "808", "80,443", "dynamic"; empty for protocols without
    tunneled: bool  # inside IPsec

    @property
    def label(self) -> str:
        """Protocol and ports, as people say them: `tcp 808`, `icmp echo`."""
        return label(self.service, self.ports)


@dataclass(frozen=True, slots=True)
class Listener:
    """A service that is there, and for what it is reached."""

    service: Service
    ports: str
    uses: tuple[Use, ...]  # empty: a document prints the port, and nothing in it comes

    @property
    def label(self) -> str:
        """Protocol and ports, as people say them."""
        return label(self.service, self.ports)

    @property
    def role(self) -> str:
        """The component as which it is reached."""
        return self.uses[0].requirement.destination if self.uses else self.service.component


@dataclass(frozen=True, slots=True)
class Table:
    """What one computer listens on and opens."""

    components: tuple[Component, ...]  # what it was asked to be
    roles: tuple[str, ...]  # all that it then is
    listens: tuple[Listener, ...]
    opens: tuple[Use, ...]
    local: tuple[Use, ...]  # it serves itself: no packet leaves it
    dormant: tuple[Requirement, ...]  # exist with other settings


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """A catalog in one reading, for some products, phases and settings."""

    catalog: Catalog  # in the reading
    named: tuple[str, ...]  # products
    products: tuple[str, ...]  # these, and all that they cannot be without
    chosen: Mapping[str, str]  # settings by full name, or `instance`; the others have their defaults
    reading: Reading
    phases: tuple[Phase, ...]
    reached: frozenset[str]  # services that some requirement reaches, in whatever reading

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        products: tuple[str, ...],
        chosen: Mapping[str, str],
        reading: Reading = Reading.CORRECTED,
        phases: tuple[Phase, ...] = PHASES,
    ) -> "Tables":
        """The tables of a catalog, as loaded, for these products and all that they cannot be without."""
        reached = frozenset(one.service for one in catalog.requirements.values())
        return cls(catalog.read_as(reading), products, together(catalog, products), chosen, reading, phases, reached)

    def value(self, name: str) -> str:
        """The value of a setting."""
        return value(self.catalog, self.chosen, name)

    def ports(self, service: Service) -> str:
        """The ports of a service."""
        return ports(self.catalog, self.chosen, service)

    def whole(self) -> tuple[Table, ...]:
        """A table for each component that has rows of its own; what it implies has one itself."""
        order = {name: at for at, name in enumerate(self.products)}
        ours = (one for one in self.catalog.components.values() if one.product in order)
        components = sorted(ours, key=lambda one: order[one.product])
        tables = (self._table((component,), (component.id,), ()) for component in components)
        return tuple(table for table in tables if table.listens or table.opens)

    def joined(self, components: Iterable[Component]) -> Table:
        """The table of one computer that is all of these: bundles taken apart, with all that is implied."""
        asked = tuple(components)
        placed = tuple(dict.fromkeys(part for one in asked for part in self.catalog.parts(one.id)))
        lacking = frozenset[str]().union(*(self.catalog.lacking(name) for name in placed))
        implied = dict.fromkeys(role for name in placed for role in self.catalog.implied(name))
        return self._table(asked, placed, tuple(role for role in implied if role not in {*placed, *lacking}))

    def _table(self, components: tuple[Component, ...], placed: tuple[str, ...], implied: tuple[str, ...]) -> Table:
        roles = (*placed, *implied)
        ours = [one for one in self.requirements() if one.source in roles or one.destination in roles]
        apart = [one for one in ours if not self._is_inside(one, placed)]
        uses = [self._use(one) for one in apart if self._holds(one)]
        listens = [use for use in uses if use.requirement.destination in roles]
        opens = [
            use for use in uses if use.requirement.source in roles and not self._serves_itself(use.requirement, roles)
        ]
        local = [self._use(one) for one in ours if self._holds(one) and self._serves_itself(one, roles)]
        listeners = sorted([*_listeners(listens), *self._silent(roles)], key=lambda one: roles.index(one.role))
        opens.sort(key=lambda use: (roles.index(use.requirement.source), PHASES.index(use.requirement.phase)))
        dormant = tuple(one for one in apart if not self._holds(one))
        return Table(components, roles, tuple(listeners), tuple(opens), tuple(local), dormant)

    def requirements(self) -> tuple[Requirement, ...]:
        """The requirements that the products have in this reading, whatever the settings."""
        found = self.catalog.of(self.catalog.requirements, self.products)
        return tuple(one for one in found if one.phase in self.phases and self._is_read(one.status))

    def uses(self) -> tuple[Use, ...]:
        """The requirements that exist with the settings chosen."""
        return tuple(self._use(one) for one in self.requirements() if self._holds(one))

    def _is_read(self, status: Status) -> bool:
        return status is Status.CURRENT or self.reading is Reading.LITERAL

    def _holds(self, requirement: Requirement) -> bool:
        return requirement.when.holds(self.value)

    def _is_inside(self, requirement: Requirement, placed: tuple[str, ...]) -> bool:
        """Report whether it is between parts that run together; one between equals has its partner elsewhere."""
        source, destination = requirement.source, requirement.destination
        return not self.catalog.are_alike(source, destination) and source in placed and destination in placed

    def _serves_itself(self, requirement: Requirement, roles: tuple[str, ...]) -> bool:
        """Report whether a computer with these roles needs nobody else: it could serve, and one server is enough."""
        source, destination = requirement.source, requirement.destination
        one_is_enough = requirement.need in (None, Need.NEAREST) and not self.catalog.are_alike(source, destination)
        return one_is_enough and source in roles and destination in roles

    def _use(self, requirement: Requirement) -> Use:
        service = self.catalog.services[requirement.service]
        tunneled = requirement.tunneled is not None and requirement.tunneled.holds(self.value)
        return Use(requirement, service, self.ports(service), tunneled)

    def _silent(self, roles: tuple[str, ...]) -> Iterator[Listener]:
        """Services that no requirement reaches: a document prints that they listen."""
        for service in self.catalog.services.values():
            if service.component in roles and service.id not in self.reached and self._is_read(service.status):
                yield Listener(service, self.ports(service), ())


def together(catalog: Catalog, products: Iterable[str]) -> tuple[str, ...]:
    """These products first, then those that they are later versions of, then what they cannot be without."""
    found = dict.fromkeys(products)
    waiting = list(found)
    while waiting:
        product = catalog.products[waiting.pop(0)]
        further = [id for id in (product.based_on, *product.needs) if id and id not in found]
        found |= dict.fromkeys(further)
        waiting += further
    return tuple(found)


def value(catalog: Catalog, chosen: Mapping[str, str], name: str) -> str:
    """The value of a setting where `chosen` have theirs and all others their defaults."""
    if name in chosen:
        return chosen[name]
    if name == INSTANCE:
        return "default"
    setting = catalog.settings[name]
    depends = (found for when, found in setting.defaults if when.holds(lambda other: value(catalog, chosen, other)))
    return next(depends, setting.default)


def ports(catalog: Catalog, chosen: Mapping[str, str], service: Service) -> str:
    """The ports of a service under these settings, `dynamic` where the server chooses one.

    Raises InvalidInput when a setting that should hold them holds something else.
    """
    values = {name: value(catalog, chosen, name) for name in service.ports.settings}
    numbers = [*service.ports.fixed]
    for name, text in values.items():
        numbers += _numbers(name, text)
    chosen_at_start = [DYNAMIC] if DYNAMIC in values.values() else []
    return ",".join([*filter(None, [ports_text(normalize(numbers))]), *chosen_at_start])


def _numbers(name: str, text: str) -> Intervals:
    try:
        return parse_ports(text) if text != DYNAMIC else EMPTY
    except ValueError as problem:
        raise InvalidInput.of(str(problem), file="catalog", path=f"settings.{name}") from None


def label(service: Service, ports: str) -> str:
    """Protocol and ports, as people say them: `tcp 808`, `icmp echo`."""
    return f"{protocol_name(service.protocol)} {ports or ('echo' if service.protocol == ICMP else '')}".strip()


def _listeners(uses: Iterable[Use]) -> Iterator[Listener]:
    """The services reached, each once for each role as which it is."""
    found: dict[tuple[str, str], list[Use]] = {}
    for use in uses:
        found.setdefault((use.requirement.destination, use.service.id), []).append(use)
    for members in found.values():
        members.sort(key=lambda use: PHASES.index(use.requirement.phase))
        yield Listener(members[0].service, members[0].ports, tuple(members))
