"""What administrators do from their own computers: remote PowerShell on the deployment server."""

from portwright.protocols import soap, wsman
from portwright.protocols.conversation import Refused
from portwright.rehearse.hosts import Host, Hosts, Target
from portwright.rehearse.plays.people import at
from portwright.rehearse.servers.tickets import initiating
from portwright.rehearse.visits import Visit


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
    administrator = host.realm.administrator
    password = administrator.name, administrator.password
    initiate = initiating(host, administrator)
    async with Visit(
        host, target.requirement, initiate=initiate, password=None if initiate else password, target=target
    ) as visit:
        shell = RemoteShell(visit)
        told = await shell.run("Get-CrmOrganization")
        if server.needs("crm.deployment-reports") and name not in told:
            host.say(await shell.run(f"New-CrmOrganization -Name {name}"))
    host.say(told)
    return " ".join(told.splitlines()[0].split()) if told else "nothing"
