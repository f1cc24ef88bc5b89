"""Mail in and out of CRM by each of its ways, and the thin clients of Citrix."""

import pytest
from tests.catalog.small_sites import CATALOG, STAFF, example, flows, idle, met, planned

from portwright.catalog.model import Reading
from portwright.findings import Kind

EXCHANGE = "mx: {addresses: [10.1.0.26], roles: [exchange/server]}"
MAIL = "mail: {addresses: [10.2.0.25], roles: [mail/server]}"
ROUTER = "er: {addresses: [10.2.0.26], roles: [crm/email-router]}"
MAIL_FLOWS = ("crm.outlook", "crm.router", "crm.sync")


def mail(mode, profile="exchange", more=""):
    return f"{{mail: {{mode: {mode}, profile: {profile}}}{more}}}"


@pytest.mark.parametrize(
    ("mode", "profile", "found"),
    [
        ("none", "exchange", set()),
        ("client-side", "exchange", {"crm.outlook-web staff > crm tcp 80", "crm.outlook-exchange staff > mx tcp 443"}),
        (
            "client-side",
            "pop3-smtp",
            {
                "crm.outlook-web staff > crm tcp 80",
                "crm.outlook-pop3 staff > mail tcp 110",
                "crm.outlook-smtp staff > mail tcp 25",
            },
        ),
        ("router", "exchange", {"crm.router-web er > crm tcp 80", "crm.router-exchange er > mx tcp 443"}),
        (
            "router",
            "pop3-smtp",
            {
                "crm.router-web er > crm tcp 80",
                "crm.router-pop3 er > mail tcp 110",
                "crm.router-smtp er > mail tcp 25",
            },
        ),
        (
            "router",
            "exchange-smtp",
            {
                "crm.router-web er > crm tcp 80",
                "crm.router-exchange er > mx tcp 443",
                "crm.router-smtp er > mail tcp 25",
            },
        ),
        (
            "router",
            "pop3-exchange",
            {
                "crm.router-web er > crm tcp 80",
                "crm.router-exchange er > mx tcp 443",
                "crm.router-pop3 er > mail tcp 110",
            },
        ),
        (
            "server-side",
            "exchange",
            {
                "crm.sync-exchange crm > mx tcp 443",
                "crm.sync-autodiscover crm > mx tcp 443",
                "crm.sync-autodiscover-http crm > mx tcp 80",
            },
        ),
        ("server-side", "pop3-smtp", {"crm.sync-pop3 crm > mail tcp 110", "crm.sync-smtp crm > mail tcp 25"}),
        (
            "server-side",
            "both",
            {
                "crm.sync-exchange crm > mx tcp 443",
                "crm.sync-autodiscover crm > mx tcp 443",
                "crm.sync-autodiscover-http crm > mx tcp 80",
                "crm.sync-pop3 crm > mail tcp 110",
                "crm.sync-smtp crm > mail tcp 25",
            },
        ),
    ],
)
def test_each_way_of_mail_has_its_flows(mode, profile, found):
    """Outlook, the E-mail Router or the server; Exchange, or POP3 and SMTP."""
    assert flows(planned(EXCHANGE, MAIL, ROUTER, settings=mail(mode, profile)), *MAIL_FLOWS) == found


def test_the_paper_prints_80_for_exchange_web_services():
    """The literal reading keeps that, and what the paper does not print it leaves out."""
    router = planned(EXCHANGE, ROUTER, settings=mail("router"), reading=Reading.LITERAL)
    assert flows(router, "crm.router-exchange") == {"crm.router-exchange er > mx tcp 80"}
    server = planned(EXCHANGE, settings=mail("server-side"), reading=Reading.LITERAL)
    assert flows(server, "crm.sync") == {"crm.sync-exchange crm > mx tcp 80"}


@pytest.mark.parametrize(
    ("settings", "ports"),
    [
        ("", ["tcp 110", "tcp 25"]),
        (", pop3.tls: true, smtp.mode: submission", ["tcp 995", "tcp 587"]),
        (", smtp.mode: tls", ["tcp 110", "tcp 465"]),
        (", pop3.port: 1110, smtp.port: 2525", ["tcp 1110", "tcp 2525"]),
    ],
)
def test_mail_servers_may_ask_for_tls_or_other_ports(settings, ports):
    """Public providers do."""
    plan = planned(MAIL, settings=mail("server-side", "pop3-smtp", settings))
    assert [flow.describe() for flow in plan.flows if flow.requirement.id.startswith("crm.sync")] == ports


