"""Active Directory and Windows: members, domain controllers that replicate, forests that trust each other, clusters."""

from pathlib import Path

import pytest

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Phase, Reading
from portwright.plan.make import make_plan
from portwright.site.load import load_site, parse_site

CATALOG = load_catalog()
EXAMPLES = Path(__file__).parents[2] / "examples"
SITE = """
site: two-offices
products: [active-directory]
zones: {head: {networks: [10.1.0.0/16]}, branch: {networks: [10.2.0.0/16]}}
enforcement: {fw: {platform: nftables}}
paths: [{between: [head, branch], through: [fw]}]
absent: {time/source: a radio clock, dns/server: by file}
hosts:
  dc1: {addresses: [10.1.0.1], roles: [ad/global-catalog, ad/pdc-emulator]}
"""
DC2 = "  dc2: {addresses: [10.2.0.2], roles: [ad/global-catalog]}\n"
RODC = "  dc2: {addresses: [10.2.0.2], roles: [ad/rodc, ad/global-catalog]}\n"
MEMBER = "  m1: {addresses: [10.2.0.9], roles: [windows/server]}\n"
PINNED = "settings: {replication: pinned, ntds: {port: 38901}, netlogon: {port: 38902}, dfsr: {port: 5722}}\n"


def planned(tmp_path, text, **options):
    return make_plan(CATALOG, parse_site((SITE + text).encode(), tmp_path, CATALOG), **options)


def example(name, **options):
    site = load_site(EXAMPLES / name / "site.yaml")
    return make_plan(site.catalog, site, **options)


def seen(plan, point, source, destination, required=True):
    """What the point sees from one host to another, as people say it."""
    return {
        flow.describe()
        for flow, _ in plan.at(point)
        if (flow.source.name, flow.destination.name) == (source, destination) and flow.is_required is required
    }


KERBEROS = {"tcp 88", "udp 88"}
DIRECTORY = {*KERBEROS, "tcp 464", "udp 464", "tcp 389", "udp 389", "tcp 445", "tcp 135"}
TUNNEL = {"udp 500", "udp 4500", "esp"}


@pytest.mark.parametrize(
    ("settings", "required", "optional"),
    [
        ("{replication: dynamic}", {*DIRECTORY, "tcp 49152-65535"}, {"tcp 636", "tcp 3268", "tcp 3269", "icmp echo"}),
        (
            "{replication: dynamic, sysvol: dfsr-2008}",
            {*DIRECTORY, "tcp 49152-65535", "tcp 5722"},
            {"tcp 636", "tcp 3268", "tcp 3269", "icmp echo"},
        ),
        (
            "{replication: pinned, ntds: {port: 38901}, netlogon: {port: 38902}, dfsr: {port: 38903}}",
            {*DIRECTORY, "tcp 38901", "tcp 38902", "tcp 38903"},
            {"tcp 636", "tcp 3268", "tcp 3269", "icmp echo"},
        ),
        (
            "{replication: pinned, sysvol: dfsr-2008, ntds: {port: 38901}, netlogon: {port: 38902}}",
            {*DIRECTORY, "tcp 38901", "tcp 38902", "tcp 5722"},
            {"tcp 636", "tcp 3268", "tcp 3269", "icmp echo"},
        ),
        (
            "{replication: pinned, sysvol: frs, ntds: {port: 38901}, netlogon: {port: 38902}, frs: {port: 38904}}",
            {*DIRECTORY, "tcp 38901", "tcp 38902", "tcp 38904"},
            {"tcp 636", "tcp 3268", "tcp 3269", "icmp echo"},
        ),
        ("{replication: ipsec}", {*TUNNEL, *KERBEROS}, {"ah"}),
        ("{replication: ipsec, ipsec: {authentication: certificate}}", TUNNEL, {"ah"}),
    ],
)
def test_what_a_firewall_between_domain_controllers_has_to_pass(tmp_path, settings, required, optional):
    """Each option, SYSVOL's ways, both ways to prove who one is in IPsec; outside it, time goes to the PDC emulator."""
    plan = planned(tmp_path, DC2 + f"settings: {settings}\n")
    assert seen(plan, "fw", "dc1", "dc2") == required
    assert seen(plan, "fw", "dc2", "dc1") == (required if "ipsec" in settings else {*required, "udp 123"})
    assert seen(plan, "fw", "dc1", "dc2", required=False) == optional


@pytest.mark.parametrize(
    ("settings", "ports"),
    [("{replication: dynamic}", 8 + 16384), (PINNED.partition(": ")[2], 8 + 3), ("{replication: ipsec}", 4)],
)
def test_how_many_ports_each_option_costs(tmp_path, settings, ports):
    """Open at the firewall, one way, because something breaks otherwise; ESP is a protocol and has none."""
    plan = planned(tmp_path, DC2 + f"settings: {settings}\n")
    flows = [flow for flow, _ in plan.at("fw") if flow.source.name == "dc1" and flow.is_required]
    ranges = {(flow.protocol, first, last) for flow in flows for first, last in flow.ports}
    assert sum(last - first + 1 for _, first, last in ranges) == ports


