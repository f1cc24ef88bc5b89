"""Users come into CRM by their ticket or by the token of AD FS, and nobody else does."""

import asyncio

import pytest
from tests.rehearse.loopback import hosts_of, running

from portwright.protocols import saml, wsfed
from portwright.protocols.conversation import Refused
from portwright.protocols.http import Request, formed
from portwright.rehearse import patience
from portwright.rehearse.hosts.browsing import Browser
from portwright.rehearse.hosts.clock import now
from portwright.rehearse.hosts.realm import Account
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.identity.tickets import without_tickets

INSIDE = {
    "dc01": ["ad/global-catalog"], "fe01": ["crm/full-server"], "sql01": ["sql/engine", "ssrs/report-server"],
    "pc01": ["crm/client"],
}  # fmt: skip
PAGE = "<html><head><title>Microsoft Dynamics CRM</title></head><body>Alice</body></html>"
CLAIMS = "authentication: claims, web: {scheme: https}"


KERBEROS = {("dc01", "ad/kerberos"), ("dc01", "ad/kerberos-udp")}


def site_of(folder, settings="", **more):
    return hosts_of(folder, INSIDE | more, settings)


def played(site, play, *, without=(), elsewhere=()):
    """Run a play while the servers run, but those of some hosts and some services."""

    async def run():
        async with running(site, elsewhere, without):
            return await asyncio.wait_for(play(), 30)

    return patience.run(run())


def visiting(site, account=None, path="/main.aspx"):
    async def play():
        async with Browser(site["pc01"], account or site.realm.accounts["alice"]) as browser:
            first = await browser.open(path)
            return first.text, (await browser.open(path)).text

    return play


def test_a_user_comes_in_by_a_ticket(tmp_path):
    """And stays in, on the same connection: the page is the user's own."""
    site = site_of(tmp_path)
    assert played(site, visiting(site)) == (PAGE,) * 2
    dialed = [one.target.requirement for one in site.dials]
    assert dialed.count("crm.web") == 1
    assert {"ad.kerberos", "ad.ldap", "ad.global-catalog"} <= set(dialed)


def test_nobody_comes_in_without_a_ticket(tmp_path):
    """Neither anonymously nor with a ticket of somebody whom the directory does not know."""
    site = site_of(tmp_path)

    async def anonymous():
        async with Visit(site["pc01"], "crm.web") as visit:
            return (await visit.ask(Request("GET", "/main.aspx"))).status

    assert played(site, anonymous) == 401
    wrong = Account("alice", "wrong", "CONTOSO.TESTalice")
    with pytest.raises(Refused):
        played(site, visiting(site, wrong))


def test_without_a_ticket_the_browser_goes_on_by_ntlm(tmp_path):
    """The front end has it checked by the Netlogon of a domain controller, and asks the directory as before."""
    site = site_of(tmp_path)
    assert played(site, visiting(site), elsewhere=KERBEROS) == (PAGE,) * 2
    dialed = [one.target.requirement for one in site.dials]
    assert dialed.index("ad.rpc-mapper") < dialed.index("ad.rpc-dynamic") < dialed.index("ad.ldap")
    assert set(site.shared(without_tickets)) == {"pc01", "fe01"}
    with pytest.raises(Refused, match="401"):
        played(site, visiting(site, Account("alice", "wrong", "CONTOSO.TEST")), elsewhere=KERBEROS)


@pytest.mark.parametrize("service", ["ad/rpc-mapper", "ad/rpc-dynamic"])
def test_ntlm_is_refused_where_no_controller_checks_it(service, tmp_path):
    """401, although the password is right."""
    site = site_of(tmp_path)
    with pytest.raises(Refused, match="401"):
        played(site, visiting(site), elsewhere={*KERBEROS, ("dc01", service)})
    assert any("cannot have the NTLM sign-in of alice checked" in line for line in site["fe01"].log)


