"""What people do with CRM, what has to be done beforehand, and the example sites F1, F2, F3 and F5."""

from pathlib import Path

import pytest
from tests.catalog.crm_sites import CATALOG, advice, flows, undecided

from portwright.catalog.model import Effect, Phase, Reading
from portwright.plan.make import make_plan
from portwright.site.load import load_site, parse_site

EXAMPLES = Path(__file__).parents[2] / "examples"

# --------------------------------------------------------------------------------------------------- scenarios


@pytest.mark.parametrize(
    ("scenario", "steps"),
    [
        ("export-to-excel", "1 2a 2b 3 4"),
        ("sandbox-plugin", "1 2 3 4 5 6 7 8 9 10"),
        ("deployment-administration", "1 2 3 4 5 6 7"),
        ("crm-setup", "1 2 3a 3b 4 5"),
    ],
)
def test_the_steps_of_a_scenario(scenario, steps):
    """In the order in which they happen."""
    assert [step.step for step in CATALOG.scenarios[scenario].steps] == steps.split()


@pytest.mark.parametrize(
    ("scenario", "step", "effect", "seen"),
    [
        ("sign-in-integrated", "3", "fallback", "NTLM"),
        ("sign-in-integrated", "7", "broken", "SQL error page"),
        ("export-to-excel", "3", "broken", "error 26"),
        ("export-to-excel", "4", "broken", "Static export works"),
        ("sandbox-plugin", "2", "broken", "no Sandbox Hosts are currently available"),
        ("sandbox-plugin", "3", "broken", "Sandbox Client encountered an error during initialization"),
        ("sandbox-plugin", "7", "later", "stays Waiting"),
        ("deployment-administration", "1", "broken", "0x80090311"),
        ("deployment-administration", "2", "broken", "WinRM cannot complete"),
        ("deployment-administration", "3", "broken", "The session works"),
        ("crm-setup", "1", "fallback", r"SERVER\INSTANCE"),
    ],
)
def test_what_users_see(scenario, step, effect, seen):
    """With the words and codes of the program where they are known."""
    [found] = [one for one in CATALOG.scenarios[scenario].steps if one.step == step]
    assert found.effect is Effect(effect)
    assert seen in found.user_sees


@pytest.mark.parametrize("example", ["f1", "f2", "f3", "f5", "f6"])
def test_every_step_runs_somewhere_on_the_examples(example):
    """No step of ours asks for what the site does not have."""
    site = load_site(EXAMPLES / example / "site.yaml")
    plan = make_plan(site.catalog, site, phases=list(Phase))
    ours = [one for one in plan.scenarios() if one.product == "dynamics-crm-2013" and "mail" not in one.id]
    assert {one.id for one in ours} >= {"sign-in-integrated", "run-sql-report", "sandbox-plugin", "crm-setup"}
    missing = {
        (one.id, step.step, id) for one in ours for step in plan.steps(one) for id in plan.legs(one, step).missing
    }
    assert {place for place in missing if plan.happens(CATALOG.requirements[place[2]].when)} == set()


# ----------------------------------------------------------------------------------------------- preconditions


@pytest.mark.parametrize(
    ("precondition", "words", "cited"),
    [
        ("crm.https-binding", "Bind a certificate to the CRM web site in IIS", "P49"),
        ("crm.one-binding", "one binding of each kind", "S16b"),
        ("crm.tcp-port", r"TcpPort under HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\MSCRM", "P60"),
        ("crm.service-names", "MSCRMSandboxService/HOST", "S22"),
        ("crm.port-sharing", "Net.Tcp Port Sharing", "S24"),
        ("crm.second-hop", "delegation or CredSSP", "P29"),
        ("crm.deployment-manager", "Deployment Manager", "P124"),
        ("crm.web-administration", "crm/client", "P122"),
        ("crm.typed-instance", r"SERVER\INSTANCE", "B8"),
        ("crm.close-setup-ports", "NetBIOS", "P83"),
        ("crm.fetchxml", "FetchXML", "P42"),
        ("sql.fixed-port", "fixed port", "S11"),
    ],
)
def test_what_has_to_be_done_besides_opening_ports(precondition, words, cited):
    """Each says it as an instruction, and where it is written."""
    found = CATALOG.preconditions[precondition]
    assert words in found.says
    assert cited in found.citations


# ---------------------------------------------------------------------------------------------------- examples


def changed(example, *changes):
    """The plan of an example with some of its text replaced."""
    path = EXAMPLES / example / "site.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    site = parse_site(text.encode(), path.parent, CATALOG)
    return make_plan(site.catalog, site, phases=list(Phase))


def test_f1_in_both_readings():
    """What the paper prints of CRM and does not need, and what it needs and does not print."""
    path = EXAMPLES / "f1" / "site.yaml"
    both = [flows(make_plan(CATALOG, load_site(path), list(Phase), reading=one)) for one in Reading]
    corrected, literal = (found - other for found, other in (both, both[::-1]))
    assert literal == {
        "crm.report-execution/crm01>sql01 tcp 80,443",
        "crm.report-publishing/crm01>sql01 tcp 80,443",
        "crm.setup-report-server/crm01>sql01 tcp 80,443",
        "crm.sql-views/staff>sql01 tcp 1433",
    }
    assert {flow.partition("/")[0] for flow in corrected} == {
        "crm.report-execution",
        "crm.report-publishing",
        "crm.setup-report-server",
        "crm.setup-instances",
        "crm.deployment-reports",
        "crm.deployment-sql-pipes",
        "crm.deployment-sql-rpc-mapper",
        "crm.deployment-sql-rpc",
    }


def test_f2_without_the_registry_value_on_one_computer():
    """The Asynchronous Service listens for another port than the Sandbox."""
    plan = changed("f2", ("roles: [crm/async], settings: {sandbox.port: 909}", "roles: [crm/async]"))
    assert advice(plan) == {"crm.sandbox-port/fe01+be01+sbx01"}


def test_f3_has_both_ip_versions():
    """Each flow of its required ones, once for each."""
    site = load_site(EXAMPLES / "f3" / "site.yaml")
    plan = make_plan(CATALOG, site)
    assert {len(flow.packets) for flow in plan.required} == {2}


def test_f5_without_browser_and_without_a_fixed_port():
    """With the Browser off nobody asks it; without a port nobody can write a rule."""
    quiet = changed("f5", ("sql.browser: true ", "sql.browser: false"), ('  - allow: "udp staff > sql01:1434"\n', ""))
    assert not [flow for flow in flows(quiet) if "udp 1434" in flow and "setup" not in flow]
    dynamic = changed("f5", ("{instance: CRM, port: 14330}", "{instance: CRM}"))
    assert "crm.database/fe01>sql01" in undecided(dynamic)