def test_inside_the_tunnel_nothing_is_lost(tmp_path):
    """The flows of replication are there; the firewall in the middle does not see them."""
    plan = planned(tmp_path, DC2 + "settings: {replication: ipsec}\n")
    inner = {flow.describe() for flow in plan.required if flow.tunneled and flow.source.name == "dc2"}
    assert inner == {*DIRECTORY, "tcp 49152-65535", "udp 123"} - KERBEROS
    assert {flow.points for flow in plan.flows if flow.tunneled} == {()}


@pytest.mark.parametrize("settings", ["{replication: dynamic}", PINNED.partition(": ")[2].strip()])
def test_nobody_replicates_from_a_read_only_controller(tmp_path, settings):
    """Every connection of replication goes to the controller that can be written to."""
    plan = planned(tmp_path, RODC + f"settings: {settings}\n")
    found = {flow.id.partition("/")[2] for flow in plan.flows if flow.requirement.id.startswith("ad.replication-")}
    assert found == {"dc2>dc1"}
    assert seen(plan, "fw", "dc1", "dc2") == set()


def test_a_tunnel_to_a_read_only_controller_is_opened_from_either_end(tmp_path):
    """Keys are renewed by either side."""
    plan = planned(tmp_path, RODC + "settings: {replication: ipsec}\n")
    assert seen(plan, "fw", "dc1", "dc2") == TUNNEL
    assert seen(plan, "fw", "dc2", "dc1") == {*TUNNEL, *KERBEROS}


def test_a_read_only_controller_alone_lacks_one_that_can_be_written_to(tmp_path):
    """It is no domain controller of the kind that it needs."""
    text = SITE.replace("[ad/global-catalog, ad/pdc-emulator]", "[ad/rodc, ad/global-catalog]")
    site = parse_site(text.encode(), tmp_path, CATALOG)
    plan = make_plan(CATALOG, site)
    assert "ad/writable-controller" not in site.hosts["dc1"].roles
    assert "ad/writable-controller" in plan.unplaced


@pytest.mark.parametrize(
    ("settings", "reading", "ports"),
    [
        (
            "{replication: dynamic}",
            Reading.CORRECTED,
            "tcp: 88 135 389 445 464 3268 49152-65535; udp: 88 123 389 464",
        ),
        (
            PINNED.partition(": ")[2].strip(),
            Reading.CORRECTED,
            "tcp: 88 135 389 445 464 3268 38901 38902; udp: 88 123 389 464",
        ),
        (
            "{netbios: true}",
            Reading.CORRECTED,
            "tcp: 88 135 139 389 445 464 3268 49152-65535; udp: 88 123 137 138 389 464",
        ),
        (
            "{replication: dynamic}",
            Reading.LITERAL,
            "tcp: 88 135 139 389 445 3268; udp: 88 123 135 137 138 389 445 1025",
        ),
    ],
)
def test_what_a_member_needs_of_its_domain_controller(tmp_path, settings, reading, ports):
    """The paper's six services and what it forgot, or what it prints: UDP 135, 445, 1025 and NetBIOS, and no 464."""
    plan = planned(tmp_path, MEMBER + f"settings: {settings}\n", reading=reading)
    optional = {"tcp 636", "tcp 3269"} | ({"icmp echo"} if reading is Reading.CORRECTED else set())
    needed = {flow.describe() for flow, _ in plan.at("fw")} - optional
    assert needed == {f"{name} {port}" for part in ports.split("; ") for name, port in listed(part)}


def listed(part):
    name, _, found = part.partition(": ")
    return [(name, port) for port in found.split()]


@pytest.mark.parametrize("value", ["pinned, ntds: {port: 38901}", "pinned, netlogon: {port: 38902}"])
def test_pinning_half_is_noticed(tmp_path, value):
    """The directory and Netlogon go together; a port that is not set cannot be named by any rule."""
    plan = planned(tmp_path, MEMBER + f"settings: {{replication: {value}}}\n")
    assert [finding.flow for finding in plan.findings if "so that no rule can name it" in finding.message] != []


