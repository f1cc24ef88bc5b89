"""SOAP envelopes are written and read, and nothing else is."""

import contextlib
from xml.etree.ElementTree import Element, SubElement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.http import Response
from portwright.protocols.soap import Fault, answered, envelope, failed, opened, posted, result
from portwright.protocols.xmltree import XSI_TYPE, child, parsed, text_of, written


def call(name="{urn:x}Do", **fields):
    body = Element(name)
    for key, value in fields.items():
        SubElement(body, f"{{urn:x}}{key}").text = value
    return body


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_what_is_put_into_an_envelope_comes_out(version):
    """Body and header blocks, in both versions."""
    header = Element("{urn:x}Session")
    header.text = "7"
    found = opened(envelope(call(title="a<b"), [header], version))
    assert (found.version, found.operation, found.header("Session")) == (version, "Do", "7")
    assert text_of(found.body, "title") == "a<b"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_fault_is_raised_with_its_reason(version):
    """In the words of the server."""
    with pytest.raises(Fault) as found:
        result(failed("no such report", version=version))
    assert found.value.reason == "no such report"
    assert found.value.code.rpartition(":")[2] == {"1.1": "Client", "1.2": "Sender"}[version]


def test_over_http_the_action_stands_where_the_version_has_it():
    """SOAPAction in 1.1, a parameter of the type in 1.2."""
    assert posted("/x", call(), "urn:Do").header("soapaction") == '"urn:Do"'
    assert 'action="urn:Do"' in posted("/x", call(), "urn:Do", version="1.2").header("content-type")
    assert result(answered(call())).operation == "Do"
    with pytest.raises(Refused, match="HTTP 401"):
        result(Response(401))


BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'
OUTSIDE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"<a>", b"<a/><b/>", b"<a>&b;</a>", BOMB, OUTSIDE, "<a/>".encode("utf-16") + b"\x00\xff",
     b"<a>" * 500 + b"</a>" * 500, b"<r>" + b"<a/>" * 200_001 + b"</r>", b"<a b='" + b"x" * (1 << 24) + b"'/>",
     b"<?xml version='1.0' encoding='nothing'?><a/>", b"<x:a/>"],
    ids=range(13),
)  # fmt: skip
def test_bad_xml_is_refused(data):
    """What is none, has a document type, or is too much."""
    with pytest.raises(Misspoken):
        parsed(data)


@pytest.mark.parametrize("data", [b"<a/>", b"<Envelope/>", envelope(call()).replace(b"envelope/", b"other/")])
def test_what_is_no_envelope_is_misspoken(data):
    """Whatever else it is."""
    with pytest.raises(Misspoken):
        opened(data)


@given(st.binary(max_size=200), st.integers(0, 300))
def test_whatever_comes_ends_in_a_message_or_says_why_not(noise, place):
    """Noise alone, and noise in a true envelope."""
    true = envelope(call(title="x"))
    for data in (noise, true[:place], true[:place] + noise + true[place:]):
        with contextlib.suppress(Misspoken, Fault):
            opened(data)


def test_types_are_named_in_full():
    """The prefix of a type is resolved where the element stands."""
    root = parsed(
        b'<v xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:s="urn:s">'
        b'<a i:type="s:string"/><b xmlns:s="urn:t" i:type="s:int"/><c i:type="s:string"/></v>'
    )
    assert [one.get(XSI_TYPE) for one in root] == ["{urn:s}string", "{urn:t}int", "{urn:s}string"]
    assert parsed(written(root)).tag == "v"
    with pytest.raises(Misspoken):
        child(root, "a", "b")
