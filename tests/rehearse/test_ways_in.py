"""Sites that mix ways of signing in: each user signs in as the front end wants it, under the name that is used."""

import asyncio

import pytest
from tests.cli.running import EXAMPLES
from tests.rehearse.loopback import Sockets
from tests.rehearse.rehearsing import rehearse

from portwright.plan.make import make_plan
from portwright.protocols import wsfed
from portwright.protocols.http import Request, form
from portwright.rehearse.exchanges.placing import placed
from portwright.rehearse.hosts.host import Hosts
from portwright.rehearse.hosts.realm import common_realm
from portwright.rehearse.network.layout import layout
from portwright.rehearse.plays.people import users_at
from portwright.rehearse.servers.identity.federation import web_names
from portwright.site.load import load_site

F9 = EXAMPLES / "f9" / "site.yaml"  # perimeter front ends with claims, others with Windows authentication


@pytest.fixture(scope="module")
def hosts():
    """F9, nobody listening."""
    site = load_site(F9)
    plan, lab = make_plan(site.catalog, site), layout(site)
    return Hosts(plan, lab, Sockets(), common_realm(site, lab), [placed(flow, lab, site) for flow in plan.flows])


@pytest.mark.parametrize(("way", "who"), [("claims", ["partners"]), ("integrated", ["staff"])])
def test_users_sign_in_as_their_front_end_wants_it(way, who, hosts):
    """Not as their own settings say it."""
    assert [one.name for one in users_at(hosts, way)] == who


def test_every_name_by_which_users_reach_crm_is_trusted(hosts):
    """The front ends' own, and those of the addresses before them."""
    wanted = {"crm-ext", "crm-int", "fe01", "fe02", "fe03", "fe04"}
    assert {f"{one}.x.example" for one in wanted} <= hosts.shared(web_names)


@pytest.mark.parametrize(
    ("asked", "realm"),
    [("crm-ext.x.example", "crm-ext"), ("fe01.x.example:443", "fe01"), ("evil.test", "fe01"), ("", "fe01")],
)
def test_a_token_is_asked_for_under_the_name_that_is_used(asked, realm, hosts):
    """And under the front end's own where somebody makes up a name."""
    answer = hosts["fe01"].roles["crm/front-end"].services["crm/web"]()
    response = asyncio.run(answer(Request("GET", "/main.aspx", (("Host", asked),))))
    query = form(response.header("location").partition("?")[2])
    assert wsfed.sign_in_of(query).realm == f"https://{realm}.x.example/"


@pytest.mark.kernel
def test_every_play_of_a_mixed_site_works():
    """Through the virtual addresses, from the Internet and from inside."""
    _, document, _ = rehearse(F9)
    played = {one["id"]: one["played"] for one in document["scenarios"] if one["played"]}
    assert {"sign-in-claims", "sign-in-integrated", "run-fetch-report", "deployment-administration"} <= set(played)
    assert all(one["works"] for one in played.values()), played
