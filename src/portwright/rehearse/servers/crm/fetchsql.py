"""FetchXML as Transact-SQL with parameters: names come from the entities alone, values never stand in the text."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from portwright.protocols.tds.values import Value
from portwright.rehearse.servers.crm.entities import Entity, Kind
from portwright.rehearse.servers.crm.fetchconditions import condition_sql
from portwright.rehearse.servers.crm.fetchxml import (
    Attribute,
    Condition,
    Entities,
    Fetch,
    FetchRefused,
    Filter,
    Node,
    Order,
    node_named,
    nodes_of,
)

_AGGREGATES = {
    "count": "COUNT(*)", "countcolumn": "COUNT({})", "sum": "SUM({})", "avg": "AVG(CAST({} AS float))",
    "min": "MIN({})", "max": "MAX({})",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """What is sent to SQL Server for a query."""

    text: str
    parameters: Mapping[str, Value]
    columns: tuple[str, ...]  # as CRM names them in its answer
    page: int  # records of a page: one more than these tells that there is another page


def statement(fetch: Fetch, entities: Entities, user: str = "", now: datetime | None = None) -> Statement:
    """The statement that answers a query for a user (systemuserid). Raises FetchRefused."""
    return _Writer(fetch, entities, user, now or datetime.now(UTC)).statement()


@dataclass(slots=True)
class _Writer:
    fetch: Fetch
    entities: Entities
    user: str
    now: datetime
    parameters: dict[str, Value] = field(default_factory=dict)

    def statement(self) -> Statement:
        fetch, nodes = self.fetch, tuple(nodes_of(self.fetch.node))
        outputs = [(node, one) for node in nodes for one in node.attributes] or self._primary()
        columns = tuple(self._output_name(node, one) for node, one in outputs)
        if len(set(columns)) < len(columns):
            raise FetchRefused("Invalid Fetch Xml: an attribute is asked for twice")
        selected = ", ".join(
            f"{self._value(node, one)} AS [{name}]" for (node, one), name in zip(outputs, columns, strict=True)
        )
        head = f"SELECT {'DISTINCT ' * fetch.distinct}{selected}"
        where = self._filter(fetch.node.filter, fetch.node)
        groups = ", ".join(self._column(node, one.name) for node, one in outputs if one.grouped)
        text = " ".join(
            [
                head,
                *self._joins(),
                f"WHERE {where}",
                *([f"GROUP BY {groups}"] if groups else []),
                *self._ordered(outputs),
            ]
        )
        return Statement(text, self.parameters, columns, fetch.top or fetch.count)

    def _primary(self) -> list[tuple[Node, Attribute]]:
        """A query that asks for nothing gets the identifiers."""
        if self.fetch.aggregate:
            raise FetchRefused("Invalid Fetch Xml: an aggregate query asks for nothing")
        return [(self.fetch.node, Attribute(self._entity(self.fetch.node).primary))]

    def _entity(self, node: Node) -> Entity:
        return self.entities[node.entity]

    def _output_name(self, node: Node, one: Attribute) -> str:
        return one.alias or (one.name if node is self.fetch.node else f"{node.alias}.{one.name}")

    def _value(self, node: Node, one: Attribute) -> str:
        column = self._column(node, one.name)
        if not one.aggregate:
            return column
        kind = self._entity(node).attributes[one.name]
        if one.aggregate in ("sum", "avg") and kind not in (Kind.NUMBER, Kind.MONEY):
            raise FetchRefused(f"Invalid Fetch Xml: {one.aggregate} is not for '{one.name}'")
        written = _AGGREGATES[one.aggregate]
        return written.format(f"DISTINCT {column}" if one.distinct and one.aggregate == "countcolumn" else column)

    def _column(self, node: Node, name: str) -> str:
        return f"[{node.alias}].[{name}]"

    def _joins(self) -> Iterator[str]:
        node = self.fetch.node
        yield f"FROM [dbo].[{self._entity(node).view}] AS [{node.alias}]"
        yield from self._links(node)

    def _links(self, node: Node) -> Iterator[str]:
        """Each link's own filter is part of its join, as CRM has it."""
        for link in node.links:
            inner = link.node
            on = f"{self._column(inner, link.inner)} = {self._column(node, link.outer)}"
            kind = "LEFT OUTER JOIN" if link.optional else "INNER JOIN"
            view = self._entity(inner).view
            yield f"{kind} [dbo].[{view}] AS [{inner.alias}] ON {on} AND {self._filter(inner.filter, inner)}"
            yield from self._links(inner)

    def _filter(self, one: Filter, node: Node) -> str:
        parts = [self._part(part, node) for part in one.parts]
        return f"({' OR '.join(parts) if one.any else ' AND '.join(parts)})" if parts else "(1 = 1)"

    def _part(self, part: Condition | Filter, node: Node) -> str:
        if isinstance(part, Filter):
            return self._filter(part, node)
        if part.entity:
            node = node_named(self.fetch.node, part.entity) or node
        kind = self._entity(node).attributes[part.attribute]
        return condition_sql(part, kind, self._column(node, part.attribute), self._parameter, self.user, self.now)

    def _parameter(self, value: Value) -> str:
        name = f"@p{len(self.parameters)}"
        self.parameters[name] = value
        return name

    def _ordered(self, outputs: Iterable[tuple[Node, Attribute]]) -> Iterator[str]:
        """ORDER BY and the page; without an order that tells all records apart, pages would overlap."""
        fetch, by = self.fetch, [self._order(node, one) for node in nodes_of(self.fetch.node) for one in node.orders]
        shown = {self._column(node, one.name) for node, one in outputs}
        if fetch.distinct and any(column not in shown for column, _ in by) and not fetch.aggregate:
            raise FetchRefused("Invalid Fetch Xml: distinct records are put in order by what is asked for")
        if fetch.distinct or fetch.aggregate:
            rest = [self._column(node, one.name) for node, one in outputs if one.grouped or not fetch.aggregate]
        else:
            rest = [self._column(node, self._entity(node).primary) for node in nodes_of(fetch.node)]
        named = [column for column, _ in by]
        terms = [f"{column}{' DESC' * down}" for place, (column, down) in enumerate(by) if column not in named[:place]]
        terms += [column for column in dict.fromkeys(rest) if column not in named]
        yield f"ORDER BY {', '.join(terms) or '(SELECT NULL)'}"
        skipped, taken = (0, fetch.top) if fetch.top else ((fetch.page - 1) * fetch.count, fetch.count + 1)
        yield f"OFFSET {skipped} ROWS FETCH NEXT {taken} ROWS ONLY"

    def _order(self, node: Node, one: Order) -> tuple[str, bool]:
        return (f"[{one.name}]" if one.by_alias else self._column(node, one.name)), one.descending
