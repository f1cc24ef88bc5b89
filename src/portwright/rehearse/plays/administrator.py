"""What administrators do from their own computers: remote PowerShell on the deployment server."""

from portwright.protocols import soap, wsman
from portwright.protocols.conversation import Refused
from portwright.rehearse.hosts.host import Host, Hosts, Target
from portwright.rehearse.hosts.visits import Initiate, Initiator, Visit
from portwright.rehearse.plays.people import at
from portwright.rehearse.servers.identity.tickets import NoTicket, by_ticket


class RemoteShell:
    """A shell on another computer. Used within a visit."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    async def run(self, line: str) -> str:
        """What a command says. Raises Refused with its error."""
        shell = wsman.id_of(await self._ask(wsman.OpenShell()))
        command = wsman.id_of(await self._ask(wsman.RunCommand(shell, line)))
        output = wsman.output_of(await self._ask(wsman.Receive(shell, command)))
        await self._ask(wsman.Signal(shell, command))
        await self._ask(wsman.CloseShell(shell))
        if output.code:
            raise Refused(output.error.decode("utf-8", "replace").strip())
        return output.out.decode("utf-8", "replace").strip()

    async def _ask(self, call: wsman.Call) -> soap.Message:
        answer = await self._visit.ask(wsman.asked(call, f"{self._visit.address}{wsman.PATH}"))
        if answer.status == 401:
            raise Refused("PowerShell cannot open the session: access is denied (HTTP 401)")
        return soap.result(answer)


async def deployment_administration(hosts: Hosts) -> str:
    """List the organizations on each deployment server and, where the site is being configured, make one."""
    told = ""
    for host in at(hosts, "crm.deployment-powershell"):
        for number, target in enumerate(host.targets("crm.deployment-powershell")):
            told = await _administer(host, target, hosts[target.exchange.destination], f"Rehearsal{number}")
    return f"PowerShell lists the organization {told}"


async def _administer(host: Host, target: Target, server: Host, name: str) -> str:
    account = host.realm.administrator
    initiate = _initiating(host)
    password = None if initiate else (account.name, account.password)
    async with Visit(host, target.requirement, initiate=initiate, password=password, target=target) as visit:
        shell = RemoteShell(visit)
        told = await shell.run("Get-CrmOrganization")
        if server.needs("crm.deployment-reports") and name not in told:
            await _make(host, shell, name)
    host.say(told)
    return " ".join(told.splitlines()[0].split()) if told else "nothing"


def _initiating(host: Host) -> Initiate | None:
    """How the administrator signs in: by a ticket, as WinRM takes NTLM of none but trusted hosts."""
    if not host.needs("ad.kerberos"):
        return None

    async def initiate(service: str) -> Initiator:
        try:
            return await by_ticket(host, host.realm.administrator, service)
        except NoTicket:
            raise Refused("there are currently no logon servers available (0x80090311)") from None

    return initiate


async def _make(host: Host, shell: RemoteShell, name: str) -> None:
    """Make an organization; where that fails, the others can still be administered."""
    try:
        host.say(await shell.run(f"New-CrmOrganization -Name {name}"))
    except Refused as no:
        host.say(f"New-CrmOrganization fails: {no}")
