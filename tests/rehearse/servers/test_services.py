"""CRM's own services: the organization service, its listeners on net.tcp, the Sandbox and the Asynchronous Service."""

import asyncio

import pytest
from tests.rehearse.loopback import hosts_of, running

from portwright.protocols import organization_service
from portwright.protocols.conversation import Refused
from portwright.protocols.nettcp import channel
from portwright.protocols.organization_service import Create, Delete, Record, Reference, RetrieveMultiple
from portwright.protocols.tds.client import SqlRefused
from portwright.rehearse import patience
from portwright.rehearse.hosts.host import Unanswered
from portwright.rehearse.servers.crm.addresses import SANDBOX_CALLBACK, SDK_LISTENER
from portwright.rehearse.servers.crm.asynchronous import Asynchronous
from portwright.rehearse.servers.crm.fetchxml import FetchRefused
from portwright.rehearse.servers.crm.organization import DEEPEST, Organization
from portwright.rehearse.servers.crm.sdk import fetch_data_set
from portwright.rehearse.servers.crm.tcpservices import ask_organization, calling
from portwright.rehearse.servers.identity.tickets import initiator, without_tickets
from portwright.rehearse.servers.sql.client import signed_in
from portwright.rehearse.servers.sql.records import CONFIGURATION, identifier, organization_database, user_id

ROLES = {
    "dc01": ["ad/domain-controller"], "fe01": ["crm/front-end"], "be01": ["crm/async"], "sb01": ["crm/sandbox"],
    "sql01": ["sql/engine"], "ssrs01": ["ssrs/report-server"], "pc01": ["crm/client"],
}  # fmt: skip
ACCOUNTS = '<fetch><entity name="account"><attribute name="name"/><order attribute="name"/></entity></fetch>'
TASKS = '<fetch><entity name="task"><attribute name="subject"/><attribute name="regardingobjectid"/></entity></fetch>'


@pytest.fixture(params=[True, False], ids=["domain", "no-domain"])
def site(tmp_path, request):
    """The servers of CRM, with a domain controller and without."""
    return hosts_of(tmp_path, {name: of for name, of in ROLES.items() if request.param or name != "dc01"})


def played(site, play, without=(), elsewhere=()):
    """What a play finds, while the servers run."""

    async def run():
        async with running(site, elsewhere, without):
            return await asyncio.wait_for(play(), 30)

    return patience.run(run())


def names(found, attribute="name"):
    return [one.attributes[attribute] for one in found.records]


def dialed(site):
    """Which requirements have been dialed, in their order."""
    return [one.target.requirement for one in site.dials]


def test_records_are_kept_for_their_users(site):
    """Made, read, changed and deleted; another user sees nothing of it."""

    async def play():
        crm = Organization(site["fe01"])
        made = Record("contact", attributes={"fullname": "Ada", "birthdate": "1815-12-10T00:00:00Z"})
        identity = await crm.create("alice", made)
        await crm.update("alice", Record("contact", identity, {"jobtitle": "Analyst"}))
        found = await crm.retrieve("alice", "contact", identity, ("fullname", "jobtitle", "birthdate", "ownerid"))
        for call in (crm.retrieve("bob", "contact", identity), crm.delete("bob", "contact", identity)):
            with pytest.raises(Refused, match="Does Not Exist"):
                await call
        await crm.delete("alice", "contact", identity)
        with pytest.raises(Refused, match="Does Not Exist"):
            await crm.update("alice", Record("contact", identity, {"jobtitle": "x"}))
        return found

    assert played(site, play).attributes | {"contactid": ""} == {
        "contactid": "", "fullname": "Ada", "jobtitle": "Analyst", "birthdate": "1815-12-10 00:00:00",
        "ownerid": Reference("systemuser", user_id("alice")),
    }  # fmt: skip


BAD = [
    (RetrieveMultiple("<fetch>"), "Invalid Fetch Xml"),
    (Create(Record("nothing")), "'nothing' was not found"),
    (Create(Record("contact", attributes={"x": 1})), "Name = 'x'"),
    (Create(Record("activitypointer")), "made as what they are"),
    (Create(Record("account", attributes={"createdon": "soon"})), "is no datetime"),
    (Delete("contact", "'; drop table contact"), "is no identifier"),
]


@pytest.mark.parametrize(("call", "said"), BAD)
def test_what_cannot_be_done_is_refused(site, call, said):
    """In CRM's words."""

    async def play():
        await Organization(site["fe01"]).answer("alice", call)

    with pytest.raises(Refused, match=said):
        played(site, play)


