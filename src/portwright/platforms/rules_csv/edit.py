"""Puts rows into a table of rules, takes them out, and says which.

A change is a table too, with a column more: whether a row is added or removed.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from portwright.packets.fields import ICMP
from portwright.packets.intervals import Interval, normalize
from portwright.packets.names import protocol_name
from portwright.packets.notation import ports_text
from portwright.packets.packetset import PacketSet
from portwright.platforms.rules_csv import ANY, COLUMNS
from portwright.platforms.rules_csv.render import addresses_cell, remark
from portwright.policy.editing import Edit, Target
from portwright.policy.intent import Intended, Traffic
from portwright.policy.model import Rule
from portwright.policy.obstruction import Obstruction

SUFFIX = ".csv"
TELLS_DEPARTURE = True
TELLS_STATE = False
_STEP = 10  # between the numbers of two rows
_ADD, _REMOVE = "add", "remove"

Cells = tuple[str, ...]


def comment(_text: str) -> str:
    """Nothing: a table has no place for it."""
    return ""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with the lines on which its rows stand."""

    head: Cells
    rows: tuple[tuple[int, Cells], ...]  # first line, cells
    delimiter: str

    @classmethod
    def of(cls, text: str) -> "_Table":
        """The table of a text that is one."""
        text = text.removeprefix("\ufeff")
        delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
        reader = csv.reader(io.StringIO(text), delimiter=delimiter)
        head = tuple(next(reader, ()))
        rows, first = [], reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((first, tuple(cell.strip() for cell in cells)))
            first = reader.line_num + 1
        return cls(head, tuple(rows), delimiter)

    def text(self, rows: Iterable[Cells]) -> str:
        """A table with these rows in place of its own."""
        return "".join(f"{line}\n" for line in _lines((self.head, *rows), self.delimiter))


def permitting(text: str, rule: Intended, at: Obstruction) -> Iterator[Edit]:
    """A row in front of the one that blocks, or behind the last."""
    table = _Table.of(text)
    if rule.is_reply:
        return
    rows = sorted((cells for _, cells in table.rows), key=_order)
    blocking = [cells for line, cells in table.rows if line == at.rule.source.line and not at.rule.default]
    index = rows.index(blocking[0]) if blocking else len(rows)
    number = _number(rows, index)
    new = (str(number), *_cells(rule))[: len(table.head)]
    moved = _moved(rows[index:], number)
    place = f"row {number}"
    yield Edit(table.text([*rows[:index], new, *moved]), tuple(_lines([new], table.delimiter)), (), place)


def answering(_text: str, _at: Obstruction) -> Iterator[Edit]:
    """Nothing: replies pass whatever the rows say."""
    yield from ()


def removing(text: str, rule: Rule, packets: PacketSet) -> Iterator[Edit]:  # noqa: ARG001
    """The table without a row."""
    table = _Table.of(text)
    gone = [cells for line, cells in table.rows if line == rule.source.line and not rule.default]
    if gone:
        kept = [cells for _, cells in table.rows if cells != gone[0]]
        yield Edit(table.text(kept), (), tuple(_lines(gone, table.delimiter)), f"row {gone[0][0]}")


def leading(_text: str, _rule: Rule, _to: Target) -> Iterator[Edit]:
    """Nothing: a table of rules translates nothing."""
    yield from ()


def _number(rows: list[Cells], index: int) -> int:
    """A number in front of a row: half way from the one before, or right behind that."""
    before = _order(rows[index - 1]) if index else 0
    after = _order(rows[index]) if index < len(rows) else before + 2 * _STEP
    return max((before + after) // 2, before + 1)


def _moved(rows: list[Cells], taken: int) -> Iterator[Cells]:
    """The rows behind a new one, with other numbers as far as theirs are taken."""
    for cells in rows:
        taken = max(_order(cells), taken + 1)
        yield (str(taken), *cells[1:])


def _order(cells: Cells) -> int:
    return int(cells[0])


def _cells(rule: Intended) -> Cells:
    return (
        "permit",
        rule.interface_in or ANY,
        rule.interface_out or ANY,
        addresses_cell(rule.sources),
        addresses_cell(rule.destinations),
        "; ".join(_services(rule.traffic)),
        remark(rule),
    )


def _services(traffic: Iterable[Traffic]) -> Iterator[str]:
    ports: dict[int, list[Interval]] = {}
    for kind in traffic:
        if kind.protocol == ICMP:
            yield "icmp" if kind.icmp_type is None else "icmp/echo"
        else:
            ports.setdefault(kind.protocol, []).extend(kind.ports)
    for protocol, ranges in ports.items():
        listed = ports_text(normalize(ranges))
        yield f"{protocol_name(protocol)}/{listed}" if listed else protocol_name(protocol)


def _lines(rows: Iterable[Cells], delimiter: str) -> Iterator[str]:
    for cells in rows:
        written = io.StringIO()
        csv.writer(written, delimiter=delimiter, lineterminator="").writerow(cells)
        yield written.getvalue()


def commands(old: str, new: str) -> tuple[str, ...]:
    """The rows that are removed and added, as a table with a column that says which."""
    before, after = (_Table.of(text) for text in (old, new))
    was, is_now = ([cells for _, cells in table.rows] for table in (before, after))
    rows = [(_REMOVE, *cells) for cells in was if cells not in is_now]
    rows += [(_ADD, *cells) for cells in is_now if cells not in was]
    return tuple(_lines([("change", *COLUMNS[: len(after.head)]), *rows], ",")) if rows else ()


def applied(text: str, commands: tuple[str, ...]) -> str:
    """The table after these rows. Raises ValueError for one to remove that is not there."""
    table = _Table.of(text)
    rows = [cells for _, cells in table.rows]
    for verb, *cells in list(csv.reader(commands))[1:]:
        if verb == _ADD:
            rows.append(tuple(cells))
        elif tuple(cells) in rows:
            rows.remove(tuple(cells))
        else:
            raise ValueError(f"there is no such row: {cells[0]}")
    return table.text(rows)
