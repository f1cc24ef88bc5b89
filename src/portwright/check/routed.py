"""Where the routes of a configuration lead packets elsewhere than the site says."""

from portwright.check.points import PointView, Way
from portwright.packets.fields import Field
from portwright.packets.packetset import PacketSet
from portwright.policy.text import address_range_text
from portwright.site.model import Crossing


def routed_elsewhere(view: PointView, crossing: Crossing, packets: PacketSet) -> str:
    """Where a connected network or a route of a configuration leads to another interface than the site says.

    A default route says nothing against the site, which may know more. An interface without an address of its own, such
    as one of a bridge, is in no route.
    """
    configuration, leaves = view.reading.configuration, crossing.interface_out
    if crossing.hook != "forward" or not any(route.interface == leaves for route in configuration.routes):
        return ""
    way = Way.of(crossing)
    astray = packets - view.not_routed_elsewhere(way)
    if not astray:
        return ""
    there = view.translations(way)[0].leads(astray).witness()
    version, address = there[Field.VERSION], there[Field.DST]
    toward = configuration.interface_toward(version, address) or "another one"
    text = address_range_text(version, (address, address))
    return f"its routes lead {text} to interface {toward}, and the site says {leaves}"
