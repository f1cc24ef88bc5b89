"""What components listen on and what they open, for chosen settings and in both readings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Phase, Reading
from portwright.catalog.tables import PHASES, Tables, together
from portwright.errors import InvalidInput

CATALOG = load_catalog()
PAPER = ("dynamics-crm-2013",)


def tables(reading=Reading.CORRECTED, phases=PHASES, products=PAPER, **chosen):
    return Tables.of(
        CATALOG, products, {name.replace("__", "."): text for name, text in chosen.items()}, reading, phases
    )


def joined(*names, **options):
    return tables(**options).joined([CATALOG.component(name) for name in names])


def opened(table):
    """`sql/engine tcp 1433`, for what is opened."""
    return {f"{use.requirement.destination} {use.label}" for use in table.opens}


def listening(table):
    """`tcp 80 crm/client`, for what is listened on, and who comes."""
    return {f"{one.label} {use.requirement.source}" for one in table.listens for use in one.uses}


@pytest.mark.parametrize(
    ("options", "port"),
    [
        ({}, "tcp 80"),
        ({"web__scheme": "https"}, "tcp 443"),
        ({"web__site": "new"}, "tcp 5555"),
        ({"web__port": "8080"}, "tcp 8080"),
        ({"web__scheme": "https", "web__port": "8443"}, "tcp 8443"),
    ],
)
def test_ports_follow_the_settings(options, port):
    """A chosen port stands; otherwise the default that the other settings lead to."""
    assert f"crm/front-end {port}" in opened(joined("crm/client", **options))
    assert f"{port} crm/client" in listening(joined("crm/front-end", **options))


def test_what_a_condition_asks_for_is_there_when_it_holds():
    """Dynamic worksheets read the SQL views; without them the table says what would add the line."""
    assert "sql/engine tcp 1433" not in opened(joined("crm/client"))
    assert "crm.excel-export" in [one.id for one in joined("crm/client").dormant]
    assert "sql/engine tcp 1433" in opened(joined("crm/client", excel_dynamic_export="true"))


@pytest.mark.parametrize(("instance", "port"), [("default", "tcp 1433"), ("named", "tcp dynamic")])
def test_a_named_instance_has_a_dynamic_port(instance, port):
    """Unless it is given a fixed one."""
    assert f"sql/engine {port}" in opened(joined("crm/front-end", instance=instance))
    assert "sql/engine tcp 51433" in opened(joined("crm/front-end", instance=instance, sql__port="51433"))


def test_a_bundle_is_one_computer():
    """What runs between its parts crosses no firewall; what comes from others does."""
    full = joined("crm/full-server")
    assert {"tcp 80 crm/client", "tcp 808 ssrs/report-server"} <= listening(full)
    assert not any(source in line for line in listening(full) for source in ("crm/front-end", "crm/async"))
    assert "crm/sandbox tcp 808" not in opened(full)
    assert "crm/sandbox tcp 808" in opened(joined("crm/front-end"))


def test_several_components_are_one_computer_too():
    """The paper has a table of a computer with SQL Server and the Reporting Extensions."""
    found = joined("sql/engine", "ssrs/report-server")
    assert {"tcp 1433 crm/front-end", "tcp 80 crm/front-end"} <= listening(found)
    assert "tcp 1433 ssrs/report-server" not in listening(found)


def test_a_component_opens_what_it_implies_too():
    """A front end is a member of the domain, a member asks a domain controller."""
    front = joined("crm/front-end")
    assert {"ad/domain-controller tcp 88", "dns/server udp 53"} <= opened(front)
    assert "tcp 3389 admin/workstation" in listening(front)


def test_a_domain_controller_is_reached_by_members_and_asks_itself():
    """It is a member too; the nearest controller is itself."""
    found = joined("ad/domain-controller")
    assert "tcp 88 ad/member" in listening(found)
    assert "ad.kerberos" in [use.requirement.id for use in found.local]
    assert "ad.kerberos" not in [use.requirement.id for use in found.opens]


@pytest.mark.parametrize(
    ("components", "printed"),
    [
        (  # P45-P56: a Full Server
            ["crm/full-server"],
            "tcp 80, tcp 135, tcp 139, tcp 808, tcp 445, udp 123, udp 137, udp 138, udp 445, udp 1025",
        ),
        (  # P72-P81: SQL Server and the Reporting Extensions, nothing else of CRM
            ["sql/engine", "ssrs/report-server"],
            "tcp 135, tcp 139, tcp 445, tcp 1433, udp 123, udp 137, udp 138, udp 445, udp 1025",
        ),
    ],
)
def test_the_tables_of_listeners_that_the_paper_prints(components, printed):
    """The literal reading has every port of them."""
    found = {one.label for one in joined(*components, reading=Reading.LITERAL).listens}
    assert set(printed.split(", ")) <= found


@pytest.mark.parametrize("line", ["udp 1025", "udp 445", "udp 135"])
def test_only_the_literal_reading_has_what_the_paper_gets_wrong(line):
    """UDP 1025, UDP 445 and UDP 135 are printed, and nobody needs them."""
    assert f"ad/domain-controller {line}" in opened(joined("crm/front-end", reading=Reading.LITERAL))
    assert f"ad/domain-controller {line}" not in opened(joined("crm/front-end"))


def test_only_the_corrected_reading_has_what_the_paper_forgot():
    """UDP 1434 does not occur in the paper."""
    assert "sql/engine udp 1434" in opened(joined("crm/front-end", sql__browser="true"))
    assert "sql/engine udp 1434" not in opened(joined("crm/front-end", sql__browser="true", reading=Reading.LITERAL))


def test_phases_can_be_chosen():
    """Remote Desktop is for administrators, UDP 1434 for Setup."""
    assert "tcp 3389 admin/workstation" not in listening(joined("crm/front-end", phases=(Phase.RUN,)))
    assert opened(joined("crm/server", phases=(Phase.SETUP,))) >= {"sql/engine udp 1434"}
    assert {use.requirement.phase for use in joined("crm/server", phases=(Phase.SETUP,)).opens} == {Phase.SETUP}


def test_products_come_with_what_they_need():
    """The one asked for first, its own needs before the needs of those."""
    found = together(CATALOG, PAPER)
    assert found[:2] == ("dynamics-crm-2013", CATALOG.products["dynamics-crm-2013"].needs[0])
    assert set(found) == CATALOG.with_needs(PAPER)
    assert len(found) == len(set(found))


def test_a_later_version_leaves_out_what_no_longer_holds():
    """Its tables have what it is based on, but what it leaves out."""
    later = [one for one in CATALOG.products.values() if one.based_on]
    assert later
    for product in later:
        assert together(CATALOG, [product.id])[:2] == (product.id, product.based_on)
        found = {use.requirement.id for use in tables(products=(product.id,)).uses()}
        assert found
        assert not found & set(product.leaves_out)


def test_a_setting_that_holds_no_port_is_told(tmp_path):
    """A service of the user's own names a setting of another kind for its port."""
    (tmp_path / "shop.yaml").write_text(SHOP, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"services\.shop/stock\.ports: authentication does not hold ports"):
        load_catalog([tmp_path / "shop.yaml"])