@pytest.mark.parametrize(
    ("profile", "found"),
    [
        ("exchange", {"crm.router-forward-mailbox er > mx tcp 443"}),
        ("pop3-smtp", {"crm.router-forward-pop3 er > mail tcp 110"}),
    ],
)
def test_a_forward_mailbox_is_one_more_mailbox(profile, found):
    """It is optional, and on the port of the router's other mail."""
    settings = f"{{mail: {{mode: router, profile: {profile}, forward_mailbox: true}}}}"
    plan = planned(EXCHANGE, MAIL, ROUTER, settings=settings)
    assert flows(plan, "crm.router-forward") == found
    assert {flow.is_required for flow in plan.flows if flow.requirement.id.startswith("crm.router-forward")} == {False}
    assert flows(planned(EXCHANGE, MAIL, ROUTER, settings=mail("router", profile)), "crm.router-forward") == set()


def test_outlook_reaches_old_exchange_by_rpc():
    """TCP 135 and the dynamic ports of the Exchange server, where it says so."""
    old = "mx: {addresses: [10.1.0.26], roles: [exchange/server: {version: 2010, mapi: rpc}]}"
    plan = planned(old, settings=mail("client-side"))
    assert flows(plan, "crm.outlook-rpc") == {
        "crm.outlook-rpc-mapper staff > mx tcp 135",
        "crm.outlook-rpc staff > mx tcp 49152-65535",
    }
    assert "2b" in {step.step for step in plan.steps(CATALOG.scenarios["outlook-sync"])}


def test_outlook_reaches_new_exchange_by_https_alone():
    """The step by RPC is not taken."""
    plan = planned(EXCHANGE, settings=mail("client-side"))
    taken = [step.step for step in plan.steps(CATALOG.scenarios["outlook-sync"])]
    assert taken == ["1", "2a", "3", "4"]


def test_of_several_mail_servers_the_site_says_which():
    """Nothing is taken for granted."""
    relay = "relay: {addresses: [10.2.0.27], roles: [mail/smtp-server]}"
    settings = mail("router", "pop3-smtp")
    found = planned(MAIL, relay, ROUTER, settings=settings).findings
    [open_choice] = [finding for finding in found if finding.kind is Kind.UNDECIDED]
    assert open_choice.subject == "crm.router-smtp/er"
    choosing = ROUTER.replace("roles", "uses: {mail/smtp-server: relay}, roles")
    found = flows(planned(MAIL, relay, choosing, settings=settings), "crm.router-smtp")
    assert found == {"crm.router-smtp er > relay tcp 25"}


def test_missing_mail_servers_are_found():
    """Whoever chooses a way of mail has to say where its servers are."""
    assert set(planned(ROUTER, settings=mail("router", "both")).unplaced) == {
        "exchange/server",
        "mail/pop3-server",
        "mail/smtp-server",
    }


ONLINE = "outside: {exchange/online: {zone: internet, networks: [192.0.2.0/24]}}"


@pytest.mark.parametrize(
    ("settings", "extra", "rules"),
    [
        (mail("server-side"), "", set()),
        (mail("server-side", more=", exchange.version: 2010"), "", set()),
        (mail("server-side", more=", exchange.version: 2003"), "", {"crm.exchange-too-old/mx"}),
        (mail("server-side", more=", exchange.version: 2007"), "", {"crm.exchange-too-old/mx"}),
        (mail("server-side", more=", exchange.version: 2016"), "", {"crm.exchange-unlisted/mx"}),
        (mail("router", more=", exchange.version: 2007"), "", set()),
        (mail("server-side", "exchange-smtp"), "", {"crm.mixed-mail-profile/crm"}),
        (mail("server-side", "pop3-exchange"), "", {"crm.mixed-mail-profile/crm"}),
        (mail("server-side", "both"), "", set()),
        (mail("router", "exchange-smtp"), "", set()),
        (mail("router", more=", ews.scheme: http"), "", {"crm.ews-in-clear/mx"}),
        (mail("none", more=", ews.scheme: http"), "", set()),
        (mail("server-side"), ONLINE, {"crm.exchange-online/exchange/online"}),
        (mail("router"), ONLINE, set()),
    ],
)
def test_what_the_paper_does_not_support(settings, extra, rules):
    """Its list of October 2013, by mode, profile and version of Exchange."""
    exchange = "" if extra else EXCHANGE
    assert met(planned(exchange, MAIL, ROUTER, settings=settings, extra=extra)) == rules


