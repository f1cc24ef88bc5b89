"""strongSwan between two domain controllers whose site wants IPsec."""

import pytest
from tests.rehearse.real.played import ROOT, played

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


@pytest.fixture(scope="module")
def seen():
    return played("ipsec", ROOT / "examples/f9/site.yaml")


def test_the_firewall_sees_the_tunnel_and_nothing_in_it(seen):
    """The second controller joined and replicated: key exchange and ESP in UDP, and Kerberos, which stays outside."""
    assert seen["seen"] == [["tcp", 88], ["udp", 88], ["udp", 500], ["udp", 4500]]


@pytest.mark.parametrize("way", ["forth", "back"])
def test_the_directory_replicates_in_it(seen, way):
    """Both ways."""
    status, said = seen[way]
    assert (status, "successful" in said) == (0, True), said


@pytest.mark.parametrize("family", ["ldap", "ldap6"])
def test_both_families_travel_in_it(seen, family):
    """One controller asks the other over IPv4 and IPv6, which the firewall lets pass for neither."""
    status, said = seen[family]
    assert (status, "dcx2.x.example" in said) == (0, True), said


def test_it_says_what_it_answers(seen):
    """The key exchange, of both."""
    assert [one for one in seen["services"] if one in (["dcx1", "ad/ike"], ["dcx2", "ad/ike-nat"])] == [
        ["dcx1", "ad/ike"],
        ["dcx2", "ad/ike-nat"],
    ]