SHOP = """\
product: shop
title: Our web shop
components: {shop/orders: {title: order service}, shop/stock: {title: stock service}}
services: {shop/stock: {at: shop/stock, title: stock, protocol: tcp, ports: "{authentication}"}}
requirements: {shop.stock: {from: shop/orders, to: shop/stock, service: shop/stock, purpose: read stock levels}}
"""

VALUES = {"switch": ["true", "false"], "port": ["1", "65535"], "port-or-dynamic": ["dynamic", "5000"], "ports": ["1-9"]}
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        one.name: st.sampled_from(one.values or VALUES.get(one.kind, ["here"])) for one in CATALOG.settings.values()
    },
)


@given(CHOICES, st.sampled_from(Reading))
def test_what_one_opens_another_listens_on(chosen, reading):
    """Whatever is chosen: a flow stands in the table of its source and in that of its destination, and nowhere else."""
    whole = Tables.of(CATALOG, PAPER, chosen, reading).whole()
    opens = {use.requirement.id: table.components[0].id for table in whole for use in table.opens}
    listens = {
        use.requirement.id: table.components[0].id for table in whole for one in table.listens for use in one.uses
    }
    assert opens == {id: CATALOG.requirements[id].source for id in opens}
    assert listens == {id: CATALOG.requirements[id].destination for id in opens}


@given(CHOICES)
def test_ports_are_written_as_ports(chosen):
    """Numbers, ranges and `dynamic`; nothing where the protocol has none."""
    for use in Tables.of(CATALOG, PAPER, chosen).uses():
        assert bool(use.ports) == bool(use.service.ports.text)
        assert not {*use.ports} - {*"0123456789,-dynamic"}


@pytest.mark.parametrize("component", sorted(CATALOG.components))
def test_a_computer_is_never_its_own_partner(component):
    """Neither end of what it needs of others is inside the computer, but where equals talk or all are needed."""
    table = Tables.of(CATALOG, tuple(CATALOG.products), {}).joined([CATALOG.components[component]])
    one_is_enough = [use for use in table.opens if use.requirement.need is None or use.requirement.need == "nearest"]
    inside = [use for use in one_is_enough if use.requirement.destination in table.roles]
    ends = [(use.requirement.source, use.requirement.destination) for use in inside]
    assert [pair for pair in ends if not CATALOG.are_alike(*pair)] == []