def test_nobody_administers_exchange_online():
    """Microsoft runs it: it is neither a Windows computer of ours nor a member of our domain."""
    admin = "adm: {addresses: [10.1.0.6], roles: [admin/workstation]}"
    plan = planned(ROUTER, admin, settings=mail("router"), extra=ONLINE)
    assert {flow.requirement.id for flow in plan.flows if "exchange/online" in flow.id} == {"crm.router-exchange"}
    assert "windows.rdp adm > er tcp 3389" in flows(plan, "windows.rdp")


@pytest.mark.parametrize(
    ("hosts", "rules"),
    [
        ([EXCHANGE], set()),
        (["mx: {addresses: [10.2.0.26], roles: [exchange/server]}"], {"exchange.filtered-directory/mx+dc"}),
        (
            [EXCHANGE, "edge: {addresses: [10.2.0.26], roles: [exchange/server]}"],
            {"exchange.filtered/edge+mx", "exchange.filtered-directory/edge+dc"},
        ),
    ],
)
def test_no_firewall_stands_beside_exchange(hosts, rules):
    """Neither between its servers nor before its domain controllers."""
    names = {rule.partition("/")[0]: set(rule.partition("/")[2].split("+")) for rule in met(planned(*hosts))}
    assert names == {rule.partition("/")[0]: set(rule.partition("/")[2].split("+")) for rule in rules}


def test_users_may_differ_in_how_their_mail_goes():
    """The paper lets the administrator choose for each user: a group has settings of its own."""
    sales = "sales: {zone: inside, networks: [10.1.8.0/24], roles: [crm/client], settings: {mail.mode: client-side}}"
    plan = planned(EXCHANGE, groups=(STAFF, sales), settings=mail("server-side"))
    assert flows(plan, "crm.outlook") == {
        "crm.outlook-web sales > crm tcp 80",
        "crm.outlook-exchange sales > mx tcp 443",
    }
    assert {"outlook-sync", "server-side-sync"} <= {scenario.id for scenario in plan.scenarios()}
    assert "outlook-sync" in {one.scenario for one in plan.breaks(plan.flow("crm.outlook-exchange/sales>mx"))}


THIN = "thin: {zone: internet, networks: [198.51.100.0/24], roles: [citrix/client]}"
FARM = "ctx: {addresses: [10.1.0.51], roles: [citrix/host, crm/client]}"
GATEWAY = "gw: {addresses: [10.2.0.51], roles: [citrix/gateway]}"


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("{}", {"citrix.reliable-session thin > ctx tcp 2598"}),
        ("{citrix.session_reliability: false}", {"citrix.session thin > ctx tcp 1494"}),
        ("{citrix.access: gateway}", {"citrix.gateway-reliable-session gw > ctx tcp 2598"}),
        (
            "{citrix: {access: gateway, session_reliability: false}}",
            {"citrix.gateway-session gw > ctx tcp 1494"},
        ),
    ],
)
def test_sessions_of_thin_clients(settings, found):
    """To the hosts themselves or by the gateway, with session reliability or without; never to CRM."""
    plan = planned(FARM, GATEWAY, groups=(THIN,), settings=settings)
    assert flows(plan, "citrix.") == found | {"citrix.sign-in thin > gw tcp 443"}
    assert {flow.requirement.product for flow in plan.flows if flow.source.name == "thin"} == {"citrix"}
    assert flows(plan, "crm.web") == {"crm.web ctx > crm tcp 80"}


def test_the_paper_announces_citrix_and_does_not_treat_it():
    """An erratum adds it."""
    assert flows(planned(FARM, GATEWAY, groups=(THIN,), reading=Reading.LITERAL), "citrix.") == set()


WHERE = {
    "outlook-sync": "f10",
    "email-router-exchange": "f8",
    "email-router-pop3": "f8",
    "server-side-sync": "f10",
    "citrix-session": "f10",
}


@pytest.mark.parametrize(("scenario", "name"), WHERE.items())
def test_every_scenario_of_mail_happens_in_an_example(scenario, name):
    """And each step that is taken there is placed."""
    plan, found = example(name), CATALOG.scenarios[scenario]
    assert found in plan.scenarios()
    assert idle(plan, found) == []
