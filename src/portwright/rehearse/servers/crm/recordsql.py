"""Records made, changed and deleted as statements with parameters; names are those of the entities."""
# ruff: noqa: S608  (every name in these statements is one of `entities`)

from collections.abc import Mapping
from dataclasses import dataclass

from portwright.protocols.tds.values import Value
from portwright.rehearse.servers.crm.entities import Entity


@dataclass(frozen=True, slots=True)
class Change:
    """A statement that changes records."""

    text: str
    values: Mapping[str, Value]

    def seen_by(self, kind: Entity, user: Value) -> "Change":
        """The same, but only where a user sees the record."""
        seen = f"[{kind.primary}] IN (SELECT [{kind.primary}] FROM [{kind.view}])"
        return Change(f"SET CONTEXT_INFO @user; {self.text} AND {seen}", {"@user": user, **self.values})


def insert(kind: Entity, row: Mapping[str, Value]) -> Change:
    """Make a record."""
    columns, marks = ", ".join(f"[{name}]" for name in row), ", ".join(_marks(row))
    return Change(f"INSERT INTO [{kind.name}] ({columns}) VALUES ({marks})", _values(row))


def update(kind: Entity, identity: str, row: Mapping[str, Value]) -> Change:
    """Change a record."""
    changes = ", ".join(f"[{name}] = {mark}" for name, mark in zip(row, _marks(row), strict=True))
    return Change(f"UPDATE [{kind.name}] SET {changes} {_WHERE.format(kind.primary)}", _values(row) | {"@id": identity})


def delete(kind: Entity, identity: str) -> Change:
    """Delete a record."""
    return Change(f"DELETE FROM [{kind.name}] {_WHERE.format(kind.primary)}", {"@id": identity})


def before(kind: Entity, identity: str, names: Mapping[str, Value]) -> Change:
    """Read what an update will change."""
    columns = ", ".join(f"[{name}]" for name in names)
    return Change(f"SELECT {columns} FROM [{kind.name}] {_WHERE.format(kind.primary)}", {"@id": identity})


_WHERE = "WHERE [{}] = @id"


def _marks(row: Mapping[str, Value]) -> list[str]:
    return [f"@p{place}" for place in range(len(row))]


def _values(row: Mapping[str, Value]) -> dict[str, Value]:
    return dict(zip(_marks(row), row.values(), strict=True))
