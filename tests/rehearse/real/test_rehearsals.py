"""Whole rehearsals in which real programs answer."""

import pytest
from tests.cli.running import EXAMPLES, validate
from tests.rehearse.test_rehearsal import rehearse

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


@pytest.mark.parametrize(
    ("example", "service"),
    [
        ("f2", ("dc01", "ad/kerberos")),  # tickets of Samba open CRM
        ("f3", ("dc02", "ad/ldap")),  # two controllers replicate meanwhile
        ("f7", ("rodc01", "ad/kerberos")),  # those of a read-only controller in a branch as well
        ("f8", ("mail/pop3-server", "mail/pop3")),  # the E-mail Router carries mail from Dovecot and to Postfix
    ],
)
def test_what_works_with_stand_ins_works_with_real_programs(example, service):
    """Every required flow, and every scenario that is played."""
    status, document, said = rehearse(EXAMPLES / example / "site.yaml", "--tier", "real")
    assert (status, document.get("verdict"), document.get("tier")) == (0, "works", "real"), said
    validate(document, "portwright.rehearse/1")
    assert service in {(one["host"], one["service"]) for one in document["services"] if one["tier"] == "real"}
    assert document["unplanned"] == []
    assert not [one["id"] for one in document["scenarios"] if one["played"] and not one["played"]["works"]]


def test_what_runs_inside_ipsec_is_played_inside_ipsec():
    """Flows that no firewall lets pass travel through the tunnel, both ways."""
    status, document, said = rehearse(EXAMPLES / "f9/site.yaml", "--tier", "auto")
    assert status == 3, said  # strongSwan has no ESP of its own protocol: these two flows are not played
    if not any(one["tier"] == "real" and one["service"] == "ad/ike" for one in document["services"]):
        pytest.skip("strongSwan is not installed")
    flows = {one["id"]: one["rehearsed"] for one in document["flows"]}
    ldap = [flows[f"ad.replication-ldap/{ends}"] for ends in ("dcx1>dcx2", "dcx2>dcx1")]
    assert ldap == [flows["ad.ipsec-ike/dcx1>dcx2"]] * 2 == ["passes"] * 2
