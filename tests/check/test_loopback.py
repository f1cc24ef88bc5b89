"""Firewalls of hosts: what another host sends never comes in on the loopback interface."""

import pytest

NFT = """\
table inet filter {{
  chain input {{
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iif "{interface}" accept
    ip saddr 10.20.0.11 tcp dport 1433 accept
    tcp dport 3389 ip saddr 10.60.0.5 accept
  }}
}}
"""
IPTABLES = """\
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i {interface} -j ACCEPT
-A INPUT -s 10.20.0.11/32 -p tcp -m tcp --dport 1433 -j ACCEPT
-A INPUT -s 10.60.0.5/32 -p tcp -m tcp --dport 3389 -j ACCEPT
COMMIT
"""


@pytest.mark.parametrize(("platform", "text"), [("nftables", NFT), ("iptables", IPTABLES)])
@pytest.mark.parametrize(
    ("interface", "missing", "undecided"), [("lo", ["crm.sql-report/ssrs01>sql01"], []), ("dummy0", [], ["fw-sql01"])]
)
def test_a_rule_for_the_loopback_lets_no_other_host_in(f6, platform, text, interface, missing, undecided):
    """Of any other interface it is not known whether packets come in there."""
    (f6.site.parent / "sql01.rules").write_text(text.format(interface=interface))
    f6.edit(
        f6.site,
        "enforcement:\n",
        f"enforcement:\n  fw-sql01: {{platform: {platform}, on: sql01, config: sql01.rules}}\n",
    )
    findings = f6.check().document["findings"]
    assert [one["flow"] for one in findings if one["kind"] == "missing"] == missing
    assert [one["point"] for one in findings if one["kind"] == "undecided"] == undecided


OPEN = """\
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -s 10.20.0.11/32 -p tcp -m tcp --dport 1433 -j ACCEPT
-A INPUT -s 10.40.0.11/32 -p tcp -m tcp --dport 1433 -j ACCEPT
-A INPUT -s 10.60.0.5/32 -p tcp -m tcp --dport 3389 -j ACCEPT
-A INPUT -i eth0 -j ACCEPT
COMMIT
"""


def test_a_rule_for_an_interface_that_the_site_does_not_say_may_open_everything(f6):
    """Nothing required hangs on it, and yet the site is not proved."""
    (f6.site.parent / "sql01.rules").write_text(OPEN)
    f6.edit(
        f6.site, "enforcement:\n", "enforcement:\n  fw-sql01: {platform: iptables, on: sql01, config: sql01.rules}\n"
    )
    done = f6.check()
    (finding,) = (one for one in done.document["findings"] if one["kind"] == "undecided")
    assert "a line for an interface" in finding["message"]
    assert (done.status, finding["decided_by"]["text"]) == (3, "-A INPUT -i eth0 -j ACCEPT")
