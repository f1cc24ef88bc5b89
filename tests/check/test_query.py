"""Who can reach what: the sets of an answer against packets that walk through every point one by one."""

from dataclasses import dataclass
from itertools import product

import pytest

from portwright.check.judge import on_way
from portwright.check.pieces import Passage
from portwright.check.points import Way
from portwright.check.query import Query, read_query
from portwright.check.reach import Reach
from portwright.check.run import Check
from portwright.cli.site import load
from portwright.packets.fields import Field
from portwright.packets.packet import Packet
from portwright.packets.packetset import PacketSet, well_formed
from portwright.policy.walk import Decided

SITE = """\
site: tiny
products: [dynamics-crm-2013]
zones:
  internet: {rest: true}
  users: {networks: [10.1.0.0/24]}
  app:   {networks: [10.2.0.0/24]}
  data:  {networks: [10.3.0.0/24, "fd00:3::/64"]}
hosts:
  fe01: {zone: app, addresses: [10.2.0.11], roles: [crm/full-server], uses: {sql/engine: db01}}
  db01: {zone: data, addresses: [10.3.0.21], roles: [sql/engine]}
  db02: {zone: data, addresses: [10.3.0.22], roles: []}
groups:
  staff: {zone: users, networks: [10.1.0.0/25], roles: [crm/client]}
absent: {time/source: none, ad/domain-controller: none, dns/server: none}
enforcement:
  edge-fw: {platform: nftables, config: edge.nft, interfaces: {internet: eth0, users: eth1, app: eth1}}
  core-fw: {platform: nftables, config: core.nft, interfaces: {internet: eth9, users: eth0, app: eth1, data: eth2}}
  fw-db01: {platform: nftables, config: db01.nft, on: db01}
paths:
  - {between: [internet, app], through: [edge-fw]}
  - {between: [users, internet], through: [core-fw, edge-fw]}
  - {between: [[users, app], data], through: [core-fw]}
  - {between: [users, app], through: [core-fw]}
"""
EDGE = """\
table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "eth0" ip daddr 203.0.113.10 tcp dport 443 dnat to 10.2.0.11
    iifname "eth0" ip daddr 203.0.113.10 tcp dport 8080-8081 dnat to 10.2.0.12:80
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth0" ip saddr 10.1.0.0/24 snat to 203.0.113.1
  }
}
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "eth0" ip daddr 10.2.0.11 tcp dport 443 accept
    iifname "eth0" ip daddr 10.2.0.12 tcp dport 80 ip saddr 198.51.100.0/24 accept
    iifname "eth1" oifname "eth0" tcp dport { 80, 443 } accept
  }
}
"""
CORE = """\
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "eth0" oifname "eth9" accept
    iifname "eth0" oifname "eth1" tcp dport 443 accept
    iifname "eth0" oifname "eth2" tcp dport 81 meta random < 10 accept
    iifname "eth0" oifname "eth2" tcp dport 81 ip daddr 10.3.0.21 accept
    iifname "eth1" oifname "eth2" ip saddr 10.2.0.11 tcp dport { 1433, 80 } accept
    iifname "eth2" oifname "eth1" udp dport 53 drop
    iifname "eth2" accept
  }
}
"""
DB01 = """\
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    tcp dport 1433 accept
    tcp dport 81 ip saddr 10.1.0.5 accept
  }
}
"""
SOURCES = ("203.0.113.77", "198.51.100.9", "10.1.0.5", "10.1.0.200", "10.2.0.11", "10.2.0.12", "10.3.0.21", "10.3.0.22")
DESTINATIONS = ("203.0.113.10", *SOURCES)
PORTS = (53, 80, 81, 443, 1433, 8080, 8081)


