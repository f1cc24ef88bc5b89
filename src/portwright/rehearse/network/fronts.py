"""Who answers for the virtual addresses of a site, in a lab."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from portwright.packets.addresses import Addresses
from portwright.plan.model import RequiredFlow
from portwright.rehearse.lab import Address
from portwright.site.model import Site, Virtual

LEADING = ("dnat", "snat", "dsr")  # modes in which a device of its own leads packets on to the members
Members = Mapping[tuple[str, str], Sequence[RequiredFlow]]  # requirement, virtual address -> the ways on behind it


def singles(addresses: Addresses) -> list[Address]:
    """The addresses of a host or virtual address, one by one."""
    return [network.network_address for network in addresses.networks()]


@lru_cache(maxsize=4)  # it is asked for each flow
def answering(site: Site) -> Mapping[str, str]:
    """The node that answers for each virtual address, named like the address where that is a device of its own.

    A host that has the address answers for it, and who answers for one virtual address also does for others with the
    same. Of members that share an address it is the first in the address's zone. Those for which nobody answers are
    not among them.
    """
    owners = {address: host.name for host in site.hosts.values() for address in singles(host.addresses)}
    found: dict[str, str] = {}
    for virtual in site.virtual.values():
        own = [owners[one] for one in singles(virtual.addresses) if one in owners]
        if node := (own[0] if own else _by_mode(site, virtual)):
            found[virtual.name] = node
            owners |= dict.fromkeys(singles(virtual.addresses), node)
    return found


def _by_mode(site: Site, virtual: Virtual) -> str:
    if virtual.mode in LEADING:
        return virtual.name
    if virtual.mode == "nlb":
        return next((one for one in virtual.members if site.hosts[one].zone == virtual.zone), "")
    return ""


def is_led(site: Site, virtual: Virtual) -> bool:
    """Report whether a device of its own leads packets to this address on to its members."""
    return virtual.mode in LEADING and answering(site).get(virtual.name, "") not in ("", *site.hosts)


def ways_on(flows: Iterable[RequiredFlow], site: Site) -> Members:
    """The flows from virtual addresses on to their members."""
    found: dict[tuple[str, str], list[RequiredFlow]] = {}
    for flow in flows:
        if front := front_of(flow, site):
            found.setdefault((flow.requirement.id, front), []).append(flow)
    return found


def front_of(flow: RequiredFlow, site: Site) -> str:
    """The virtual address behind which a flow goes on to a member; empty for all others."""
    return flow.via or (flow.source.name if flow.source.name in site.virtual else "")
