"""FetchXML, the query language of CRM: read as a value, with every name held against the entities."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.xmltree import Element, local, parsed
from portwright.rehearse.servers.crm.entities import Entity

MOST_RECORDS = 5000  # of one page, as in CRM
_LARGEST = 1 << 16  # characters of a query
_DEEPEST, _MOST_ELEMENTS, _MOST_LINKS = 12, 500, 10  # CRM takes 10 links too
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")

AGGREGATES = ("count", "countcolumn", "sum", "avg", "min", "max")
Entities = Mapping[str, Entity]


class FetchRefused(Refused):
    """The query is none that CRM would run."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """What is asked for of a record, or grouped by."""

    name: str
    alias: str = ""
    aggregate: str = ""  # one of AGGREGATES
    grouped: bool = False
    distinct: bool = False  # of an aggregate: each value once


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; an empty entity is the one in whose filter it stands."""

    attribute: str
    operator: str
    values: tuple[str, ...] = ()
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions and further filters, of which all (and) or any (or) must hold. An empty one holds."""

    parts: "tuple[Condition | Filter, ...]" = ()
    any: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """By what the records are put in order: an attribute, or in aggregates an alias."""

    name: str
    descending: bool = False
    by_alias: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """An entity, or a link to one."""

    entity: str
    alias: str
    attributes: tuple[Attribute, ...] = ()
    filter: Filter = Filter()
    orders: tuple[Order, ...] = ()
    links: "tuple[Link, ...]" = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A join: the node's attribute `inner` equals the parent's attribute `outer`."""

    node: Node
    inner: str  # "from" in FetchXML
    outer: str  # "to" in FetchXML
    optional: bool = False  # a left outer join


@dataclass(frozen=True, slots=True)
class Fetch:
    """A query."""

    node: Node
    count: int = MOST_RECORDS  # of a page
    page: int = 1
    top: int | None = None
    distinct: bool = False
    aggregate: bool = False


def read_fetch(text: str, entities: Entities) -> Fetch:
    """The query in a text. Raises FetchRefused for XML that is none, and for names that no entity has."""
    if len(text) > _LARGEST:
        raise FetchRefused(f"a query has at most {_LARGEST} characters")
    try:
        root = parsed(text.encode("utf-8", "replace"))
    except Misspoken as problem:
        raise FetchRefused(f"Invalid Fetch Xml: {problem}") from None
    _bounded(root)
    reader = _Reader(entities, _flag(root, "aggregate"))
    return reader.fetch(root)


def nodes_of(node: Node) -> Iterator[Node]:
    """The node and all that it links to, in the order of their joins."""
    yield node
    for link in node.links:
        yield from nodes_of(link.node)


def node_named(root: Node, name: str) -> Node | None:
    """The node that a condition means: by its alias, or else the first of that entity."""
    nodes = tuple(nodes_of(root))
    return next((one for one in nodes if one.alias == name), None) or next(
        (one for one in nodes if one.entity == name), None
    )


def _bounded(root: Element) -> None:
    """Hold the tree to a depth that may be walked through, and a size that a query has."""
    level, depth, count = [root], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > _DEEPEST or count > _MOST_ELEMENTS:
            raise FetchRefused(f"a query has at most {_DEEPEST} levels and {_MOST_ELEMENTS} elements")
        level = [one for element in level for one in element]