@dataclass
class Tiny:
    """A small site with two firewalls, translations both ways, a doubtful rule and a host firewall."""

    folder: object

    def answer(self, flow, limit=1000):
        plan, readings = load(str(self.folder / "site.yaml"), (), None)
        query = Query(Check(plan, readings).judge)
        return query.answer(read_query(plan.site, flow), limit)

    def edit(self, name, old, new):
        file = self.folder / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
        return self


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("site.yaml", SITE), ("edge.nft", EDGE), ("core.nft", CORE), ("db01.nft", DB01)):
        (tmp_path / name).write_text(text)
    return Tiny(tmp_path)


def packets():
    """Packets at the borders of what the rules say."""
    for protocol, source, destination, port in product(("tcp", "udp"), SOURCES, DESTINATIONS, PORTS):
        if source != destination:
            yield Packet.parse(f"{protocol} {source}:40000 > {destination}:{port}").header(0, 0)


def fate(reach, header, arrives):
    """Whether a packet comes out at one of the addresses; None where a point that translates nothing leaves that open."""
    is_known = True
    for hop in reach.hops:
        decision = hop.view.walker(hop.crossing.hook).decide(on_way(header, hop.view, Way.of(hop.crossing)))
        if decision.decided is Decided.UNDECIDED:
            is_known = False
        elif decision.decided is not Decided.ACCEPT:
            return False
        else:
            [header] = decision.headers
    comes_out = any(first <= header[Field.DST] <= last for first, last in arrives.v4)
    return comes_out and (True if is_known else None)


# ---------------------------------------------------------------------- brute force


def test_every_packet_that_walks_through_is_in_the_answer_and_no_other(tiny):
    """Each way, each packet at a border: surely through, surely not, or not known."""
    answer = tiny.answer("any any > any")
    seen = {True: 0, False: 0, None: 0}
    ends = {(part.leg, part.reach) for part in answer.parts}
    assert len(ends) >= 8
    for leg, reach in ends:
        parts = [part for part in answer.parts if part.leg == leg and part.reach is reach]
        for header in packets():
            if not any(first <= header[Field.SRC] <= last for first, last in leg.source.addresses.v4):
                continue
            inside = {part.passage for part in parts if header in part.packets}
            outcome = fate(reach, header, leg.destination.addresses)
            assert inside == {True: {Passage.CAN}, False: set(), None: {Passage.MAY}}[outcome], header
            seen[outcome] += 1
    assert all(seen.values()), seen


def test_ways_on_which_nothing_passes_let_no_packet_through(tiny):
    """What the answer calls blocked is."""
    answer = tiny.answer("any any > any")
    judge = Check(*load("site.yaml", (), None)).judge
    assert answer.blocked
    for leg in answer.blocked:
        for route in leg.routes:
            for header in packets():
                if any(first <= header[Field.SRC] <= last for first, last in leg.source.addresses.v4):
                    assert fate(Reach(judge, route), header, leg.destination.addresses) is False


def test_the_pieces_say_exactly_what_is_in_their_parts(tiny):
    """Spelled out whole: nothing left out, nothing too much."""
    answer = tiny.answer("any any > any")
    for part in answer.parts:
        space = part.packets.space
        said = PacketSet.of(space, [box for piece in part.pieces for box in piece.boxes])
        if part.passage is Passage.CAN:  # others may be apart by what they hang on
            assert (said ^ part.packets) & well_formed(space) == PacketSet.nothing(space)
        assert part.left_out == 0


def test_what_is_left_out_is_counted_exactly(tiny):
    """However few pieces are spelled out, all connections together are as many."""
    whole = tiny.answer("tcp users > internet:80")
    [part] = whole.parts
    least = tiny.answer("any any > any", limit=1)
    assert sum(bool(one.pieces) for one in least.parts) == 1
    counted = tiny.answer("any any > any", limit=0)
    addresses = 256 * (2**32 - 3 * 256)
    assert (part.left_out, tiny.answer("tcp users > internet:80", limit=0).left_out) == (0, addresses)
    assert counted.left_out > least.left_out > 0
