"""Who answers: servers of our own, and real programs in their place."""

import pytest
from tests.cli.running import EXAMPLES
from tests.rehearse.rehearsing import rehearse

pytestmark = pytest.mark.kernel


def test_real_programs_answer_where_there_are_any():
    """Samba, chrony and Postfix in F2; what needs a server of Microsoft's is played by ours, and all of it works."""
    status, document, said = rehearse(EXAMPLES / "f2" / "site.yaml", "--tier", "real")
    assert (status, document["verdict"], document["tier"]) == (0, "works", "real"), said
    tiers = {(one["host"], one["service"]): one["tier"] for one in document["services"]}
    real = {(host, service) for (host, service), tier in tiers.items() if tier == "real"}
    assert real >= {
        ("dc01", "ad/kerberos"),
        ("dc01", "ad/ldap"),
        ("ntp01", "time/external-ntp"),
        ("exch01", "mail/smtp"),
    }
    assert tiers["sql01", "sql/tds"] == tiers["fe01", "crm/web"] == "stand-in"
    assert all(one["played"]["works"] for one in document["scenarios"] if one["played"])
    assert (document["unused"], document["unplanned"], document["blocked_sample"]["not_blocked"]) == ([], [], [])


def test_what_runs_inside_ipsec_is_played_where_a_tunnel_is():
    """No rule on the way sees it, and strongSwan's own packets are what passes."""
    status, document, said = rehearse(EXAMPLES / "f9" / "site.yaml", "--tier", "real")
    assert (status, document["verdict"]) == (3, "works"), said  # ESP as a protocol of its own is not played
    flows = {one["id"]: one for one in document["flows"]}
    inside = flows["ad.replication-ldap/dcx1>dcx2"]
    assert (inside["rehearsed"], inside["decided_by"]) == ("passes", None)
    assert flows["ad.ipsec-ike/dcx1>dcx2"]["rehearsed"] == "passes"


def test_what_this_machine_has_is_taken_in_the_automatic_tier():
    """Whatever it has, everything is answered."""
    status, document, said = rehearse(EXAMPLES / "f6" / "site.yaml", "--tier", "auto")
    assert (status, document["verdict"]) == (0, "works"), said
    assert {one["tier"] for one in document["services"]} <= {"real", "stand-in", "echo"}
