"""DNS: our client and dig ask, our server answers."""

import shutil
import subprocess

import dns.message
import pytest
from hypothesis import given, settings
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols.conversation import Misspoken
from portwright.protocols.dns import Record, Zone, client, server, stream_client, stream_server

CONTOSO = Zone(
    "contoso.test",
    (
        Record("contoso.test", "SOA", "dc01.contoso.test. hostmaster.contoso.test. 1 900 600 86400 3600"),
        Record("dc01.contoso.test", "A", "10.40.0.11"),
        Record("dc01.contoso.test", "AAAA", "fd00:40::11"),
        Record("crm.contoso.test", "CNAME", "fe01.contoso.test."),
        Record("fe01.contoso.test", "A", "10.20.0.11"),
        Record("_ldap._tcp.contoso.test", "SRV", "0 100 389 dc01.contoso.test."),
        *(Record("many.contoso.test", "A", f"10.99.{n // 250}.{n % 250}") for n in range(400)),
    ),
)
REVERSE = Zone("40.10.in-addr.arpa", (Record("11.0.40.10.in-addr.arpa", "PTR", "dc01.contoso.test."),))
ZONES = (CONTOSO, REVERSE)


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("dc01.contoso.test", "A", "DNS: dc01.contoso.test. A 10.40.0.11"),
        ("DC01.Contoso.Test.", "AAAA", "DNS: DC01.Contoso.Test. AAAA fd00:40::11"),
        ("crm.contoso.test", "A", "DNS: crm.contoso.test. CNAME fe01.contoso.test., fe01.contoso.test. A 10.20.0.11"),
        ("_ldap._tcp.contoso.test", "SRV", "DNS: _ldap._tcp.contoso.test. SRV 0 100 389 dc01.contoso.test."),
        ("11.0.40.10.in-addr.arpa", "PTR", "DNS: 11.0.40.10.in-addr.arpa. PTR dc01.contoso.test."),
        ("nobody.contoso.test", "A", "DNS: NXDOMAIN, no records"),
        ("fe01.contoso.test", "AAAA", "DNS: NOERROR, no records"),
        ("_tcp.contoso.test", "A", "DNS: NOERROR, no records"),  # only names below it have records
        ("example.org", "A", "DNS: REFUSED, no records"),
    ],
)
def test_the_answer_is_the_same_over_datagrams_and_a_stream(name, kind, said):
    """And it says what the zone says."""
    assert str(talked(client(name, kind), server(ZONES), datagrams=True)) == said
    assert str(talked(stream_client(name, kind), stream_server(ZONES))) == said


def test_what_does_not_fit_into_a_datagram_says_so_and_is_whole_over_a_stream():
    """RFC 1035, 4.2.1: the TC bit."""
    assert talked(client("many.contoso.test"), server(ZONES), datagrams=True).truncated
    whole = talked(stream_client("many.contoso.test"), stream_server(ZONES))
    assert (len(whole.records), whole.truncated) == (400, False)


def test_an_answer_to_another_question_is_none():
    """Neither another number nor another name is taken."""

    def other():
        yield from server(ZONES)

    said = []
    talked(client("dc01.contoso.test"), recorded(other(), said), datagrams=True)
    assert isinstance(hears(client("dc01.contoso.test"), said, datagrams=True), Misspoken)


def test_what_is_no_name_is_refused_before_anything_is_sent():
    """As the caller's mistake."""
    with pytest.raises(ValueError, match="no question of DNS"):
        talked(client("a..b"), server(ZONES), datagrams=True)


@pytest.mark.skipif(not shutil.which("dig"), reason="dig is not installed")
@pytest.mark.parametrize("stream", [False, True])
def test_dig_is_answered(stream):
    """Over UDP, over TCP, and over TCP after a truncated answer."""

    def dig(*words):
        command = ["dig", f"@{HOME}", "-p", str(port), "+time=2", "+tries=1", *(["+tcp"] * stream), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    talk = (lambda: stream_server(ZONES)) if stream else (lambda: server(ZONES))
    with served(talk, datagrams=not stream) as port:
        assert dig("+short", "_ldap._tcp.contoso.test", "SRV") == "0 100 389 dc01.contoso.test.\n"
        assert dig("+short", "-x", "10.40.0.11") == "dc01.contoso.test.\n"
        assert "status: NXDOMAIN" in dig("nobody.contoso.test")
        assert "dc01.contoso.test.\t3600\tIN\tAAAA" in dig("_ldap._tcp.contoso.test", "SRV")  # the additional section
        answers = dig("+ignore", "many.contoso.test")
        assert ("flags: qr aa tc" in answers) is not stream


def true_messages(talk, answer, name, datagrams):
    said = []
    talked(talk(name), recorded(answer(ZONES), said), datagrams=datagrams)
    return said


@settings(max_examples=200, deadline=None)
@given(broken(true_messages(client, server, "crm.contoso.test", True)))
def test_any_datagram_ends_well_at_the_client(messages):
    """Even where it answers the very number that was asked."""
    hears(client("crm.contoso.test"), messages, datagrams=True, fitted=lambda sent, one: sent[:2] + one[2:])


@settings(max_examples=200, deadline=None)
@given(broken([dns.message.make_query("crm.contoso.test", "A", use_edns=0).to_wire()]))
def test_any_datagram_ends_well_at_the_server(messages):
    """With an answer or with none."""
    assert hears(server(ZONES), messages, datagrams=True) is None


@settings(max_examples=100, deadline=None)
@given(broken(true_messages(stream_client, stream_server, "crm.contoso.test", False)))
def test_any_stream_ends_well_on_both_sides(messages):
    """Lengths that lie are ends of the stream."""
    hears(stream_client("crm.contoso.test"), messages)
    hears(stream_server(ZONES), messages)