def test_nobody_else_is_a_user(site):
    """Whoever it says it is."""

    async def play():
        await Organization(site["fe01"]).retrieve_multiple("mallory", ACCOUNTS)

    with pytest.raises(Refused, match="no user of the organization"):
        played(site, play)


def test_an_organization_can_be_disabled(site):
    """In the configuration database, which every server asks where its organization is."""

    async def play():
        async with signed_in(site["fe01"], "crm.database", CONFIGURATION) as sql:
            await sql.change("update Organization set State = 0")
        for work in (
            Organization(site["fe01"]).retrieve_multiple("alice", ACCOUNTS),
            Asynchronous(site["be01"]).work_once(),
        ):
            with pytest.raises(Refused, match="does not exist, or is disabled"):
                await work
        return True

    assert played(site, play)


def test_a_report_reads_by_fetchxml_what_its_user_sees(site):
    """Through the SDK listener, which asks SQL Server on its own connection; the user by name or by number."""

    async def play():
        one = await fetch_data_set(site["ssrs01"], "alice", ACCOUNTS)
        other = await fetch_data_set(site["ssrs01"], user_id("bob"), ACCOUNTS)
        return names(one), names(other)

    assert played(site, play) == (["Blue Yonder Airlines", "Fourth Coffee"], ["Adventure Works", "Litware"])
    steps = [one for one in dialed(site) if one.startswith("crm.")]
    assert steps == ["crm.fetch-report", "crm.database"] * 2


def test_a_report_only_reads(site):
    """And hears from CRM what is wrong with its query."""

    async def play():
        with pytest.raises(Refused, match="entity with a name = 'x'"):
            await fetch_data_set(site["ssrs01"], "alice", '<fetch><entity name="x"/></fetch>')
        async with calling(site["ssrs01"], "crm.fetch-report", SDK_LISTENER) as caller:
            with pytest.raises(Refused, match="Reports retrieve records"):
                await ask_organization(caller, Delete("account", user_id("alice")), "alice")
        with pytest.raises(Refused, match="EndpointNotFound"):
            async with calling(site["ssrs01"], "crm.fetch-report", "/Other"):
                pass
        return True

    assert played(site, play)


def test_a_plugin_calls_back_while_the_user_waits(site):
    """It reads the contact and makes a task for it, as the user."""

    async def play():
        crm = Organization(site["fe01"])
        identity = await crm.create("alice", Record("contact", attributes={"fullname": "Ada Lovelace"}))
        return identity, await crm.retrieve_multiple("alice", TASKS), await crm.retrieve_multiple("bob", TASKS)

    identity, found, others = played(site, play)
    assert names(found, "subject") == ["Call Ada Lovelace"]
    assert found.records[0].attributes["regardingobjectid"] == identity
    assert not others.records
    steps = [one for one in dialed(site) if one.startswith("crm.")]
    assert steps[:4] == ["crm.database", "crm.sandbox", "crm.sandbox-callback", "crm.database"]


def test_a_record_is_not_kept_where_its_plugin_cannot_run(site):
    """The user hears why."""
    condition = '<condition attribute="fullname" operator="eq" value="Ada"/>'
    wanted = f'<fetch><entity name="contact"><filter>{condition}</filter></entity></fetch>'

    async def play():
        crm = Organization(site["fe01"])
        with pytest.raises(Unanswered, match=r"crm\.sandbox"):
            await crm.create("alice", Record("contact", attributes={"fullname": "Ada"}))
        return await crm.retrieve_multiple("alice", wanted)

    assert not played(site, play, without=["sb01"]).records


def test_a_change_is_undone_where_its_plugin_cannot_run(site):
    """As a record that is made is not kept."""

    async def play():
        async with signed_in(site["fe01"], "crm.database", organization_database(site.realm)) as sql:
            await sql.change("update sdkmessageprocessingstep set message = 'Update'")
        crm, identity = Organization(site["fe01"]), identifier("contact", "Nancy")
        with pytest.raises(Unanswered, match=r"crm\.sandbox"):
            await crm.update("alice", Record("contact", identity, {"jobtitle": "President"}))
        return await crm.retrieve("alice", "contact", identity)

    found = played(site, play, without=["sb01"]).attributes
    assert (found["jobtitle"], found["modifiedon"]) == ("Purchasing Manager", "2013-10-01 08:00:00")


def test_aggregates_are_plain_values(site):
    """Whatever their names."""
    text = (
        '<fetch aggregate="true"><entity name="account">'
        '<attribute name="accountid" aggregate="count" alias="ownerid"/></entity></fetch>'
    )

    async def play():
        return await Organization(site["fe01"]).retrieve_multiple("alice", text)

    assert played(site, play).records[0].attributes == {"ownerid": 2}


