"""Who has signed in to SQL Server, what he may do there, and which records he sees."""

import sqlite3
from dataclasses import dataclass, field

from portwright.rehearse.hosts.realm import USERS
from portwright.rehearse.servers.sql.records import ADMINISTRATOR, user_id

_SERVICE = "svc-"  # how the names of service accounts begin, see `realm`

PERMISSIONS = {
    sqlite3.SQLITE_READ: "SELECT", sqlite3.SQLITE_INSERT: "INSERT", sqlite3.SQLITE_UPDATE: "UPDATE",
    sqlite3.SQLITE_DELETE: "DELETE",
}  # fmt: skip


@dataclass(slots=True)
class Visitor:
    """Somebody who has signed in."""

    account: str  # of the domain
    name: str  # as suser_sname() says it
    database: str
    for_user: str | None = None  # systemuserid, by SET CONTEXT_INFO
    refused: list[tuple[int, str]] = field(default_factory=list)  # what was not allowed: SQLite's number, and of what

    @property
    def is_server(self) -> bool:
        """Whether it is one of CRM's own servers, or the administrator: they read and write the tables."""
        return self.account.startswith(_SERVICE) or self.account == ADMINISTRATOR

    def user(self) -> str:
        """The systemuserid of whoever asks; empty where it is no user of CRM."""
        return self.for_user or (user_id(self.account) if self.account in USERS else "")

    def sees(self, owner: str | None) -> bool:
        """Report whether whoever asks sees the records of an owner."""
        user = self.user()
        is_privileged = self.is_server if self.for_user is None else user == user_id(ADMINISTRATOR)
        return is_privileged or (bool(user) and owner == user)

    def allows(self, action: int, one: str | None, _: str | None, __: str | None, view: str | None) -> int:
        """SQLite's question whether something may be done: users read filtered views, and nothing else."""
        if self.is_server or action not in PERMISSIONS:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ and (view or not one or _is_filtered(one)):
            return sqlite3.SQLITE_OK
        self.refused.append((action, one or ""))
        return sqlite3.SQLITE_DENY


def _is_filtered(name: str) -> bool:
    return name.lower().startswith("filtered")
