"""What happens when a record is created or changed: the plug-ins that are registered for it, at once or later."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

from portwright.protocols.organization_service import Record
from portwright.protocols.tds.values import Value
from portwright.rehearse.hosts.host import Host
from portwright.rehearse.servers.crm.sandbox import run_plugin
from portwright.rehearse.servers.sql.client import Sql

SYNCHRONOUS, ASYNCHRONOUS = 0, 1  # mode of a step, as CRM numbers it
READY, SUSPENDED, LOCKED, COMPLETED = 0, 1, 2, 3  # statecode of a system job
WAITING, IN_PROGRESS, SUCCEEDED, FAILED = 10, 20, 30, 31  # statuscode of a system job; 0 waits for resources
_SYSTEM_EVENT = 1  # operationtype
_REGISTERED = (
    "SELECT name, typename, mode FROM sdkmessageprocessingstep WHERE primaryentitytype = @entity"
    " AND message = @message ORDER BY [rank]"
)


class RegisteredPlugins:
    """Runs what is registered, in a sandbox; what can wait becomes a system job."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def run(self, sql: Sql, message: str, record: Record, user: str, depth: int) -> None:
        """Run the plug-ins for which the user (systemuserid) waits, and put down those that can wait.

        Raises Refused, Unanswered.
        """
        for step in await sql.rows(_REGISTERED, {"@entity": record.entity, "@message": message}):
            if step["mode"] == SYNCHRONOUS:
                said = await run_plugin(self._host, "crm.sandbox", str(step["typename"]), record, user, depth)
                self._host.say(said)
            else:
                await _put_down(sql, step, message, record, user)


async def _put_down(sql: Sql, step: Mapping[str, Value], message: str, record: Record, user: str) -> None:
    """A system job for the Asynchronous Service; it belongs to the user, and runs as the user."""
    row: Mapping[str, Value] = {
        "asyncoperationid": str(uuid4()), "name": str(step["name"]), "typename": str(step["typename"]), "data": user,
        "primaryentitytype": record.entity, "regardingobjectid": record.id, "message": message,
        "operationtype": _SYSTEM_EVENT, "retrycount": 0, "statecode": READY, "statuscode": 0,
        "ownerid": user, "createdon": moment(), "modifiedon": moment(),
    }  # fmt: skip
    columns, marks = ", ".join(row), ", ".join(f"@{name}" for name in row)
    await sql.change(
        f"INSERT INTO asyncoperation ({columns}) VALUES ({marks})",  # noqa: S608 (names of our own)
        {f"@{name}": value for name, value in row.items()},
    )


def moment() -> str:
    """Now, as the database holds times."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
