"""What is not known to arrive as what gets no rule: it remains, and is said."""

from tests.cli.running import copied, edit, run

MASQUERADE = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o transit -j MASQUERADE\nCOMMIT\n*filter\n"


def test_behind_an_address_that_no_configuration_tells_no_rule_is_written(tmp_path):
    """A rule for every address would let pass far more than the flows."""
    site = copied(tmp_path)
    assert run("render", site, "--platform", "iptables", "-o", tmp_path / "out").status == 0
    for name, old in (("core-fw", "core-fw.cfg"), ("data-fw", "data-fw.nft")):
        (tmp_path / "out" / f"{name}.rules").rename(site.with_name(f"{name}.rules"))
        edit(site, f"config: {old}", f"config: {name}.rules")
    edit(site, "platform: cisco-asa", "platform: iptables")
    edit(site, "platform: nftables", "platform: iptables")
    edit(site.with_name("core-fw.rules"), "*filter\n", MASQUERADE)
    done = run("render", site, "--change", "-o", tmp_path / "change", "--format", "json")
    assert done.status == 3
    points = {point["name"]: point for point in done.document["points"]}
    assert [point["commands"] for point in points.values()] == [[], []]
    assert "crm.database/fe01>sql01" in {one["what"] for one in points["data-fw"]["remaining"]}
