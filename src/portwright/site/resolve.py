"""Names in flow notation: what addresses a host, group, zone, virtual address or outside component has."""

from collections.abc import Mapping

from portwright.packets.addresses import Addresses
from portwright.shapes import shorten, suggestion


def resolve(names: Mapping[str, Addresses], name: str) -> Addresses:
    """The addresses of a name; an instance (`sql01#CRM`) has those of its host. Raises ValueError with a sentence."""
    host = name.partition("#")[0]
    if host in names:
        return names[host]
    hint = suggestion(host, names)
    known = f" ({hint})" if hint else ""
    raise ValueError(f"'{shorten(name)}' is neither an address nor a name of this site{known}")
