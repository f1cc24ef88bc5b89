"""Signing in with claims: who reaches AD FS, who stands in for it, and what may not stand together."""

import pytest
from tests.catalog.small_sites import CATALOG, STAFF, example, flows, idle, listens, met, planned

from portwright.catalog.model import Effect, Reading

STS = "sts: {addresses: [10.1.0.31], roles: [adfs/server]}"
PROXY = "wap: {addresses: [10.2.0.31], roles: [adfs/proxy], without: [windows/computer]}"
WORLD = "world: {zone: internet, roles: [crm/client], without: [windows/computer]}"
CLAIMS = "{authentication: claims, web.scheme: https}"
SIGN_IN = ("crm.sign-in", "adfs.", "crm.federation", "crm.relying", "crm.proxied")


def test_without_claims_nobody_needs_ad_fs():
    """A site with integrated authentication neither plans AD FS nor misses it."""
    plan = planned()
    assert flows(plan, *SIGN_IN) == set()
    assert plan.unplaced == ()


def test_with_claims_somebody_has_to_place_ad_fs():
    """Users would be sent to a host that nobody named."""
    assert set(planned(settings=CLAIMS).unplaced) == {"adfs/sign-in", "adfs/server"}


def test_users_sign_in_at_the_nearest_page():
    """AD FS inside, its proxy on the Internet; the proxy goes on to AD FS, and metadata goes both ways."""
    plan = planned(STS, PROXY, groups=(STAFF, WORLD), settings=CLAIMS)
    assert flows(plan, *SIGN_IN) == {
        "crm.sign-in staff > sts tcp 443",
        "crm.sign-in world > wap tcp 443",
        "adfs.proxy wap > sts tcp 443",
        "adfs.claims sts > dc tcp 389",
        "crm.federation-metadata crm > sts tcp 443",
        "crm.relying-party-metadata sts > crm tcp 443",
    }


def test_users_on_the_internet_need_the_web_and_ad_fs_and_nothing_else():
    """Their computers are no members of the domain."""
    plan = planned(STS, PROXY, groups=(STAFF, WORLD), settings=CLAIMS)
    found = {flow.id for flow in plan.flows if flow.source.name == "world" or flow.destination.name == "world"}
    assert found == {"crm.web/world>crm", "crm.sign-in/world>wap"}


def test_a_proxy_may_publish_crm_too():
    """It ends the connection from the Internet and opens its own to the front end."""
    settings = "{authentication: claims, web: {scheme: https, internet: proxied}}"
    assert flows(planned(STS, PROXY, settings=settings), "crm.proxied") == {"crm.proxied-web wap > crm tcp 443"}


def test_certificates_have_a_port_of_their_own_where_it_is_chosen():
    """From users to AD FS and to its proxy, but never between these."""
    settings = "{authentication: claims, web.scheme: https, adfs.certificate_port: true}"
    plan = planned(STS, PROXY, groups=(STAFF, WORLD), settings=settings)
    assert {flow.id for flow in plan.flows if flow.describe() == "tcp 49443"} == {
        "crm.sign-in-certificate/staff>sts",
        "crm.sign-in-certificate/world>wap",
    }


@pytest.mark.parametrize(
    ("provider", "found"),
    [
        ("active-directory", {"adfs.claims sts > dc tcp 389"}),
        ("other", {"adfs.identity-provider sts > idp tcp 443"}),
        ("both", {"adfs.claims sts > dc tcp 389", "adfs.identity-provider sts > idp tcp 443"}),
    ],
)
def test_credentials_are_checked_by_one_provider_or_by_both(provider, found):
    """The paper calls them alternatives."""
    idp = "idp: {addresses: [10.2.0.77], roles: [adfs/identity-provider]}"
    plan = planned(STS, idp, settings=f"{{authentication: claims, web.scheme: https, claims.provider: {provider}}}")
    assert flows(plan, "adfs.claims", "adfs.identity") == found


def test_a_read_only_domain_controller_does_not_do():
    """Claims are read from one that can be written to."""
    rodc = "dc: {addresses: [10.1.0.5], roles: [ad/rodc, dns/server]}"
    assert "ad/writable-controller" in planned(STS, settings=CLAIMS, directory=rodc).unplaced


def test_the_servers_of_a_farm_share_their_configuration():
    """Each asks each of the others on TCP 80."""
    other = "sts2: {addresses: [10.1.0.32], roles: [adfs/server]}"
    found = flows(planned(STS, other, settings=CLAIMS), "adfs.farm")
    assert found == {"adfs.farm sts > sts2 tcp 80", "adfs.farm sts2 > sts tcp 80"}


