"""The deployment is administered by remote PowerShell: with a client of another maker, and with our own."""

import asyncio

import pytest
from tests.rehearse.loopback import NETWORK, hosts_of, running

from portwright.protocols.conversation import Refused
from portwright.rehearse import patience
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.plays.administrator import RemoteShell
from portwright.rehearse.servers.identity.tickets import initiating

ROLES = {
    "dc01": ["ad/global-catalog"], "fe01": ["crm/front-end"], "be01": ["crm/back-end"], "dep01": ["crm/deployment"],
    "sql01": ["sql/engine"], "rs01": ["ssrs/report-server"], "adm01": ["admin/workstation"],
}  # fmt: skip


@pytest.fixture
def site(tmp_path):
    return hosts_of(tmp_path, ROLES)


def played(site, play, *, without=()):
    async def run():
        async with running(site, without=without):
            return await asyncio.wait_for(play(), 30)

    return patience.run(run())


def commands(site, *lines, user="administrator"):
    """What each line says in a remote session of a user."""

    async def play():
        account = site.realm.accounts[user]
        async with Visit(
            site["adm01"], "crm.deployment-powershell", initiate=initiating(site["adm01"], account)
        ) as visit:
            return [await RemoteShell(visit).run(line) for line in lines]

    return play


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of that client
def test_pywinrm_runs_a_command(site):
    """By password, as a command and as PowerShell."""
    winrm = pytest.importorskip("winrm")
    host = f"{NETWORK}.14"
    assert any(one.address == host for one in site["adm01"].targets("crm.deployment-powershell"))

    def work():
        credentials = ("administrator", site.realm.administrator.password)
        session = winrm.Session(f"http://{host}:5985/wsman", auth=credentials, transport="basic")
        return session.run_cmd("Get-CrmOrganization"), session.run_ps("Get-CrmOrganization"), session.run_cmd("dir")

    async def play():
        return await asyncio.get_running_loop().run_in_executor(None, work)

    by_command, by_powershell, wrong = played(site, play)
    assert by_command.std_out == by_powershell.std_out == b"CONTOSO CONTOSO_MSCRM Enabled\r\n"
    assert (by_command.status_code, wrong.status_code) == (0, 1)
    assert b"not recognized" in wrong.std_err


def test_an_organization_is_made(site):
    """Its database, its line in the configuration, and its reports; a second of that name is refused."""
    new, listed = played(site, commands(site, "New-CrmOrganization -Name Adventure", "Get-CrmOrganization"))
    assert new == "Adventure Adventure_MSCRM Enabled"
    assert new in listed
    assert "published /Adventure_MSCRM/Account Summary" in site["rs01"].log
    with pytest.raises(Refused, match="already exists"):
        played(site, commands(site, "New-CrmOrganization -Name adventure"))


@pytest.mark.parametrize(
    "line", ["New-CrmOrganization", "New-CrmOrganization -Name a;b", "New-CrmOrganization -Name ä"]
)
def test_a_name_that_could_not_name_a_database_is_refused(site, line):
    """Whatever is in it."""
    with pytest.raises(Refused, match="Give one -Name"):
        played(site, commands(site, line))


def test_only_administrators_have_sessions(site):
    """Others are told so."""
    with pytest.raises(Refused, match="Access is denied"):
        played(site, commands(site, "Get-CrmOrganization", user="alice"))


def test_the_session_works_where_the_web_service_is_silent(site):
    """And every command in it fails."""
    with pytest.raises(Refused, match=r"crm\.deployment-web"):
        played(site, commands(site, "Get-CrmOrganization"), without=("fe01",))
