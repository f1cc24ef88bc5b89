"""The law of the import: any flows, written in any dialect, come back as exactly those flows."""

import csv
import tempfile
import unicodedata
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.matrix.importing import CATALOG, text_of

from portwright.catalog.schema import FILE
from portwright.matrix.cells import Transport
from portwright.matrix.naming import unique
from portwright.matrix.product import make_product
from portwright.matrix.read import read_matrix
from portwright.packets.fields import ICMP
from portwright.packets.intervals import normalize
from portwright.packets.names import protocol_name
from portwright.packets.notation import ports_text
from portwright.shapes import Ledger, read
from portwright.yamlfile import load_document

HEADERS = [
    ("Source", "Destination", "Protocol", "Port", "Purpose", "Direction"),
    ("Quelle", "Ziel", "Protokoll", "Zielport", "Zweck", "Richtung"),
    ("From", "To", "Proto", "dst_port(s)", "Description", "dir"),
]
words = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12).map(str.strip)
names = st.builds("{} {}".format, words, words).map(lambda text: "host " + " ".join(text.split()))
ports = st.integers(0, 65535)
ranges = st.tuples(ports, ports).map(lambda pair: (min(pair), max(pair)))
transports = st.one_of(
    st.builds(Transport, st.sampled_from([6, 17, 132]), st.lists(ranges, min_size=1, max_size=4).map(normalize)),
    st.builds(Transport, st.sampled_from([ICMP, 50, 89, 200]), st.just(())),
)
flows = st.tuples(names, names, transports)
rows = st.tuples(flows, st.sampled_from(["", "->", "both"]))
ways_to_write = st.sampled_from(["column", "before", "after"])


def written(flow, way):
    """Protocol and ports of a row, one of the ways in which people write them."""
    protocol, text = protocol_name(flow[2].protocol), ports_text(flow[2].ports)
    if not text:
        return protocol if protocol.isalpha() else f"IP {protocol}", ""
    if way == "column":
        return protocol.upper(), text.replace(",", ", ").replace("-", " – ")
    pieces = text.split(",")
    return "", "; ".join(f"{protocol}/{piece}" if way == "before" else f"{piece}/{protocol}" for piece in pieces)


def key(flow):
    """A flow as it comes back: case, blanks and ways of composing a character do not count in ends."""
    ends = (" ".join(unicodedata.normalize("NFC", end).casefold().split()) for end in flow[:2])
    return *ends, flow[2]


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(rows, min_size=1, max_size=12),
    st.sampled_from(HEADERS),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.permutations(range(6)),
    ways_to_write,
)
def test_flows_come_back_as_they_are(table, header, delimiter, quoting, encoding, order, way):
    """Columns in any order, in any dialect, and nothing more or less."""
    lines = [header]
    expected = set()
    for flow, direction in table:
        lines.append((flow[0], flow[1], *written(flow, way), "work", direction))
        expected.add(key(flow))
        if direction == "both":
            expected.add(key((flow[1], flow[0], flow[2])))
    text = text_of([[line[column] for column in order] for line in lines], delimiter, quoting=quoting)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flows.csv"
        path.write_bytes(text.encode(encoding))
        matrix = read_matrix(str(path), None, {}, CATALOG)
        assert {key((one.source, one.destination, one.transport)) for one in matrix.flows} == expected
        product = Path(folder) / "product.yaml"
        product.write_text(make_product(matrix, "law", "Law", "flows.csv", CATALOG).text, encoding="utf-8")
        assert in_product(product) == expected


def in_product(path):
    """The flows of a product file."""
    ledger = Ledger()
    product = read(FILE, load_document(path), ledger)
    assert not ledger.problems
    found = set()
    for one in product.requirements.values():
        service = product.services[one.service]
        ends = (product.components[name].title for name in (one.source, one.destination))
        found.add(key((*ends, Transport(service.protocol, service.ports.fixed))))
    return found


@given(st.dictionaries(st.text(max_size=8), st.sampled_from(["a", "b", "a-b", "x" * 60]), max_size=20))
def test_names_are_unique_and_do_not_depend_on_order(words):
    """Each text has a name of its own, of no more than the length allowed, and never one that is taken."""
    named = unique(words, 40, {"a"})
    assert len(set(named.values())) == len(words)
    assert all(len(name) <= 40 and name != "a" for name in named.values())
    assert unique(dict(reversed(words.items())), 40, {"a"}) == named
