"""Damaged configurations: read or refused, never a traceback, and never more certain about what is left out."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from portwright.errors import InvalidInput
from portwright.packets.packet import Packet
from portwright.platforms import cisco_asa
from portwright.policy.walk import Walker

TEXTS = [path.read_text() for path in sorted((Path(__file__).parent / "cases").glob("*/config.cfg"))]
WORDS = sorted({word for text in TEXTS for word in text.split()})
PACKETS = [
    Packet.parse(text)
    for text in ("tcp 8.8.8.8 > 203.0.113.3:80", "icmp 10.0.5.5 > 172.16.1.1", "udp [fd00::1] > [2001:db8::1]:53")
]


def answer(text):
    """Read a text and ask it something; None where it is refused."""
    try:
        configuration = cisco_asa.parse(text, "config.cfg")
    except InvalidInput:
        return None
    walker = Walker(configuration.policy())
    ways = [(packet, way) for packet in PACKETS for way in configuration.ways(packet)]
    return [walker.decide(packet.header(*way)).decided for packet, way in ways]


@st.composite
def damaged(draw):
    """A real configuration in which words were deleted, replaced, or moved, or lines cut."""
    lines = [line.split(" ") for line in draw(st.sampled_from(TEXTS)).split("\n")]
    for _ in range(draw(st.integers(1, 5))):
        line = lines[draw(st.integers(0, len(lines) - 1))]
        at = draw(st.integers(0, len(line)))
        match draw(st.sampled_from(("cut", "drop", "insert", "replace"))):
            case "cut":
                del line[at:]
            case "drop":
                del line[at : at + 1]
            case "insert":
                line.insert(at, draw(st.sampled_from(WORDS)))
            case "replace":
                line[at : at + 1] = [draw(st.sampled_from(WORDS) | st.text(max_size=5))]
    return "\n".join(" ".join(line) for line in lines)


@settings(max_examples=150)
@given(damaged())
def test_damage_is_refused_or_read(text):
    """There is an answer or an InvalidInput."""
    answer(text)


@settings(max_examples=60)
@given(st.sampled_from(TEXTS), st.floats(0, 1))
def test_truncation_is_refused_or_noted(text, part):
    """A file cut anywhere is refused, or says that its end is missing."""
    cut = text[: int(text.rindex(": end") * part)]
    try:
        configuration = cisco_asa.parse(cut, "config.cfg")
    except InvalidInput:
        return
    ended = any(line.startswith("Cryptochecksum:") for line in cut.splitlines())
    assert ended or any("it may be cut off" in remark.message for remark in configuration.remarks)


@given(st.text(max_size=300))
def test_any_text(text):
    """Even behind a line that makes it look like a configuration."""
    answer("ASA Version 9.8(2)\n" + text)