@pytest.mark.parametrize(
    ("ports", "rules"),
    [
        ("ntds: {port: 38901}, netlogon: {port: 38901}, dfsr: {port: 5722}", {"ad.pinned-ports-apart"}),
        ("ntds: {port: 38901}, netlogon: {port: 38902}, dfsr: {port: 38902}", {"ad.netlogon-and-dfsr-apart"}),
        ("ntds: {port: 38901}, netlogon: {port: 38902}, dfsr: {port: 38903}", set()),
    ],
)
def test_pinned_ports_differ(tmp_path, ports, rules):
    """Event 5809."""
    plan = planned(tmp_path, f"settings: {{replication: pinned, {ports}}}\n")
    assert {one.subject.partition("/")[0] for one in plan.findings} == rules


def test_dynamic_replication_through_a_firewall_is_advised_against(tmp_path):
    """As the paper ranks the options; with pinned ports nobody is warned."""
    subjects = [one.subject.partition("/")[0] for one in planned(tmp_path, DC2).findings]
    assert set(subjects) == {"ad.open-replication"}
    assert planned(tmp_path, DC2 + PINNED).findings == ()


DOMAINS = """\
  dc2: {addresses: [10.2.0.2], roles: [ad/global-catalog], settings: {ad: {domain: b, forest: %s}}}
  m1: {addresses: [10.2.0.9], roles: [windows/server], settings: {ad: {domain: b, forest: %s}}}
  m2: {addresses: [10.2.0.10], roles: [windows/server], settings: {ad: {domain: a, forest: x}}}
settings: {ad: {domain: a, forest: x, trust: %s}}
"""


@pytest.mark.parametrize(
    ("requirement", "forest", "trust", "expected"),
    [
        ("ad.kerberos", "x", "false", {"m1>dc2", "m2>dc1"}),  # the own domain
        ("ad.global-catalog", "x", "false", {"m1>dc2", "m2>dc2"}),  # the nearest of the forest
        ("ad.global-catalog", "y", "false", {"m1>dc2", "m2>dc1"}),
        ("ad.replication-mapper", "x", "false", {"dc1>dc2", "dc2>dc1"}),
        ("ad.replication-mapper", "y", "true", set()),  # forests do not replicate
        ("trust.member-kerberos", "x", "true", set()),  # one forest needs no trust
        ("trust.member-kerberos", "y", "false", set()),
        ("trust.member-kerberos", "y", "true", {"m1>dc1", "m2>dc2", "dc1>dc2", "dc2>dc1"}),
        ("trust.rpc-dynamic", "y", "true", {"dc1>dc2", "dc2>dc1"}),
    ],
)
def test_domains_and_forests_bound_what_is_needed(tmp_path, requirement, forest, trust, expected):
    """Members use controllers of their own domain; only a trust leads into another forest."""
    plan = planned(tmp_path, DOMAINS % (forest, forest, trust))
    found = {flow.id.partition("/")[2] for flow in plan.flows if flow.requirement.id == requirement}
    assert found == expected


def test_a_trust_needs_smb_only_while_it_is_created(tmp_path):
    """KB 179442: TCP 445 between the domain controllers is for configuring."""
    text = DOMAINS % ("y", "y", "true")
    assert "tcp 445" not in seen(planned(tmp_path, text), "fw", "dc1", "dc2")
    assert "tcp 445" in seen(planned(tmp_path, text, phases=[Phase.CONFIGURE]), "fw", "dc1", "dc2")


NODES = """\
  n1: {addresses: [10.1.0.11], roles: [cluster/node], settings: {cluster.name: sql}}
  n2: {addresses: [10.2.0.12], roles: [cluster/node], settings: {cluster.name: sql}}
  n3: {addresses: [10.2.0.13], roles: [cluster/node], settings: {cluster.name: files}}
"""


def test_the_nodes_of_a_cluster_need_each_other(tmp_path):
    """Heartbeat, cluster service, RPC, SMB and ICMP; another cluster has nothing to do with it."""
    plan = planned(tmp_path, NODES)
    assert seen(plan, "fw", "n1", "n2") == {
        "udp 3343",
        "tcp 3343",
        "tcp 135",
        "tcp 49152-65535",
        "tcp 445",
        "icmp echo",
    }
    assert seen(plan, "fw", "n1", "n3") == set()


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ("{replication: dynamic}", "2 3 4a 5 5c 6a"),
        ("{replication: dynamic, sysvol: dfsr-2008}", "2 3 4a 5 5c 6d"),
        ("{replication: pinned}", "2 3 4b 5 5b 5c 6b"),
        ("{replication: pinned, sysvol: frs}", "2 3 4b 5 5b 5c 6c"),
        ("{replication: ipsec}", "1 2 3 4c 5 5c 6a"),
        ("{replication: ipsec, smtp_replication: true}", "1 2 3 4c 4d 5 5c 6a"),
    ],
)
def test_replication_goes_its_way(tmp_path, settings, steps):
    """One way for the directory and one for SYSVOL, whatever is chosen."""
    plan = planned(tmp_path, DC2 + f"settings: {settings}\n")
    assert [step.step for step in plan.steps(CATALOG.scenarios["dc-replication"])] == steps.split()


