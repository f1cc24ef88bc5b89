"""The Asynchronous Service: system jobs from SQL Server, run in a sandbox, their end written where they came from."""

from collections.abc import Callable, Mapping

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.organization_service import Record
from portwright.protocols.tds.values import Value
from portwright.rehearse.hosts.host import Host, Unanswered
from portwright.rehearse.servers.crm.sandbox import run_plugin
from portwright.rehearse.servers.crm.steps import (
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    LOCKED,
    READY,
    SUCCEEDED,
    WAITING,
    moment,
)
from portwright.rehearse.servers.role import Answer
from portwright.rehearse.servers.sql.client import Sql, at_organization

_WAITING_JOBS = "SELECT * FROM asyncoperation WHERE statecode = @ready ORDER BY createdon, asyncoperationid"
_CHANGED = (
    "UPDATE asyncoperation SET statecode = @state, statuscode = @status, message = @said, completedon = @completed,"
    " retrycount = retrycount + @tried WHERE asyncoperationid = @id"
)


class Asynchronous:
    """The service; nobody calls it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """None: it listens nowhere."""
        return {}

    async def work_once(self) -> None:
        """Do the system jobs that wait, all on one connection to SQL Server. Raises Unanswered, Refused, Misspoken."""
        async with at_organization(self._host, "crm.async-database") as sql:
            for job in await sql.rows(_WAITING_JOBS, {"@ready": READY}):
                await self._change(sql, job, LOCKED, IN_PROGRESS, "")
                await self._work(sql, job)

    async def _work(self, sql: Sql, job: Mapping[str, Value]) -> None:
        """One job: where no sandbox answers it waits for another time."""
        record = Record(str(job["primaryentitytype"]), str(job["regardingobjectid"]))
        try:
            said = await run_plugin(self._host, "crm.sandbox-async", str(job["typename"]), record, str(job["data"]))
        except Unanswered as problem:
            await self._change(
                sql, job, READY, WAITING, f"No Sandbox Hosts are currently available: {problem}", tried=1
            )
        except (Refused, Misspoken, EndOfStream, OSError) as problem:
            await self._change(sql, job, COMPLETED, FAILED, str(problem))
        else:
            await self._change(sql, job, COMPLETED, SUCCEEDED, said)

    async def _change(
        self, sql: Sql, job: Mapping[str, Value], state: int, status: int, said: str, tried: int = 0
    ) -> None:
        if said:
            self._host.say(f"{job['name']!s}: {said}")
        values: Mapping[str, Value] = {
            "@state": state, "@status": status, "@said": said, "@tried": tried, "@id": job["asyncoperationid"],
            "@completed": moment() if state == COMPLETED else None,
        }  # fmt: skip
        await sql.change(_CHANGED, values)
