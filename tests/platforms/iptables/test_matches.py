"""What single matches and targets of iptables mean, packet by packet."""

import pytest
from tests.platforms.iptables.rulesets import decided, saved

from portwright.policy.walk import Decided

SYN = "tcp 10.1.2.3:40000 > 10.2.0.7:443"
SYN6 = "tcp [fd00::1]:40000 > [fd00::2]:443"
DNS = "udp 10.1.2.3:40000 > 10.2.0.7:53"
PING = "icmp 10.1.2.3 > 10.2.0.7 type 8 code 0"
PING6 = "icmpv6 [fd00::1] > [fd00::2] type 128 code 0"
ESP = "esp 10.1.2.3 > 10.2.0.7"
ALL = (SYN, SYN6, DNS, PING, PING6, ESP)
V4 = (SYN, DNS, PING, ESP)

MATCHES = [  # IP versions, condition, packets that it takes, out of ALL
    ("46", "", ALL),
    ("4", "", V4),
    ("4", "-s 10.1.0.0/16", V4),
    ("4", "! -s 10.1.0.0/16", ()),
    ("4", "-s ! 10.1.0.0/16", ()),
    ("4", "! -s 10.9.0.0/16", V4),
    ("4", "-s 10.1.2.3/32 -d 10.2.0.7", V4),
    ("4", "-s 10.9.9.9,10.1.0.0/255.255.0.0", V4),
    ("4", "-d 10.2.0.7/255.255.0.255", V4),
    ("4", "-d 10.2.0.0/255.0.255.255", ()),
    ("4", "! -d 10.2.0.7/255.255.0.255", ()),
    ("4", "-s 0.0.0.0/0", V4),
    ("6", "-s fd00::/8 -d fd00::2/ffff:ffff:ffff:ffff:ffff:ffff:ff00:ffff", (SYN6, PING6)),
    ("6", "! -d fd00::2/128", ()),
    ("46", "-p tcp", (SYN, SYN6)),
    ("46", "! -p tcp", (DNS, PING, PING6, ESP)),
    ("46", "-p 50", (ESP,)),
    ("46", "-p esp", (ESP,)),
    ("46", "-p all", ALL),
    ("46", "-i eth0", ALL),
    ("46", "-i et+ ! -o eth0", ALL),
    ("46", "-i + -o +", ALL),
    ("46", "! -i +", ()),
    ("46", "-i lo", ()),
    ("46", "! -i eth+", ()),
    ("46", "-i eth0+", ALL),
    ("46", "-p tcp -m tcp --dport 443", (SYN, SYN6)),
    ("46", "-p tcp --dport https", (SYN, SYN6)),
    ("46", "-p tcp --destination-port :443 --source-port 40000:", (SYN, SYN6)),
    ("46", "-p tcp -m tcp ! --dport 22", (SYN, SYN6)),
    ("46", "-p tcp -m tcp ! --sport 1024:65535", ()),
    ("46", "-p udp -m udp --dport 53", (DNS,)),
    ("46", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", (SYN, SYN6)),
    ("46", "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", ()),
    ("46", "-p tcp -m tcp --syn", (SYN, SYN6)),
    ("46", "-p tcp ! --syn", ()),
    ("46", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE", ()),
    ("46", "-p tcp -m tcp --tcp-flags ALL SYN", (SYN, SYN6)),
    ("46", "-p tcp -m multiport --dports 22,80,400:500", (SYN, SYN6)),
    ("46", "-p tcp -m multiport ! --dports 22,80,400:500", ()),
    ("46", "-p tcp -m multiport --sports 22", ()),
    ("46", "-p tcp -m multiport --ports 1,2:443", (SYN, SYN6)),
    ("46", "-p tcp -m multiport ! --ports 1,2:443", ()),
    ("46", "-p tcp -m multiport ! --ports 1,2:442", (SYN, SYN6)),
    ("46", "-p udp -m multiport --dports domain,ntp", (DNS,)),
    ("4", "-p icmp", (PING,)),
    ("4", "-p icmp -m icmp --icmp-type 8", (PING,)),
    ("4", "-p icmp -m icmp --icmp-type 8/0", (PING,)),
    ("4", "-p icmp -m icmp --icmp-type echo-request", (PING,)),
    ("4", "-p icmp -m icmp --icmp-type any", (PING,)),
    ("4", "-p icmp -m icmp ! --icmp-type any", ()),
    ("4", "-p icmp -m icmp ! --icmp-type 3/1", (PING,)),
    ("4", "-p icmp -m icmp ! --icmp-type 8", ()),
    ("4", "-p icmp --icmp-type network-unreachable", ()),
    ("6", "-p ipv6-icmp -m icmp6 --icmpv6-type 128", (PING6,)),
    ("6", "-p icmpv6 --icmpv6-type echo-request", (PING6,)),
    ("6", "-p ipv6-icmp -m icmp6 ! --icmpv6-type 135", (PING6,)),
    ("4", "-m iprange --src-range 10.1.2.1-10.1.2.3", V4),
    ("4", "-m iprange ! --src-range 10.1.2.1-10.1.2.3", ()),
    ("4", "-m iprange --src-range 10.1.2.1-10.1.2.3 ! --dst-range 10.2.0.8-10.2.0.9", V4),
    ("6", "-m iprange --dst-range fd00::2-fd00::3", (SYN6, PING6)),
    ("46", "-m conntrack --ctstate NEW", ALL),
    ("46", "-m conntrack --ctstate RELATED,ESTABLISHED", ()),
    ("46", "-m conntrack ! --ctstate RELATED,ESTABLISHED", ALL),
    ("46", "-m state --state NEW,ESTABLISHED", ALL),
    ("46", "-m state ! --state NEW", ()),
    ("46", "-m conntrack --ctstate INVALID", ()),
    ("46", "-m conntrack --ctstate NEW --ctproto 6", (SYN, SYN6)),
    ("46", "-m conntrack ! --ctproto 6", (DNS, PING, PING6, ESP)),
    ("4", "-m conntrack --ctstate NEW --ctorigdst 10.9.9.9", ()),
    ("4", "-m conntrack ! --ctorigdst 10.9.9.9 --ctorigsrc 10.1.0.0/16", V4),
    ("46", "-p tcp -m conntrack --ctorigdstport 443:444", (SYN, SYN6)),
    ("46", "-m conntrack --ctdir ORIGINAL", ALL),
    ("46", "-m conntrack --ctdir REPLY", ()),
    ("46", "-m conntrack --ctstate RELATED,ESTABLISHED,DNAT", ()),
    ("46", "-m conntrack --ctstate SNAT", ()),
    ("46", "-m comment --comment \"-j ACCEPT \\\" ! -s 10.0.0.0/8\"", ALL),
    ("46", "-m recent --set --name a --mask 255.255.255.255 --rsource", ALL),
    ("46", "-m recent ! --set --name a", ()),
    ("4", "-f", ()),
    ("4", "! -f", V4),
    ("4", "-m addrtype --dst-type LOCAL", ()),
    ("4", "-m addrtype ! --dst-type LOCAL", V4),
    ("4", "-m addrtype --dst-type UNICAST", V4),
    ("4", "-m addrtype --dst-type MULTICAST,BROADCAST,LOCAL", ()),
    ("4", "-m addrtype --src-type MULTICAST,BROADCAST", ()),
    ("4", "-m addrtype ! --dst-type ANYCAST", V4),
    ("6", "-m addrtype --dst-type LOCAL", ()),
    ("6", "-m rt --rt-type 0", ()),
    ("6", "-m frag ! --fragid 1", ()),
    ("46", "-p tcp -m comment --comment x -m multiport --dports 443 -m conntrack --ctstate NEW", (SYN, SYN6)),
    ("46", "-c 5 300 -p tcp", (SYN, SYN6)),
]  # fmt: skip


@pytest.mark.parametrize(("versions", "condition", "taken"), MATCHES)
def test_a_match_takes_exactly_these_packets(versions: str, condition: str, taken: tuple[str, ...]) -> None:
    """A rule that drops what the match takes drops these packets and no other."""
    text = saved(f"-A FORWARD {condition} -j DROP", versions=versions)
    ways = {packet: f"{packet} in eth0 out eth1" for packet in ALL}
    assert [packet for packet, way in ways.items() if decided(text, way) is Decided.DROP] == list(taken)
    assert [packet for packet, way in ways.items() if decided(text, way) is Decided.UNDECIDED] == []


UNCERTAIN = [  # IP versions, condition, packets left undecided, out of ALL: those that it may take
    ("46", "-m limit --limit 5/min", ALL),
    ("46", "-p tcp -m limit --limit 5/min --dport 443", (SYN, SYN6)),
    ("46", "-m hashlimit --hashlimit-upto 5/sec --hashlimit-mode srcip --hashlimit-name a", ALL),
    ("46", "-m recent --rcheck --seconds 60 --name a --rsource", ALL),
    ("46", "-m mark --mark 0x1/0xff", ALL),
    ("46", "-m connmark ! --mark 0x1", ALL),
    ("46", "-m mac --mac-source 00:11:22:33:44:55", ALL),
    ("46", "-m owner --uid-owner 0", ALL),
    ("46", "-m time --timestart 08:00:00 --timestop 18:00:00", ALL),
    ("46", '-m string --string "-j ACCEPT" --algo bm', ALL),
    ("46", "-m statistic --mode random --probability 0.5", ALL),
    ("46", "-m policy --dir in --pol ipsec", ALL),
    ("46", "-m physdev --physdev-is-bridged", ALL),
    ("46", "-m rpfilter --invert", ALL),
    ("46", "-m connlimit --connlimit-above 10", ALL),
    ("46", "-m pkttype --pkt-type broadcast", ALL),
    ("46", "-m length --length 0:100", ALL),
    ("4", "-m ttl --ttl-eq 255", V4),
    ("46", "-p udp -m udp --dport 53 -m u32 --u32 \"0x0&0xff=0x1\"", (DNS,)),
    ("46", "-p esp -m esp --espspi 5", (ESP,)),
    ("46", "-p tcp -m tcp --tcp-option 8", (SYN, SYN6)),
    ("46", "-p tcp -m tcp --dport no-such-service", (SYN, SYN6)),
    ("46", "-p no-such-protocol", ALL),
    ("4", "-s www.example.com", V4),
    ("4", "-d 10.0.0.7/255.0.0.7", V4),
    ("46", "-m conntrack --ctstatus ASSURED", ALL),
    ("46", "-m conntrack --ctorigdstport 443:444", (PING, PING6, ESP)),
    ("4", "-m conntrack --ctstate NEW --ctreplsrc 10.9.9.9", V4),
    ("46", "-m conntrack --ctstate SOMETIMES", ALL),
    ("4", "-m addrtype --src-type LOCAL", V4),
    ("6", "-m addrtype --dst-type ANYCAST", (SYN6, PING6)),
    ("4", "-m addrtype --dst-type MULTICAST --limit-iface-in", ()),
    ("46", "-m frobnicate --level 5", ALL),
    ("46", "-p tcp -m frobnicate --level 5", (SYN, SYN6)),
    ("46", "--frobnicate", ALL),
    ("46", "-p tcp -m tcp --frobnicate 5", (SYN, SYN6)),
    ("46", "stray words", ALL),
    ("46", "-m set --match-set nowhere src", ALL),
    ("46", "-m set ! --match-set nowhere src,dst", ALL),
    ("46", "-p tcp tcp", ALL),
]  # fmt: skip


@pytest.mark.parametrize(("versions", "condition", "touched"), UNCERTAIN)
def test_what_is_not_modelled_is_undecided_where_it_matters(
    versions: str, condition: str, touched: tuple[str, ...]
) -> None:
    """A drop behind such a match leaves these packets undecided, and passes all others."""
    text = saved(f"-A FORWARD {condition} -j DROP", versions=versions)
    ways = {packet: f"{packet} in eth0 out eth1" for packet in ALL}
    undecided = [packet for packet, way in ways.items() if decided(text, way) is Decided.UNDECIDED]
    assert undecided == list(touched)


TARGETS = [  # rule in front of a drop, what becomes of SYN
    ("-j ACCEPT", Decided.ACCEPT),
    ("-j DROP", Decided.DROP),
    ("-j REJECT", Decided.REJECT),
    ("-p tcp -j REJECT --reject-with tcp-reset", Decided.REJECT),
    ("-j REJECT --reject-with icmp-admin-prohibited", Decided.REJECT),
    ("-j RETURN", Decided.ACCEPT),
    ("", Decided.DROP),
    ('-j LOG --log-prefix "-j ACCEPT " --log-level 4', Decided.DROP),
    ("-m limit --limit 5/min -j LOG --log-prefix -j", Decided.DROP),
    ("-j NFLOG --nflog-group 1", Decided.DROP),
    ("-j MARK --set-xmark 0x1/0xffffffff", Decided.DROP),
    ("-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff", Decided.DROP),
    ("-p tcp -j TCPMSS --clamp-mss-to-pmtu", Decided.DROP),
    ("-j CLASSIFY --set-class 0001:0002", Decided.DROP),
    ("-j SET --add-set seen src", Decided.DROP),
    ("-j TRACE", Decided.DROP),
    ("-j NFQUEUE --queue-num 1", Decided.UNDECIDED),
    ("-j QUEUE", Decided.UNDECIDED),
    ("-j FROBNICATE --now", Decided.UNDECIDED),
    ("-j ACCEPT --frobnicate", Decided.UNDECIDED),
    ("-p udp -j FROBNICATE", Decided.DROP),
    ("-j known", Decided.ACCEPT),
    ("-g known", Decided.ACCEPT),
    ("-j nothing", Decided.DROP),
    ("-g nothing", Decided.ACCEPT),
    ("-j back", Decided.DROP),
    ("-g back", Decided.ACCEPT),
]  # fmt: skip
CHAINS = "-A known -p tcp -j ACCEPT\n-A back -j RETURN\n-A back -j DROP"


@pytest.mark.parametrize(("rule", "expected"), TARGETS)
def test_a_target_does_this_to_a_packet(rule: str, expected: Decided) -> None:
    """The packet meets the rule, then one that drops it; the policy accepts."""
    text = saved(f"{CHAINS}\n-A FORWARD {rule}\n-A FORWARD -j DROP", versions="4", chains="known nothing back")
    assert decided(text, f"{SYN} in eth0 out eth1") is expected


def test_what_only_scanners_send_is_not_taken_for_traffic() -> None:
    """Segments that no orderly end sends match rules against scans; the replies of a connection do not."""
    scans = ("ALL NONE", "ALL ALL", "ALL FIN,PSH,URG", "SYN,RST SYN,RST", "SYN,FIN SYN,FIN", "FIN,ACK FIN", "ALL FIN")
    text = saved("\n".join(f"-A FORWARD -p tcp -m tcp --tcp-flags {scan} -j DROP" for scan in scans))
    assert decided(text, f"{SYN} state established in eth0 out eth1") is Decided.ACCEPT
    assert decided(text, f"{SYN} in eth0 out eth1") is Decided.ACCEPT


def test_flags_that_some_segments_of_a_connection_have_are_undecided() -> None:
    """A segment with RST belongs to it as well as one without."""
    text = saved("-A FORWARD -p tcp -m tcp --tcp-flags RST RST -j DROP")
    assert decided(text, f"{SYN} state established") is Decided.UNDECIDED
    assert decided(text, SYN) is Decided.ACCEPT
