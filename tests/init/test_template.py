"""Choices in a topology: what its comments promise happens."""

from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portwright.init.renumber import addresses_in, renumber
from portwright.init.template import choose, name_site, options, set_point

TEXT = """\
site: contoso
products: [crm-2013, citrix]         # or crm-9.1
hosts:
  fe01: {zone: app, addresses: [10.20.0.11]}
  # adfs01: {zone: app, addresses: [10.20.0.31]}     # if authentication is claims
  # rtr01: {zone: app, addresses: [10.20.0.41]}      # if mail.mode is router and mail.profile is pop3-smtp
  exch01: {zone: app, addresses: [10.20.0.51]}       # if mail.mode is router or server-side
settings:
  authentication: integrated         # or claims
  mail.mode: router                  # or client-side, server-side
  mail.profile: exchange             # or pop3-smtp
  sandbox.port: 909                  # not a choice
enforcement:
  core-fw:
    platform: cisco-asa
    # config: core-fw.cfg            # its configuration
    interfaces: {app: inside}
  edge-fw:
    platform: cisco-asa
    # config: edge-fw.cfg            # its configuration
    interfaces: {app: inside}
paths: []
"""


def changed(before, after):
    """The lines that are new, without their indentation."""
    return [line.strip() for line in after.splitlines() if line not in before.splitlines()]


def test_what_may_be_chosen_stands_in_the_comments():
    """The present value first; a line without '# or' is none."""
    assert {name: option.values for name, option in options(TEXT).items()} == {
        "products": ("crm-2013", "crm-9.1"),
        "authentication": ("integrated", "claims"),
        "mail.mode": ("router", "client-side", "server-side"),
        "mail.profile": ("exchange", "pop3-smtp"),
    }


def test_the_present_values_change_nothing():
    """Not even a blank."""
    assert choose(TEXT, {name: option.value for name, option in options(TEXT).items()}) == TEXT
    assert choose(TEXT, {}) == TEXT


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        (
            {"authentication": "claims"},
            [
                "adfs01: {zone: app, addresses: [10.20.0.31]}     # if authentication is claims",
                "authentication: claims             # or integrated",
            ],
        ),
        (
            {"mail.mode": "client-side"},
            [
                "# exch01: {zone: app, addresses: [10.20.0.51]}       # if mail.mode is router or server-side",
                "mail.mode: client-side             # or router, server-side",
            ],
        ),
        (
            {"mail.profile": "pop3-smtp"},
            [
                "rtr01: {zone: app, addresses: [10.20.0.41]}      "
                "# if mail.mode is router and mail.profile is pop3-smtp",
                "mail.profile: pop3-smtp            # or exchange",
            ],
        ),
        ({"products": "crm-9.1"}, ["products: [crm-9.1, citrix]          # or crm-2013"]),
        ({"mail.mode": "server-side"}, ["mail.mode: server-side             # or router, client-side"]),
        ({"sandbox.port": "910", "no.such": "x"}, []),
    ],
)
def test_a_choice_changes_its_line_and_those_that_depend_on_it(values, lines):
    """And no other."""
    assert changed(TEXT, choose(TEXT, values)) == lines


def test_choosing_and_choosing_back_changes_nothing():
    """But for the order in which alternatives are named."""
    there = choose(TEXT, {"authentication": "claims"})
    assert choose(there, {"authentication": "integrated"}) == TEXT


def test_a_firewall_gets_what_is_known_of_it():
    """Its own lines change, those of its neighbor do not; what is not known stays the example."""
    text = set_point(TEXT, "core-fw", "nftables", "core.nft", "{app: eth1}")
    assert changed(TEXT, text) == ["platform: nftables", "config: core.nft", "interfaces: {app: eth1}"]
    assert text.index("core.nft") < text.index("edge-fw:")
    assert changed(TEXT, set_point(TEXT, "edge-fw", "nftables", None, None)) == ["platform: nftables"]


def test_a_site_gets_its_name():
    """Whatever signs are in it."""
    assert name_site(TEXT, "office").splitlines()[0] == "site: office"
    assert name_site(TEXT, "null").splitlines()[0] == 'site: "null"'
    assert name_site(TEXT, r"a\1b").splitlines()[0] == r'site: "a\\1b"'


# ---------------------------------------------------------------------- addresses

OLD = ip_network("10.20.0.0/24")
NETWORKS = st.one_of(
    st.builds(lambda a, n: ip_network((a, n), strict=False), st.integers(0, 2**32 - 1), st.integers(8, 28)),
    st.builds(lambda a, n: ip_network((a, n), strict=False), st.integers(2**32, 2**128 - 1), st.integers(32, 124)),
)


@pytest.mark.parametrize(
    ("new", "line"),
    [
        ("192.168.5.0/24", "  fe01: {zone: app, addresses: [192.168.5.11]}"),
        ("192.168.5.16/28", "  fe01: {zone: app, addresses: [192.168.5.27]}"),
        ("fd00:20::/64", '  fe01: {zone: app, addresses: ["fd00:20::b"]}'),
        ("10.20.0.0/24", "  fe01: {zone: app, addresses: [10.20.0.11]}"),
    ],
)
def test_hosts_keep_their_place_in_the_network(new, line):
    """The last part of an address stays, in IPv6 too."""
    assert renumber(TEXT, {OLD: (ip_network(new),)}).splitlines()[3] == line


def test_all_new_networks_take_the_place_of_the_old_one():
    """Hosts go into the first."""
    text = "networks: [10.20.0.0/24], host: [10.20.0.11], other: 10.21.0.1"
    moved = renumber(text, {OLD: (ip_network("10.1.0.0/16"), ip_network("fd00::/64"))})
    assert moved == 'networks: [10.1.0.0/16, "fd00::/64"], host: [10.1.0.11], other: 10.21.0.1'


def test_two_networks_can_change_places():
    """All moves happen at once."""
    other = ip_network("10.30.0.0/24")
    text = "10.20.0.0/24 10.20.0.11 10.30.0.0/24 10.30.0.21"
    assert renumber(text, {OLD: (other,), other: (OLD,)}) == "10.30.0.0/24 10.30.0.11 10.20.0.0/24 10.20.0.21"


@given(NETWORKS, NETWORKS)
def test_every_host_lies_in_its_new_network_and_in_no_longer_prefix(new, inner):
    """Each at an address of its own."""
    assume(new != inner)
    hosts = addresses_in(TEXT, OLD)
    text = None
    with suppress(ValueError):
        text = renumber(TEXT + "10.99.0.0/24\n", {OLD: (new,), ip_network("10.99.0.0/24"): (inner,)})
    if text is None:  # no room
        assert inner.version == new.version
        assert inner.subnet_of(new)
        return
    lines = zip(TEXT.splitlines(), text.splitlines(), strict=False)
    found = [after.partition("[")[2].partition("]")[0].strip('"') for before, after in lines if "10.20.0." in before]
    assert len(set(found)) == len(found) == len(hosts)
    for address in map(ip_address, found):
        assert address in new
        assert inner.prefixlen <= new.prefixlen or address not in inner
