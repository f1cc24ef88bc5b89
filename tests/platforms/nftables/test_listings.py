"""One rule of every form: as written, as nft lists it, and as its JSON, it means the same."""

import json
import subprocess

import pytest

from portwright.errors import InvalidInput
from portwright.platforms.nftables import parse

HEAD = """table inet t {
    set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90, 1.2.3.4 . 22 }; }
    set seen { type ipv4_addr; flags dynamic,timeout; timeout 1m; elements = { 1.1.1.1 timeout 5m }; }
    set lans { typeof iifname; flags interval; elements = { "eth0", "wg*" }; }
    map targets { type ipv4_addr : verdict; flags interval;
        elements = { 10.0.0.0/8 : jump c, 1.2.3.4 : drop, * : accept }; }
    map published { type inet_service : ipv4_addr . inet_service; elements = { 80 : 10.0.0.1 . 8080 }; }
    quota q { over 10 mbytes }
    limit l { rate 5/second burst 3 packets }
    chain c {
    }
    chain nat {
        type nat hook prerouting priority dstnat;
    }
    chain f {
        type filter hook forward priority filter - 5; policy drop;
    }
}
"""
FILTERS = """
icmp type echo-request accept
icmpv6 type { nd-neighbor-solicit, 130-132 } accept
icmp type . icmp code { 3 . 4, 8 . 0 } accept
icmp code 3 accept
tcp dport != 22 accept
ip saddr != 1.2.3.4 drop
ip saddr { 10.0.0.0/8, 192.168.0.0/16 } ip daddr != { 10.0.0.0/8, 11.0.0.1-11.0.0.9 } accept
ct state != established,related drop
ct state ! established,related drop
ct state established,related accept
ct state { new, invalid } accept
ct state new accept
ct state != new accept
ct state & (established|related) != 0 accept
ct state established,new ct direction reply accept
ct state vmap { established : accept, related : accept, invalid : drop }
tcp flags syn accept
tcp flags == syn accept
tcp flags != syn accept
tcp flags & (fin|syn|rst|ack) == syn accept
tcp flags != syn / fin,syn,rst,ack drop
tcp flags syn,ack drop
tcp flags { syn, syn|ack } drop
tcp flags & (syn|ack) == 0 drop
tcp flags ! syn drop
meta l4proto { tcp, udp } th dport 53 accept
meta l4proto . th dport { tcp . 80, udp . 53 } accept
th dport 53 accept
ip protocol { icmp, tcp } accept
ip6 nexthdr ipv6-icmp accept
meta nfproto ipv6 accept
meta protocol ip accept
ip saddr . tcp dport @pairs accept
ip saddr . tcp dport { 1.1.1.1 . 80, 2.2.2.0/24 . 90-99 } accept
ip saddr . tcp dport vmap { 1.1.1.1 . 80 : accept, 2.2.2.2 . 90-99 : jump c }
ip saddr . ip daddr != { 1.1.1.1 . 2.2.2.2 } accept
ip saddr vmap @targets
iifname "eth*" oifname != { "eth0", "lo" } accept
iifname @lans accept
iif lo accept
iifname vmap { "eth0" : jump c, "lan*" : accept }
iifname . oifname vmap { "a" . "b" : accept }
iifname . ip saddr { "lo" . 1.1.1.1 } accept
meta mark set tcp dport map { 80 : 1, 443: 2 } accept
meta mark & 0xff == 1 accept
meta priority 1:2 accept
ip saddr & 255.0.255.255 == 10.0.0.1 accept
ip saddr & 255.255.0.0 < 10.1.0.0 accept
ip6 saddr & ffff:: == fe80:: accept
ip daddr 10.0.0.0-10.0.0.77 accept
tcp dport < 1024 accept
tcp dport 1000-2000 tcp sport >= 1024 accept
tcp dport vmap { 80 : accept, * : drop }
tcp dport vmap { 22 : accept, 80 : continue } counter drop comment "after the map"
limit rate 10/second burst 5 packets accept
limit rate over 10 mbytes/second accept
limit name "l" accept
quota name "q" drop
quota over 100 mbytes drop
add @seen { ip saddr timeout 10s }
update @seen { ip saddr limit rate 5/minute } accept
meter m1 { ip saddr limit rate 5/second } accept
ct count over 10 drop
ct status dnat accept
ct original ip saddr 1.2.3.4 accept
ct helper "ftp" accept
ip dscp cs1 accept
fib daddr type local accept
fib saddr . iif oif missing drop
rt mtu 100 accept
exthdr frag exists drop
tcp option maxseg size set rt mtu
tcp option timestamp exists accept
ether saddr 00:11:22:33:44:55 accept
vlan id 5 accept
log prefix "x{y " flags all
log prefix "a b" group 2
reject with icmp port-unreachable
reject with icmpv6 no-route
reject with icmpx admin-prohibited
reject with tcp reset
reject
dup to 1.2.3.4
meta nftrace set 1
ct mark set meta mark
jump c
goto c
return
continue
@th,16,16 53 accept
@nh,96,32 0x0a000001 accept
meta pkttype host accept
meta hour "08:00"-"18:00" accept
numgen random mod 2 0 drop
jhash ip saddr mod 2 0 drop
esp spi 4 accept
meta length > 1000 drop
synproxy mss 1460 wscale 7 timestamp sack-perm
ip daddr set 10.0.0.1
tcp dport { 22, 80-90 } ct state new counter accept comment "hello there"
"""
TRANSLATIONS = """
iifname "wan" tcp dport 80 dnat ip to 10.0.0.1:8080
tcp dport 82 dnat ip6 to [fd00::1]:80
tcp dport { 80, 443 } dnat ip to 10.0.0.1-10.0.0.3
dnat ip to tcp dport map { 90 : 10.0.0.9, 91 : 10.0.0.10 }
dnat ip to tcp dport map { 92 : 10.0.0.9 . 80, 93 : 10.0.0.10 . 81 }
dnat ip addr . port to tcp dport map @published
tcp dport 3128 redirect to :3129
redirect
tcp dport 85 dnat ip to 10.0.0.1:80-90 random,persistent
ip daddr 10.0.0.1 tcp dport 99 dnat to :100
dnat ip prefix to ip daddr map { 10.1.0.0/24 : 10.2.0.0/24 }
"""
RULES = [f"nat {rule}" for rule in TRANSLATIONS.strip().split("\n")] + [
    f"f {rule}" for rule in FILTERS.strip().split("\n")
]
LOAD = """nft -f "$1" && while read -r rule; do
    nft "add rule inet t $rule" 2>/dev/null && echo "add rule inet t $rule"
done < "$2"
echo ----; nft list ruleset; echo ----; nft -j list ruleset"""  # a kernel may lack some features: no rule of these