def test_users_of_a_farm_reach_its_one_address():
    """The proxy and CRM do as well; the servers of the farm ask each other by their own."""
    other = "sts2: {addresses: [10.1.0.32], roles: [adfs/server]}"
    farm = "{address: 10.1.0.30, mode: nlb, members: [sts, sts2], services: [adfs/web, adfs/federation]}"
    plan = planned(STS, other, PROXY, settings=CLAIMS, extra=f"virtual: {{farm: {farm}}}")
    assert {flow.id for flow in plan.flows if flow.destination.name == "farm"} == {
        "crm.sign-in/staff>farm",
        "adfs.proxy/wap>farm",
        "crm.federation-metadata/crm>farm",
    }


def test_nobody_administers_what_somebody_else_runs():
    """A hosted AD FS is reached by users and by CRM, not by our administrators."""
    admin = "adm: {addresses: [10.1.0.6], roles: [admin/workstation]}"
    hosted = "outside: {adfs/server: {zone: internet, networks: [192.0.2.0/28]}}"
    plan = planned(admin, settings=CLAIMS, extra=hosted)
    ours = {flow.id for flow in plan.flows if flow.source.host and flow.destination.name == "adfs/server"}
    assert ours == {"crm.sign-in/staff>adfs/server", "crm.federation-metadata/crm>adfs/server"}


@pytest.mark.parametrize(("version", "port"), [("2012r2", "tcp 808"), ("2016", "tcp 1501")])
def test_the_local_listener_is_known_and_never_opened(version, port):
    """A port scan finds it, and no requirement asks for it."""
    plan = planned(f"sts: {{addresses: [10.1.0.31], roles: [adfs/server: {{version: {version}}}]}}", settings=CLAIMS)
    assert listens(plan, "adfs/net-tcp", "sts") == port
    assert [one.id for one in CATALOG.requirements.values() if one.service == "adfs/net-tcp"] == []


def test_the_paper_says_nothing_of_metadata():
    """It follows from an erratum, so the literal reading does not have it."""
    printed = planned(STS, PROXY, settings=CLAIMS, reading=Reading.LITERAL)
    assert flows(printed, "crm.federation", "crm.relying") == set()
    assert flows(printed, "crm.sign-in") == {"crm.sign-in staff > sts tcp 443"}


def test_missing_metadata_shows_late():
    """Everything works until a certificate rolls over."""
    steps = CATALOG.scenarios["sign-in-claims"].steps
    later = {requirement for step in steps if step.effect is Effect.LATER for requirement in step.requirements}
    assert later == {"crm.federation-metadata", "crm.relying-party-metadata"}


BOTH = "both: {addresses: [10.1.0.41], roles: [crm/front-end, adfs/server: {version: %s}]}"


@pytest.mark.parametrize(
    ("hosts", "settings", "rules"),
    [
        ([STS, PROXY], CLAIMS, set()),
        ([BOTH % "2012r2"], CLAIMS, {"crm.adfs-listener/both", "crm.adfs-web/both"}),
        ([BOTH % "2016"], CLAIMS, {"crm.adfs-web/both"}),
        ([BOTH % "2016"], "{authentication: claims, web: {scheme: https, port: 444}}", set()),
        (["both: {addresses: [10.1.0.41], roles: [crm/sandbox, adfs/server]}"], CLAIMS, {"crm.adfs-sandbox/both"}),
        (
            ["both: {addresses: [10.1.0.41], roles: [crm/sandbox, adfs/server]}"],
            "{authentication: claims, web.scheme: https, sandbox.port: 909}",
            set(),
        ),
        (["both: {addresses: [10.2.0.41], roles: [adfs/proxy, adfs/server]}"], CLAIMS, {"adfs.proxy-on-server/both"}),
        ([STS], "{authentication: claims}", {"crm.claims-over-http/crm"}),
    ],
)
def test_what_does_not_go_together(hosts, settings, rules):
    """Listeners on one port of one host, and claims over HTTP."""
    assert met(planned(*hosts, settings=settings)) == rules


def test_every_step_of_signing_in_is_placed_in_the_example():
    """From inside and from the Internet, with both identity providers and with certificates."""
    plan = example("f4")
    scenario = CATALOG.scenarios["sign-in-claims"]
    assert plan.steps(scenario) == scenario.steps
    assert idle(plan, scenario) == []


def test_steps_of_the_internet_are_taken_only_there():
    """A site that nobody on the Internet reaches has neither proxy nor certificates to trace."""
    plan = planned(STS, settings=CLAIMS)
    taken = [step.step for step in plan.steps(CATALOG.scenarios["sign-in-claims"])]
    assert taken == ["1", "2", "3", "4", "5a", "5b", "6", "6b", "7", "8a", "8b"]