@pytest.mark.parametrize(
    ("step", "code"),
    [("1", "0xA8B"), ("1", "0x54B"), ("3", "0x40"), ("4", "0x3A"), ("6a", "0x6D9"), ("6a", "0x6BF"), ("6b", "0x6D9")],
)
def test_the_error_codes_of_a_domain_join(step, code):
    """As Microsoft's guidance gives them, in parentheses."""
    [found] = [one for one in CATALOG.scenarios["domain-join"].steps if one.step == step]
    assert code in found.user_sees.partition("(")[2]
    assert "S8" in found.citations


class TestBranch:
    """Example F7."""

    def test_replication_has_exactly_the_pinned_ports(self):
        """And nobody needs the dynamic range while everything runs."""
        plan = example("f7", phases=[Phase.RUN])
        assert seen(plan, "wan-fw", "rodc01", "dc01") == {
            *DIRECTORY,
            "tcp 38901",
            "tcp 38902",
            "tcp 5722",
            "udp 123",
        }
        assert [flow.id for flow in plan.flows if flow.ports == ((49152, 65535),)] == []

    def test_the_branch_lives_on_its_own_controller(self):
        """Users cross the line for CRM only."""
        flows = [flow for flow, _ in example("f7", phases=[Phase.RUN]).at("wan-fw")]
        assert {flow.destination.name for flow in flows if flow.source.name == "branch-staff"} == {"crm01"}

    def test_computers_are_joined_at_the_head_office(self):
        """Joining writes."""
        plan = example("f7", phases=[Phase.SETUP])
        joined = {flow.destination.name for flow in plan.flows if flow.requirement.id.startswith("ad.join-")}
        assert joined == {"dc01"}

    def test_time_comes_down_the_chain(self):
        """Users from rodc01, that from dc01, that from outside."""
        plan = example("f7")
        chain = {flow.id.partition("/")[2] for flow in plan.flows if flow.requirement.id.startswith("ad.time")}
        assert {"branch-staff>rodc01", "rodc01>dc01", "dc01>time/source"} <= chain

    def test_federation_asks_the_controller_that_can_be_written_to(self):
        """A read-only one does not do for claims."""
        plan = example("f7")
        assert [flow.id for flow in plan.flows if flow.requirement.id == "adfs.claims"] == ["adfs.claims/adfs01>dc01"]


class TestForests:
    """Example F9."""

    def test_the_firewall_sees_the_tunnel_only(self):
        """Between dcx1 and dcx2, and Kerberos beside it."""
        plan = example("f9")
        assert seen(plan, "x-fw", "dcx1", "dcx2") == {*TUNNEL, *KERBEROS}
        assert seen(plan, "x-fw", "dcx2", "dcx1") == {*TUNNEL, *KERBEROS}

    def test_users_and_servers_ask_both_forests_for_tickets(self):
        """Referrals lead from either to the other."""
        plan = example("f9")
        assert KERBEROS | {"udp 389"} == seen(plan, "y-fw", "staff", "dcx1")
        assert KERBEROS | {"udp 389"} == seen(plan, "y-fw", "asy01", "dcy2")

    def test_mail_replicates_between_domains(self):
        """SMTP is for domain controllers of different domains in one forest."""
        found = [flow.id for flow in example("f9").flows if flow.requirement.id == "ad.replication-smtp"]
        assert found == ["ad.replication-smtp/dcy1>dcy2", "ad.replication-smtp/dcy2>dcy1"]

    def test_nothing_of_the_domain_leaves_the_forests(self):
        """The proxy and the partners are no members."""
        flows = [flow for flow in example("f9").flows if flow.source.name in ("wap01", "partners")]
        assert flows != []
        assert [flow.id for flow in flows if flow.requirement.id.startswith(("ad.", "trust.", "dns."))] == []


@pytest.mark.parametrize("id", [id for id in CATALOG.citations if id.startswith("B")])
def test_an_erratum_says_what_portwright_does(id):
    """And not only what is wrong."""
    assert "Portwright" in CATALOG.citations[id].says


@pytest.mark.parametrize(
    ("fact", "references"),
    [
        ("P57", {"kb-179442"}),
        ("P84", {"kb-832017"}),
        ("P96", {"kb-929851", "kb-154596", "dpm-rpc"}),
        ("P99", {"ad-replication-firewalls"}),
    ],
)
def test_where_the_paper_sends_its_reader(fact, references):
    """The documents that it names."""
    assert set(CATALOG.citations[fact].see) == references


def test_the_paper_has_nine_further_references():
    """Appendix A."""
    assert len(set(CATALOG.citations["P121"].see)) == 9
