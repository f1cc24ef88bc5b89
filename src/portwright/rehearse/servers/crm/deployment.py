"""The Deployment Administration Server: the PowerShell commands of CRM, in remote sessions of administrators."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

from portwright.protocols import deployment_service
from portwright.protocols import report_service as reports
from portwright.protocols.conversation import Refused
from portwright.rehearse.hosts.host import Host
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.identity.signing_in import known_user
from portwright.rehearse.servers.identity.tickets import initiating
from portwright.rehearse.servers.reports.defaults import DEFAULT_REPORTS
from portwright.rehearse.servers.role import Answer
from portwright.rehearse.servers.sql.client import signed_in
from portwright.rehearse.servers.sql.records import CONFIGURATION
from portwright.rehearse.servers.winrm import Shells

_DATABASE = "crm.deployment-database"


class DeploymentServer:
    """What runs on the server from which the deployment is administered."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._shells = Shells(host, self.run)

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """Remote PowerShell."""
        return {"windows/winrm": self._shells.connected}

    async def run(self, line: str) -> str:
        """What a command says. Raises Refused, Unanswered and Misspoken where it fails."""
        name, *arguments = line.split() or [""]
        commands: Mapping[str, Callable[[list[str]], Awaitable[str]]] = {
            "get-crmorganization": self._organizations,
            "new-crmorganization": self._new_organization,
        }
        command = commands.get(name.lower())
        if command is None:
            raise Refused(f"The term '{name[:80]}' is not recognized as the name of a cmdlet.")
        self._host.say(f"runs {name}")
        return await command(arguments)

    async def _organizations(self, _: list[str]) -> str:
        """As the Deployment Web Service lists them, with the state that the configuration database has."""
        found = await self._listed()
        async with signed_in(self._host, _DATABASE, CONFIGURATION) as sql:
            rows = await sql.rows("SELECT UniqueName, State FROM Organization")
        states = {str(row["UniqueName"]): row["State"] for row in rows}
        enabled = {name: "Enabled" if state == 1 else "Disabled" for name, state in states.items()}
        return "".join(f"{one.name} {one.database} {enabled.get(one.name, 'Unknown')}\r\n" for one in found)

    async def _listed(self) -> tuple[deployment_service.Organization, ...]:
        account = self._host.realm.account_of(self._host.name)
        async with Visit(self._host, "crm.deployment-web", initiate=initiating(self._host, account)) as visit:
            message = await visit.call(
                deployment_service.PATH, deployment_service.asked(), deployment_service.ACTION, version="1.2"
            )
        return deployment_service.organizations_of(message)

    async def _new_organization(self, arguments: list[str]) -> str:
        """Its database, its line in the configuration database, the account in the directory, its reports."""
        name = _named(arguments)
        if name.lower() in {one.name.lower() for one in await self._listed()}:
            raise Refused(f"The organization '{name}' already exists.")
        if self._host.needs("ad.ldap"):
            await known_user(self._host, "ad.ldap", self._host.realm.administrator.name)
        database = f"{name}_MSCRM"
        async with signed_in(self._host, _DATABASE, CONFIGURATION) as sql:
            await sql.ask(f"CREATE DATABASE [{database}]")
            text = "INSERT INTO Organization (Id, UniqueName, DatabaseName, State) VALUES (@id, @name, @database, 1)"
            await sql.change(text, {"@id": str(uuid4()), "@name": name, "@database": database})
        if self._host.needs("crm.deployment-reports"):
            await self._publish(f"/{database}")
        self._host.say(f"made the organization {name}")
        return f"{name} {database} Enabled\r\n"

    async def _publish(self, folder: str) -> None:
        account = self._host.realm.account_of(self._host.name)
        async with Visit(self._host, "crm.deployment-reports", initiate=initiating(self._host, account)) as visit:
            for name, definition in DEFAULT_REPORTS.items():
                call = reports.CreateReport(name, folder, reports.rdl(definition))
                body, headers = reports.asked(call)
                await visit.call(reports.MANAGEMENT, body, reports.action(call), headers=headers)


def _named(arguments: list[str]) -> str:
    """The value of -Name. Raises Refused where there is none, or where it could not name a database."""
    names = [one.strip("'\"") for one in arguments if not one.startswith("-")]
    if len(names) != 1 or not names[0].isascii() or not names[0].isalnum() or len(names[0]) > 30:
        raise Refused("Give one -Name of ASCII letters and digits, at most 30.")
    return names[0]