def test_a_page_that_is_not_there_is_told(tmp_path):
    """To who has signed in."""
    site = site_of(tmp_path)
    with pytest.raises(Refused, match="404"):
        played(site, visiting(site, path="/nothing"))


STS = {"sts01": ["adfs/server"]}


def test_a_user_comes_in_by_a_token(tmp_path):
    """The browser goes to AD FS and back, with the password once; then it has a cookie."""
    site = site_of(tmp_path, CLAIMS, **STS)
    assert played(site, visiting(site)) == (PAGE,) * 2
    dialed = [one.target.requirement for one in site.dials]
    assert [one for one in dialed if one.startswith(("crm.", "adfs."))][:4] == [
        "crm.web", "crm.sign-in", "adfs.claims", "crm.database",
    ]  # fmt: skip


def test_a_wrong_password_is_refused_by_ad_fs(tmp_path):
    """As it is by Active Directory."""
    site = site_of(tmp_path, CLAIMS, **STS)
    with pytest.raises(Refused, match=r"^Incorrect user ID or password"):
        played(site, visiting(site, Account("alice", "wrong", "x")))


def test_a_forged_token_opens_nothing(tmp_path):
    """Signed by somebody else."""
    site = site_of(tmp_path, CLAIMS, **STS)
    claims = saml.Claims("x", "https://fe01.contoso.test/", {saml.UPN: "administrator@contoso.test"})
    token = saml.issued(claims, saml.make_signer("x"), now())

    async def play():
        async with Visit(site["pc01"], "crm.web") as visit:
            return await visit.ask(Request("POST", "/", (), formed({"wa": "wsignin1.0", "wresult": token}).encode()))

    answer = played(site, play)
    assert (answer.status, answer.header("set-cookie")) == (403, "")


def test_a_token_is_issued_for_crm_alone(tmp_path):
    """AD FS refuses another web site."""
    site = site_of(tmp_path, CLAIMS, **STS)

    async def play():
        async with Visit(site["pc01"], "crm.sign-in") as visit:
            query = wsfed.sign_in_query(wsfed.SignIn("https://evil.test/"))
            return (await visit.ask(Request("GET", f"/adfs/ls/?{query}"))).status

    assert played(site, play) == 400


def test_both_read_each_others_metadata(tmp_path):
    """In the background; CRM takes the certificates from it."""
    site = site_of(tmp_path, CLAIMS, **STS)
    front_end = site["fe01"].roles["crm/front-end"]
    stored, front_end.certificates = front_end.certificates, ()

    async def play():
        await front_end.work_once()
        await site["sts01"].roles["adfs/server"].work_once()

    played(site, play)
    assert front_end.certificates == stored
    assert [one.target.requirement for one in site.dials] == ["crm.federation-metadata", "crm.relying-party-metadata"]


def test_another_identity_provider_checks_the_password(tmp_path):
    """The browser goes there and back; AD FS takes its token and issues its own."""
    site = site_of(tmp_path, CLAIMS + ", claims: {provider: other}", **STS, idp01=["adfs/identity-provider"])
    assert played(site, visiting(site)) == (PAGE,) * 2
    dialed = [one.target.requirement for one in site.dials]
    assert "crm.sign-in-elsewhere" in dialed
    assert "adfs.claims" not in dialed


def test_what_the_site_does_without_is_told(tmp_path):
    """No AD FS though users sign in with claims, no report server though somebody runs a report: an error page."""
    found = hosts_of(tmp_path, INSIDE | {"sql01": ["sql/engine"]}, absent=("ssrs/report-server",))
    with pytest.raises(Refused, match="500"):
        played(found, visiting(found, path="/Reserved.ReportViewerWebControl.axd?id=x"))
    alone = hosts_of(tmp_path, INSIDE, CLAIMS, absent=("adfs/server",))
    with pytest.raises(Refused, match="no security token service"):
        played(alone, visiting(alone))
