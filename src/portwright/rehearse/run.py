"""A rehearsal from end to end: build the lab, load the rules, play each flow, compare with the proof."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.plan.model import Plan
from portwright.rehearse.evidence import Exchange, FlowEvidence, Placed, Rehearsal, Seen, Tried
from portwright.rehearse.exchange import Servers, attempt
from portwright.rehearse.lab import Lab
from portwright.rehearse.layout import layout
from portwright.rehearse.netns import Network
from portwright.rehearse.placing import placed
from portwright.rehearse.rules import Rules, rules_of
from portwright.site.model import Point

Say = Callable[[str], None]  # tells people what is going on

_SEEN = "portwright_seen"  # the table that records what arrives at a host
_RECORDER = f"""table inet {_SEEN} {{
    set four {{ type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags dynamic; size 65535; }}
    set six {{ type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags dynamic; size 65535; }}
    chain input {{
        type filter hook input priority 300; policy accept;
        ct state new meta l4proto {{ tcp, udp }} add @four {{ ip saddr . ip daddr . meta l4proto . th dport }}
        ct state new meta l4proto {{ tcp, udp }} add @six {{ ip6 saddr . ip6 daddr . meta l4proto . th dport }}
    }}
}}
"""


def rehearse(plan: Plan, readings: Mapping[str, Reading], say: Say) -> Rehearsal:
    """Rehearse the plan's flows; this process is inside the namespaces. Raises ValueError where rules do not load."""
    lab = layout(plan.site)
    say(f"building {len(lab.nodes)} nodes on {len(lab.segments)} segments")
    network = Network(lab)
    rules = tuple(_load(network, plan, readings))
    for node in lab.of_kind("host", "outside", "client"):
        network.load(node.name, _RECORDER)
    chosen = [placed(flow, lab, plan.site) for flow in plan.flows]
    count = sum(len(one.exchanges) for one in chosen)
    say(f"playing {count} exchanges for {len(chosen)} flows")
    judge = Check(plan, readings).judge
    tried = asyncio.run(_play(network, chosen))
    flows = tuple(
        FlowEvidence(one, judge.result(one.flow).judgment, came_of_it)
        for one, came_of_it in zip(chosen, tried, strict=True)
    )
    return Rehearsal(plan, lab, rules, flows, frozenset(_seen(network, lab)), lab.notes)


def _load(network: Network, plan: Plan, readings: Mapping[str, Reading]) -> Iterable[Rules]:
    """Load the rules of every point that the lab has."""
    for point in plan.site.points.values():
        node = point.on if point.on is not None else point.name
        if node in network.lab.nodes:
            yield _load_one(network, plan, point, node, readings.get(point.name))


def _load_one(network: Network, plan: Plan, point: Point, node: str, reading: Reading | None) -> Rules:
    ports = {inner: port for (owner, inner), port in network.lab.names.items() if owner == point.name}
    configuration, text = (reading.configuration, reading.text) if reading else (None, "")
    rules = rules_of(plan, point, configuration, text, ports)
    try:
        network.load(node, rules.text)
    except ValueError as problem:
        raise ValueError(f"{point.name}: the kernel does not take its rules ({rules.origin}): {problem}") from None
    return rules


async def _play(network: Network, chosen: Sequence[Placed]) -> list[tuple[Tried, ...]]:
    """Every exchange, most at once; what is sent from the port of a server, one after the other."""
    servers = Servers(network)
    exchanges = [exchange for one in chosen for exchange in one.exchanges]
    for exchange in exchanges:
        await servers.answer(exchange)
    alone = [exchange for exchange in exchanges if exchange.source_port]
    together = [exchange for exchange in exchanges if not exchange.source_port]
    found: dict[Exchange, Tried] = {}
    for exchange in dict.fromkeys(alone):
        found[exchange] = await attempt(exchange, network)
    for tried in await asyncio.gather(*(attempt(exchange, network) for exchange in dict.fromkeys(together))):
        found[tried.exchange] = tried
    servers.close()
    return [tuple(found[exchange] for exchange in one.exchanges) for one in chosen]


def _seen(network: Network, lab: Lab) -> Iterable[Seen]:
    """What the hosts have recorded."""
    for node in lab.of_kind("host", "outside", "client"):
        listed = network.run(node.name, ["nft", "-j", "list", "table", "inet", _SEEN])
        for entry in json.loads(listed.stdout)["nftables"] if listed.returncode == 0 else ():
            for element in entry.get("set", {}).get("elem", ()):
                source, destination, protocol, port = element["concat"]
                yield Seen(node.name, source, destination, str(protocol), int(port))
