"""No secret of a configuration is in anything that a command prints, in whatever form."""

import pytest
from tests.cli.running import copied, edit, run

SECRET = "S3cret"
ASA = f"""enable password {SECRET} encrypted
username admin password {SECRET} encrypted privilege 15
snmp-server community {SECRET}
snmp-server host core 10.50.0.9 community {SECRET} version 2c
snmp-server user u g v3 auth sha {SECRET} priv aes 128 {SECRET}
aaa-server RAD (core) host 10.50.0.9
 key {SECRET}
 radius-common-pw {SECRET}
ntp authentication-key 1 md5 {SECRET}
failover key {SECRET}
tunnel-group 192.0.2.1 type ipsec-l2l
tunnel-group 192.0.2.1 ipsec-attributes
 ikev1 pre-shared-key {SECRET}
 ikev2 local-authentication pre-shared-key {SECRET}
crypto isakmp key {SECRET} address 192.0.2.1
boot config https://admin:{SECRET}@10.50.0.9/start.cfg
unheard-of command password {SECRET}
"""
# Rules that become findings: too wide, shadowed, not understood; each with something that nobody should read.
RULES = f"""access-list reports_in remark old password {SECRET}
access-list reports_in extended permit tcp object ssrs01 object sql01 eq 22
access-list reports_in extended permit tcp object ssrs01 object sql01 eq 22 password {SECRET}
access-list reports_in extended deny tcp any any payload-class password {SECRET}
access-list reports_in extended deny tcp any object sql01 eq 23 key {SECRET}
"""
NFT = f"""\t\tip saddr 10.20.0.0/24 tcp dport 21 accept comment "backup password {SECRET}"
\t\tip saddr 10.20.0.0/24 tcp dport 21 accept comment "password={SECRET}"
\t\tip saddr 10.20.0.0/24 tcp dport 1433 meta skuid 7 drop comment "secret: {SECRET}"
\t\tip saddr 10.20.0.0/24 tcp dport 24 password {SECRET} accept
\t\tip saddr 10.20.0.9 tcp dport 22 drop comment "https://admin:{SECRET}@10.1.1.1/"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the example site, its configurations full of secrets in lines that reports quote."""
    site = copied(tmp_path_factory.mktemp("secrets"))
    core, data = site.with_name("core-fw.cfg"), site.with_name("data-fw.nft")
    (site.parent / "old.cfg").write_bytes(core.read_bytes())
    (site.parent / "old.nft").write_bytes(data.read_bytes())
    rule = "access-list reports_in remark CRM-0113"
    edit(core, rule, RULES + rule)
    edit(core, "object network fe01\n", f"object network fe01\n description password {SECRET}\n")
    core.write_text(ASA + core.read_text(encoding="utf-8"), encoding="utf-8")
    edit(
        data,
        "\t\tip saddr . ip daddr . tcp dport @sql_clients",
        f"{NFT}\t\tip saddr . ip daddr . tcp dport @sql_clients",
    )
    return site.parent


CHECKS = [("check", "site.yaml", "--all", "--format", form) for form in ("text", "json", "sarif", "junit", "markdown")]
OTHERS = [
    (command, *rest, "--format", form)
    for command, *rest in (
        ("query", "site.yaml", "any any > any", "--all"),
        ("query", "site.yaml", "any app > data at data-fw"),
        ("trace", "site.yaml", "--all"),
        ("trace", "site.yaml", "run-sql-report"),
        ("lint", "core-fw.cfg"),
        ("lint", "data-fw.nft"),
        ("diff", "old.cfg", "core-fw.cfg"),
        ("diff", "core-fw.cfg", "old.cfg", "--site", "site.yaml"),
        ("diff", "old.nft", "data-fw.nft"),
        ("diff", "data-fw.nft", "old.nft", "--site", "site.yaml"),
        ("decide", "core-fw.cfg", "tcp 10.40.0.11:40000 > 10.30.0.21:23"),
        ("decide", "core-fw.cfg", "tcp 10.40.0.11:40000 > 10.30.0.21:1433"),
        ("decide", "data-fw.nft", "tcp 10.20.0.11:40000 > 10.30.0.21:21"),
        ("decide", "data-fw.nft", "tcp 10.20.0.11:40000 > 10.30.0.21:1433"),
        ("decide", "data-fw.nft", "tcp 10.20.0.9:40000 > 10.30.0.21:22"),
        ("render", "site.yaml", "--change", "--tighten", "--undecided"),
        ("plan", "site.yaml"),
    )
    for form in ("text", "json")
]


@pytest.mark.parametrize("command", [*CHECKS, ("check", "site.yaml", "--fix"), *OTHERS], ids=" ".join)
def test_no_secret_is_printed(folder, monkeypatch, command):
    """Neither in a text nor in an id, whatever the platform; and nothing fails over them."""
    monkeypatch.chdir(folder)
    done = run(*command)
    assert done.status in (0, 1, 3)
    assert SECRET not in done.out
    assert SECRET not in done.err


def test_a_masked_finding_is_known_again(folder, monkeypatch):
    """Its id is masked as its text is, and the same from run to run."""
    monkeypatch.chdir(folder)
    run("check", "site.yaml", "--format", "json", "-o", "masked.json")
    assert SECRET not in (folder / "masked.json").read_text(encoding="utf-8")
    done = run("check", "site.yaml", "--format", "json", "--baseline", "masked.json")
    assert done.status == 0
    assert any("*****" in one["id"] for one in done.document["findings"])
