"""An intent as a table of rules, to be typed into any firewall, and read back by Portwright."""

import csv
import io
from collections.abc import Iterable, Iterator

from portwright.errors import InvalidInput
from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.fields import ICMP
from portwright.packets.intervals import Interval, Intervals, normalize
from portwright.packets.names import protocol_name
from portwright.packets.notation import ports_text
from portwright.platforms.rules_csv import ANY, COLUMNS
from portwright.policy.intent import Intended, Intent, Named, Traffic

SUFFIX = ".csv"
_STEP = 10  # between the numbers of two rules, so that others find a place


def render(intent: Intent) -> str:
    """The table. Raises InvalidInput for what it cannot express."""
    if intent.redirections:
        raise InvalidInput.of(f"{intent.point}: a table of rules has no column for the site's translations")
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(COLUMNS)
    for number, cells in enumerate(_rows(intent), start=1):
        table.writerow([number * _STEP, *cells])
    return written.getvalue()


def context(_intent: Intent) -> str:
    """Nothing: a table stands for itself."""
    return ""


def _rows(intent: Intent) -> Iterator[list[str]]:
    hook = "input" if intent.is_host else "forward"
    for rule in intent.rules:
        if rule.hook == hook:
            yield [
                "permit",
                rule.interface_in or ANY,
                rule.interface_out or ANY,
                addresses_cell(rule.sources),
                addresses_cell(rule.destinations),
                _services(rule.traffic),
                remark(rule),
            ]
    yield ["deny", ANY, ANY, ANY, ANY, ANY, "everything else"]


def addresses_cell(ends: Iterable[Named]) -> str:
    """The addresses of ends, as a cell says them."""
    found = Addresses()
    for end in ends:
        found = found | end.addresses
    return ANY if found == EVERY_ADDRESS else "; ".join(found.texts())


def _services(traffic: Iterable[Traffic]) -> str:
    """All traffic, the ports of a protocol together."""
    ports: dict[int, list[Interval]] = {}
    for kind in traffic:
        ports.setdefault(kind.protocol, []).extend(kind.ports)
    return "; ".join(_service(protocol, normalize(ranges)) for protocol, ranges in ports.items())


def _service(protocol: int, ports: Intervals) -> str:
    name = protocol_name(protocol)
    if protocol == ICMP:
        return f"{name}/echo"
    return f"{name}/{ports_text(ports)}" if ports else name


def remark(rule: Intended) -> str:
    """Who reaches whom, and what for."""
    ends = (", ".join(dict.fromkeys(end.name for end in ends)) for ends in (rule.sources, rule.destinations))
    return f"{' > '.join(ends)}: {' '.join(rule.requirements)}"