def test_plugins_do_not_call_each_other_without_end(site):
    """After some turns the last one is refused."""

    async def play():
        await Organization(site["fe01"]).create("alice", Record("contact"), depth=DEEPEST + 1)

    with pytest.raises(Refused, match="infinite loop"):
        played(site, play)


JOBS = '<fetch><entity name="asyncoperation"><all-attributes/></entity></fetch>'


def test_a_plugin_that_can_wait_is_a_system_job(site):
    """Until the Asynchronous Service has had it run, and has written its end on the connection that it came by."""

    async def play():
        crm, service = Organization(site["fe01"]), Asynchronous(site["be01"])
        await crm.create("alice", Record("account", attributes={"name": "Tailspin Toys"}))
        before = await crm.retrieve_multiple("alice", JOBS)
        site.dials.clear()
        await service.work_once()
        steps = dialed(site)
        await service.work_once()
        return before, await crm.retrieve_multiple("alice", JOBS), await crm.retrieve_multiple("alice", TASKS), steps

    before, after, tasks, steps = played(site, play)
    assert names(before, "statuscode") == [0]
    assert names(after, "statuscode") == [30]
    assert names(tasks, "subject") == ["Welcome Tailspin Toys"]
    assert [one for one in steps if one.startswith("crm.")] == [
        "crm.async-database", "crm.sandbox-async", "crm.sandbox-callback", "crm.database", "crm.database",
    ]  # fmt: skip


def test_a_system_job_waits_for_its_sandbox(site):
    """And counts how often it was tried."""

    async def play():
        crm = Organization(site["fe01"])
        await crm.create("alice", Record("account", attributes={"name": "Tailspin Toys"}))
        await Asynchronous(site["be01"]).work_once()
        return (await crm.retrieve_multiple("alice", JOBS)).records[0].attributes

    found = played(site, play, without=["sb01"])
    assert (found["statuscode"], found["retrycount"]) == (10, 1)
    assert str(found["message"]).startswith("No Sandbox Hosts are currently available")


def test_servers_show_tickets_to_each_other(tmp_path):
    """A user's is refused where only servers call; SQL Server knows a server by its domain and name."""
    site = hosts_of(tmp_path, ROLES)

    async def play():
        target = site["sb01"].targets("crm.sandbox-callback")[0]
        shown = await initiator(site["sb01"], site.realm.accounts["alice"], f"host/{target.name}")
        address = f"net.tcp://{target.name}:{target.port}{SANDBOX_CALLBACK}"
        async with site["sb01"].dial("crm.sandbox-callback", target) as wire:
            opened = await wire.run(channel.opened(address, shown))
            with pytest.raises(Refused, match="Access is denied"):
                await wire.run(opened.call("urn:any", organization_service.asked(Delete("contact", "x"))))
        async with signed_in(site["fe01"], "crm.database", organization_database(site.realm)) as sql:
            return await sql.rows("select suser_sname() as who")

    assert played(site, play) == [{"who": f"{site.realm.netbios}\\svc-fe01"}]
    dialed_to_dc = [one.target.requirement for one in site.dials if one.target.exchange.destination == "dc01"]
    assert dialed_to_dc == ["ad.kerberos"] * 4


def test_without_tickets_servers_still_work(tmp_path):
    """By NTLM, at SQL Server and at each other; whoever is called has it checked by a domain controller."""
    site = hosts_of(tmp_path, ROLES)

    async def play():
        return names(await fetch_data_set(site["ssrs01"], "alice", ACCOUNTS))

    kerberos = {("dc01", "ad/kerberos"), ("dc01", "ad/kerberos-udp")}
    assert played(site, play, elsewhere=kerberos) == ["Blue Yonder Airlines", "Fourth Coffee"]
    assert {"ssrs01", "fe01"} <= set(site.shared(without_tickets))
    with pytest.raises(Refused, match="logon denied"):
        played(site, play, without=["dc01"])


def test_a_database_that_is_silent_is_missed(site):
    """Whoever asks for it."""

    async def play():
        for host, requirement in (("fe01", "crm.database"), ("be01", "crm.async-database")):
            with pytest.raises((Unanswered, SqlRefused)):
                async with signed_in(site[host], requirement, organization_database(site.realm)):
                    pass
        with pytest.raises(Refused, match=r"crm\.database"):
            await fetch_data_set(site["ssrs01"], "alice", ACCOUNTS)
        with pytest.raises(FetchRefused):
            await Organization(site["fe01"]).retrieve_multiple("alice", "<fetch/>")
        return True

    assert played(site, play, without=["sql01"])