@pytest.fixture(scope="module")
def listings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The rules as written, as nft lists them, and as its JSON."""
    folder = tmp_path_factory.mktemp("nft")
    (folder / "head").write_text(HEAD)
    (folder / "rules").write_text("\n".join(RULES) + "\n")
    command = ["unshare", "--net", "sh", "-c", LOAD, "sh", "head", "rules"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    written, *listed = done.stdout.split("----\n")
    return [HEAD + written, *listed]


def meaning(text: str) -> list[str]:
    """What the rules of the base chains come to, sorted."""
    configuration = parse(text, "ruleset")
    assert [unknown for unknown in configuration.census.unknown if "not understood" in unknown.reason] == []
    return sorted(
        f"{rule.action} {sorted(map(str, rule.match.sure))} {sorted(map(str, rule.match.possible))}"
        for stage in configuration.policies["forward/path"].stages
        for rule in stage.chains[stage.base].rules
    )


@pytest.mark.kernel
def test_a_listing_means_what_was_written(listings: list[str]) -> None:
    """nft writes many rules in another way; each keeps its meaning."""
    written, listed, _ = map(meaning, listings)
    assert len(written) > 60
    assert written == listed


@pytest.mark.kernel
def test_json_means_what_the_text_means(listings: list[str]) -> None:
    """Rule by rule."""
    _, text, json = map(meaning, listings)
    assert text == json


@pytest.mark.parametrize("verdict", ["jump", "goto"])
@pytest.mark.parametrize("body", [{"t": "b"}, None, [], {"target": []}], ids=str)
def test_a_jump_to_nowhere_is_refused(verdict, body):
    """As the kernel refuses it, whatever stands where the chain should."""
    objects = [
        {"table": {"family": "inet", "name": "t"}},
        {"chain": {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "forward", "prio": 0}},
        {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{verdict: body}]}},
    ]
    with pytest.raises(InvalidInput, match="has no chain"):
        parse(json.dumps({"nftables": objects}), "ruleset.json")