class _Reader:
    """Reads a tree; knows the aliases that it has met."""

    def __init__(self, entities: Entities, aggregate: bool) -> None:
        self._entities, self._aggregate = entities, aggregate
        self._aliases: set[str] = set()
        self._outputs: set[str] = set()
        self._links = 0

    def fetch(self, root: Element) -> Fetch:
        if local(root) != "fetch" or len(root) != 1 or local(root[0]) != "entity":
            raise FetchRefused("Invalid Fetch Xml: a fetch holds one entity")
        node = self.node(root[0], "")
        self._conditions_name_nodes(node)
        top = root.get("top")
        return Fetch(
            node, _number(root, "count", MOST_RECORDS), _number(root, "page", 1),
            None if top is None else _number(root, "top", 1), _flag(root, "distinct"), self._aggregate,
        )  # fmt: skip

    def node(self, element: Element, alias: str) -> Node:
        entity = self._entities.get(element.get("name", ""))
        if entity is None:
            raise FetchRefused(f"The entity with a name = '{_shown(element.get('name', ''))}' was not found.")
        alias = self._named(alias or entity.name)
        parts = {name: [one for one in element if local(one) == name] for name in _PARTS}
        if sum(map(len, parts.values())) != len(element):
            raise FetchRefused(f"Invalid Fetch Xml: {local(element)} holds something unknown")
        return Node(
            entity.name, alias, tuple(self.attributes(element, entity)),
            _together([self.filter(one, entity) for one in parts["filter"]]),
            tuple(self.order(one, entity) for one in parts["order"]),
            tuple(self.link(one, entity) for one in parts["link-entity"]),
        )  # fmt: skip

    def link(self, element: Element, parent: Entity) -> Link:
        self._links += 1
        kind = element.get("link-type", "inner")
        if self._links > _MOST_LINKS or kind not in ("inner", "outer"):
            raise FetchRefused(f"Invalid Fetch Xml: at most {_MOST_LINKS} links, each inner or outer")
        outer = _known(element.get("to", ""), parent)
        node = self.node(element, element.get("alias", f"{element.get('name', '')}{self._links}"))
        return Link(node, _known(element.get("from", ""), self._entities[node.entity]), outer, kind == "outer")

    def attributes(self, element: Element, entity: Entity) -> Iterator[Attribute]:
        if any(local(one) == "all-attributes" for one in element):
            if self._aggregate:
                raise FetchRefused("Invalid Fetch Xml: aggregates name their attributes")
            yield from (Attribute(name) for name in entity.attributes)
            return
        for one in element:
            if local(one) == "attribute":
                yield self._attribute(one, entity)

    def _attribute(self, element: Element, entity: Entity) -> Attribute:
        name, alias = _known(element.get("name", ""), entity), element.get("alias", "")
        aggregate, grouped = element.get("aggregate", ""), _flag(element, "groupby")
        if alias and (not _ALIAS.fullmatch(alias) or alias.lower() in self._outputs):
            raise FetchRefused(f"Invalid Fetch Xml: the alias '{_shown(alias)}' is no new name")
        self._outputs.add(alias.lower())
        if self._aggregate != bool(aggregate or grouped) or (self._aggregate and not alias) or (aggregate and grouped):
            raise FetchRefused(f"Invalid Fetch Xml: '{name}' is neither grouped by nor aggregated as the query asks")
        if aggregate not in ("", *AGGREGATES):
            raise FetchRefused(f"Invalid Fetch Xml: there is no aggregate '{_shown(aggregate)}'")
        return Attribute(name, alias, aggregate, grouped, _flag(element, "distinct"))

    def filter(self, element: Element, entity: Entity) -> Filter:
        kind = element.get("type", "and")
        if kind not in ("and", "or"):
            raise FetchRefused("Invalid Fetch Xml: a filter is of type and, or of type or")
        read: dict[str, Callable[[Element, Entity], Condition | Filter]] = {
            "condition": self.condition, "filter": self.filter,
        }  # fmt: skip
        if any(local(one) not in read for one in element):
            raise FetchRefused("Invalid Fetch Xml: a filter holds conditions and filters")
        return Filter(tuple(read[local(one)](one, entity) for one in element), kind == "or")

    def condition(self, element: Element, entity: Entity) -> Condition:
        named = element.get("entityname", "")
        attribute = element.get("attribute", "")
        values = [one.text or "" for one in element if local(one) == "value"]
        if "value" in element.attrib:
            values.insert(0, element.get("value", ""))
        return Condition(
            attribute if named else _known(attribute, entity), element.get("operator", ""), tuple(values), named
        )

    def order(self, element: Element, entity: Entity) -> Order:
        alias, descending = element.get("alias", ""), _flag(element, "descending")
        if self._aggregate:
            if alias.lower() not in self._outputs or not alias:
                raise FetchRefused(f"Invalid Fetch Xml: nothing has the alias '{_shown(alias)}'")
            return Order(alias, descending, by_alias=True)
        return Order(_known(element.get("attribute", ""), entity), descending)

    def _named(self, alias: str) -> str:
        if not _ALIAS.fullmatch(alias) or alias.lower() in self._aliases:
            raise FetchRefused(f"Invalid Fetch Xml: the alias '{_shown(alias)}' is no new name")
        self._aliases.add(alias.lower())
        return alias

    def _conditions_name_nodes(self, root: Node) -> None:
        """Hold conditions on another entity against the entities that are there."""
        waiting: list[Filter] = [one.filter for one in nodes_of(root)]
        for one in waiting:
            waiting += [part for part in one.parts if isinstance(part, Filter)]
            for part in one.parts:
                if isinstance(part, Condition) and part.entity:
                    meant = node_named(root, part.entity)
                    if meant is None:
                        raise FetchRefused(f"Invalid Fetch Xml: nothing here is called '{_shown(part.entity)}'")
                    _known(part.attribute, self._entities[meant.entity])


_PARTS = ("attribute", "all-attributes", "filter", "order", "link-entity")


def _together(filters: list[Filter]) -> Filter:
    return filters[0] if len(filters) == 1 else Filter(tuple(filters))


def _known(name: str, entity: Entity) -> str:
    if name not in entity.attributes:
        raise FetchRefused(f"'{entity.name}' entity doesn't contain attribute with Name = '{_shown(name)}'.")
    return name


def _flag(element: Element, name: str) -> bool:
    return element.get(name, "") in ("true", "1")


def _number(element: Element, name: str, otherwise: int) -> int:
    text = element.get(name, str(otherwise))
    if not re.fullmatch(r"[1-9][0-9]{0,6}", text):
        raise FetchRefused(f"Invalid Fetch Xml: {name} is a number from 1")
    return int(text) if name == "page" else min(int(text), MOST_RECORDS)


def _shown(text: str) -> str:
    return text if len(text) <= 40 and text.isprintable() else f"{text[:40]!a}..."
