"""Who can reach what: the sets of an answer against packets that walk through every point one by one."""

from dataclasses import dataclass
from itertools import product

import pytest
from tests.cli.running import line_of, run

from portwright.check.pieces import Passage
from portwright.check.points import Way
from portwright.check.query import Query, read_query
from portwright.check.reach import Reach
from portwright.check.run import Check
from portwright.check.stops import on_way
from portwright.cli.site import load
from portwright.errors import InvalidInput
from portwright.packets.box import Box
from portwright.packets.fields import Field
from portwright.packets.packet import Packet
from portwright.packets.packetset import PacketSet, well_formed
from portwright.policy.walk import Decided, changes_of

SITE = """\
site: tiny
products: [dynamics-crm-2013]
zones:
  internet: {rest: true}
  users: {networks: [10.1.0.0/24, "fd00:1::/64"]}
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
    oifname "eth0" ip saddr 10.2.0.0/24 masquerade
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
    ct state invalid drop
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
SIXES = ("[fd00:1::5]", "[fd00:3::22]", "[2001:db8::1]")
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
    for ends in (product(SOURCES, DESTINATIONS), product(SIXES, SIXES)):
        for (source, destination), protocol, port in product(ends, ("tcp", "udp"), PORTS):
            if source != destination:
                yield Packet.parse(f"{protocol} {source}:40000 > {destination}:{port}").header(0, 0)


def lies_in(header, field, addresses):
    """Whether a packet has an end among some addresses."""
    return any(first <= header[field] <= last for first, last in addresses.family(header[Field.VERSION]))


def fate(reach, header, arrives):
    """Whether a packet comes out at one of the addresses; None where a point leaves that open."""
    is_known = True
    for hop in reach.hops:
        decision = hop.view.walker(hop.crossing.hook).decide(on_way(header, hop.view, Way.of(hop.crossing)))
        if decision.decided is Decided.UNDECIDED:
            is_known = False
        elif decision.decided is not Decided.ACCEPT:
            return False
        else:
            [header] = decision.headers
    return lies_in(header, Field.DST, arrives) and (True if is_known else None)


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
            if not lies_in(header, Field.SRC, leg.source.addresses):
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
                if lies_in(header, Field.SRC, leg.source.addresses):
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
    least = tiny.answer("any any > any", limit=1)
    assert sum(bool(one.pieces) for one in least.parts) == 1
    counted = tiny.answer("any any > any", limit=0)
    addresses = 256 * (2**32 - 3 * 256) + 2**64 * (2**128 - 2 * 2**64)
    assert (whole.left_out, tiny.answer("tcp users > internet:80", limit=0).left_out) == (0, addresses)
    assert counted.left_out > least.left_out > 0


def test_the_rules_of_a_part_are_those_that_its_packets_meet(tiny):
    """At each point the rule that the walk names; behind a doubtful one that may match before, the sure one."""
    met = 0
    for part in tiny.answer("any any > any").parts:
        named = {(rule.point, rule.line) for rule in part.permitted_by}
        for header in packets():
            if header in part.packets and part.passage is Passage.CAN:
                steps = list(part.reach.walk(header))
                assert {(step.point, written(step.decision).source.line) for step in steps} == named
                translating = [rule for step in steps for rule in step.decision.via if changes_of(rule)]
                assert [rule.line for rule in part.translated_by] == [rule.source.line for rule in translating]
                met += 1
    assert met > 100


def written(decision):
    """The last rule that somebody wrote to let the packet pass."""
    accepting = [rule for rule in decision.via if not rule.default and not changes_of(rule)]
    return accepting[-1] if accepting else decision.rule


# ---------------------------------------------------------------------- replies

ONE_SIDED = [
    ("core.nft", "    ct state established,related accept\n", ""),
    ("core.nft", "ct state established,related accept", 'iifname "eth2" ct state established accept'),
    ("edge.nft", "ct state established,related accept", 'iifname "eth0" ct state established accept'),
    ("edge.nft", "ct state established,related accept", "ip saddr 10.2.0.12 tcp sport 80 ct state established accept"),
    ("db01.nft", "tcp dport 1433 accept", "tcp dport { 1433, 80 } accept"),
    (
        "site.yaml",
        "{between: [users, app], through: [core-fw]}",
        "{from: users, to: app, through: [core-fw], back: []}",
    ),
    (
        "site.yaml",
        "{between: [internet, app], through: [edge-fw]}",
        "{from: internet, to: app, through: [edge-fw], back: [edge-fw, core-fw]}",
    ),
]


ON_THE_WAY = (Field.IN, Field.OUT, Field.STATE, Field.FLAGS)


@pytest.mark.parametrize(("name", "old", "new"), ONE_SIDED, ids=[f"{name} {new}" for name, _, new in ONE_SIDED])
def test_replies_pass_exactly_where_no_point_stops_the_reply_to_a_packet(tiny, name, old, new):
    """Judged packet by packet: an established answer there, where it is translated with its own headers."""
    answer = tiny.edit(name, old, new).answer("any any > any")
    judge = Check(*load("site.yaml", (), None)).judge
    told = set()
    for part in answer.parts:
        for header in packets():
            if header not in part.packets or part.passage is Passage.MAY:
                continue
            sent = {name: ((header[name],) * 2,) for name in Field if name not in ON_THE_WAY}
            obstacles = judge.sent(part.reach.route, (Box.of(sent),), header[Field.PROTOCOL] == 6)
            stopped = any(one.kind in ("reply", "bypass") for one in obstacles)
            assert part.replies_pass is not stopped, (part.points, header)
            assert bool(part.replies_blocked_by) is stopped
            told.add(stopped)
    assert told == ({False} if name == "db01.nft" else {False, True})


# ---------------------------------------------------------------------- what it is good for


def needs(answer):
    """What each part is good for, by who sends to whom."""
    return {(part.leg.source.name, part.leg.destination.name, part.need.value, part.needed_by) for part in answer.parts}


def test_required_is_told_from_what_nothing_needs(tiny):
    """The front end needs the database, and nobody needs another port."""
    found = needs(tiny.answer("tcp fe01 > db01"))
    assert {need for *_, need, _ in found} == {"required"}
    wider = tiny.edit("db01.nft", "tcp dport 1433 accept", "tcp dport { 1433, 80 } accept")
    found = {need: by for *_, need, by in needs(wider.answer("tcp fe01 > db01"))}
    assert "crm.database/fe01>db01" in found["required"]
    assert found["nothing"] == ()


def test_what_somebody_answers_for_is_accepted(tiny):
    """By its flow, or by the rule that permits it; the entry is named."""
    entry = 'accept:\n  - {flow: "tcp 10.1.0.5 > db01:81", reason: probe, owner: net}\n'
    tiny.edit("site.yaml", "paths:\n", f"{entry}paths:\n")
    found = needs(tiny.answer("tcp users > db01:81"))
    assert found == {("users", "db01", "accepted", ("tcp 10.1.0.5 > db01:81 (probe, net)",))}
    tiny.edit("site.yaml", '{flow: "tcp 10.1.0.5 > db01:81", ', '{at: fw-db01, rule: "saddr 10.1.0.5", ')
    found = needs(tiny.answer("tcp users > db01:81"))
    assert found == {("users", "db01", "accepted", ("fw-db01/saddr 10.1.0.5 (probe, net)",))}


def test_a_published_name_is_required_where_it_leads_to_what_is(tiny):
    """Clients on the Internet need the front end, and reach it by the address that is translated to it."""
    tiny.edit(
        "site.yaml",
        "groups:\n",
        "groups:\n  world: {zone: internet, networks: [198.51.100.0/24], roles: [crm/client]}\n",
    )
    tiny.edit("site.yaml", "absent:", "settings: {web: {scheme: https}}\nabsent:")
    [required, other] = sorted(tiny.answer("tcp internet > 203.0.113.10:443").parts, key=lambda part: part.need.value)[
        ::-1
    ]
    assert (required.need.value, required.needed_by) == ("required", ("crm.web/world>fe01",))
    assert [piece.packet.partition(" > ")[2] for piece in required.pieces] == ["203.0.113.10:443"]
    assert other.need.value == "nothing"


# ---------------------------------------------------------------------- what is not known


def test_a_part_hangs_on_the_line_that_is_not_modelled(tiny):
    """The line is named; what other rules let pass surely is a part of its own."""
    [part] = [part for part in tiny.answer("tcp users > data:81").parts if part.passage is Passage.MAY]
    assert [(rule.point, rule.line) for rule in part.hangs_on] == [
        ("core-fw", line_of(tiny.folder / "core.nft", "random"))
    ]


def test_a_point_without_configuration_leaves_its_ways_open(tiny):
    """It may let pass everything."""
    tiny.edit("site.yaml", "{platform: nftables, config: edge.nft,", "{platform: nftables,")
    [part] = tiny.answer("tcp 198.51.100.9 > fe01:443").parts
    assert (part.passage, part.because) == (Passage.MAY, "edge-fw: no configuration of this point is given")


def test_a_translation_that_may_be_another_leaves_it_open(tiny):
    """Where it leads hangs on a line that is not modelled."""
    rule = 'iifname "eth0" ip daddr 203.0.113.10 tcp dport 443'
    tiny.edit("edge.nft", f"{rule} dnat", f"{rule} meta random < 10 dnat to 10.2.0.12\n    {rule} dnat")
    [part] = tiny.answer("tcp 198.51.100.9 > 203.0.113.10:443").parts
    assert (part.passage, part.leg.destination.name) == (Passage.MAY, "app")
    assert line_of(tiny.folder / "edge.nft", "random") in {rule.line for rule in part.hangs_on}


def test_interfaces_that_the_site_does_not_say_leave_it_open(tiny):
    """A rule for one interface may then match or not."""
    tiny.edit("site.yaml", "interfaces: {internet: eth0, users: eth1, app: eth1}", "interfaces: {app: eth1}")
    parts = tiny.answer("tcp 198.51.100.9 > fe01:443").parts
    reason = "edge-fw: the site does not say behind which of its interfaces the zones lie"
    assert {(part.passage, part.because) for part in parts} == {(Passage.MAY, reason)}


def test_routes_that_lead_elsewhere_leave_it_open(f6):
    """An ASA whose own network lies elsewhere than the site says."""
    f6.edit(f6.site, "app: app, reports: reports", "app: reports, reports: app")
    done = run("query", "site.yaml", "tcp any > fe01:443", "--format", "json")
    assert done.status == 3
    [part] = done.document["parts"]
    assert part["passes"] == "may"
    assert "its routes lead 10.20.0.11 to interface app" in part["because"]


def test_what_a_balancer_may_lead_on_is_not_known(f6):
    """The site says for which services it stands, and nothing of the rest."""
    crm = "crm: {address: 10.20.0.10, port: 443, mode: dnat, members: [fe01], services: [crm/web]}"
    f6.edit(f6.site, "absent:\n", f"virtual:\n  {crm}\n\nabsent:\n")
    done = run("query", "site.yaml", "icmp adm01 > crm", "--format", "json")
    [part] = done.document["parts"]
    assert (done.status, part["passes"]) == (3, "may")
    assert "whether crm leads this on to its members the site does not say" in part["because"]
    assert part["leads_on_to"] == []


def test_ways_that_nobody_declared_are_said(tiny):
    """Nothing is left out silently; where no way at all is known, nothing is known."""
    answer = tiny.answer("tcp any > data:1433")
    assert [leg.destination.name for leg in answer.without_path] == ["db01", "data"]
    assert [leg.zones for leg in answer.unfiltered] == [("data", "data")]
    assert not tiny.answer("tcp internet > data:1433").is_decided


def test_claimed_addresses_are_told(tiny):
    """From the side of the Internet anybody may claim to be anybody."""
    [note] = tiny.answer("tcp internet > fe01:443").notes
    assert "from internet to app may also pass what claims an address of another zone, such as tcp 10.2.0.11" in note
    spoofed = 'ip saddr { 10.0.0.0/8 } drop\n    iifname "eth0" ip daddr 10.2.0.11'
    tiny.edit("edge.nft", 'iifname "eth0" ip daddr 10.2.0.11', f'iifname "eth0" {spoofed}')
    assert tiny.answer("tcp internet > fe01:443").notes == ()


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        ("tcp any > nobody:1433", "'nobody' is neither an address nor a name"),
        ("tcp any", "a flow is written as"),
        ("tcp any > db01:1433 at nowhere", "there is no point 'nowhere'"),
        ("tcp db02 > db02:80", "both ends are the same host"),
    ],
)
def test_what_cannot_be_asked_is_an_input_error(tiny, flow, says):
    """With what is wrong."""
    with pytest.raises(InvalidInput, match=says):
        tiny.answer(flow)


def test_an_end_in_no_zone_is_an_input_error(tiny):
    """Nobody knows its way."""
    tiny.edit("site.yaml", "  internet: {rest: true}\n", "  internet: {networks: [198.51.100.0/24]}\n")
    with pytest.raises(InvalidInput, match="lies in no zone"):
        tiny.answer("tcp 192.0.2.1 > fe01:443")
    assert "192.0.2.0/23 lies in no zone" in str(tiny.answer("tcp 192.0.2.0-198.51.100.9 > fe01:443").notes)


def test_too_many_ends_are_refused(tiny, monkeypatch):
    """Each pair is judged by itself."""
    monkeypatch.setattr("portwright.check.query.MAX_PAIRS", 20)
    with pytest.raises(InvalidInput, match="pairs of ends"):
        tiny.answer("any any > any")
    assert tiny.answer("any any > db01").parts


def test_one_point_alone_is_asked_with_at(tiny):
    """What the others do does not matter."""
    everything = tiny.answer("tcp users > internet:22 at core-fw")
    assert [part.points for part in everything.parts] == [("core-fw",)]
    assert tiny.answer("tcp users > internet:22").parts == ()
