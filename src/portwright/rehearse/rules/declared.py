"""Translations that the site declares because a point's configuration does not say them: the lab makes them too."""

from collections.abc import Mapping
from ipaddress import ip_network

from portwright.check.declared import declared_stage
from portwright.packets.addresses import Addresses
from portwright.policy.configuration import Configuration
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Policy
from portwright.rehearse.lab import Network
from portwright.rehearse.rules import translate
from portwright.site.model import Point, Site

TABLE = "portwright_declared"
_BEFORE = ("priority -100;", "priority -110;")  # the point's own translations come after it
_MOST = 256  # addresses of a network that a point answers for


def declared(
    site: Site, point: Point, configuration: Configuration, ports: Mapping[str, str]
) -> tuple[str, tuple[str, ...]]:
    """The rules for `nft -f`, and what of it is to be told; empty where a point's configuration says all itself."""
    hook: translate.Hook = "input" if point.on is not None else "forward"
    known = configuration.interfaces
    entries = [entry for entry in site.translations if entry.at == point.name]
    stage = declared_stage(configuration.policy(hook, path=True), entries, point, known)
    if stage is None:
        return "", ()
    lines = {rule.source.line: rule.source.file for rule in stage.chains[stage.base].rules if not rule.default}
    named = Interfaces.of((*known.names, *ports), known.prefixes)  # the site may know more of them
    left = declared_stage(Policy(()), [one for one in entries if one.source.line in lines], point, named)
    made = translate.translated(Policy((left,) if left else ()), named, ports)
    told = [
        f"{point.name} translates as line {line} of {file} declares: its configuration does not say so"
        for line, file in lines.items()
    ]
    told += [f"line {place.line} of {place.file} is not rehearsed: {reason}" for place, reason in made.left_out]
    return made.text.replace(translate.TABLE, TABLE).replace(*_BEFORE), tuple(told)


def published(site: Site, point: str) -> tuple[Network, ...]:
    """The networks from which a point translates, as the site declares."""
    found = [network for entry in site.translations if entry.at == point for network in _networks(entry.to.addresses)]
    return tuple(dict.fromkeys(found))


def _networks(addresses: Addresses) -> list[Network]:
    return [ip_network(one) for one in addresses.networks() if one.num_addresses <= _MOST]
