"""RDP: our clients ask for connections, our servers grant them; messages are those of the standard's examples."""

import socket
import ssl

import pytest
from hypothesis import given, settings
from tests.protocols.certificate import certified
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols import rdp, rdp_datagrams
from portwright.protocols.conversation import Misspoken, Refused, Secure, send

# [MS-RDPBCGR] 4.1.1 and 4.1.2: a request of Windows with a cookie, without a wish for TLS, and its answer
EXAMPLE_REQUEST = bytes.fromhex(
    "03 00 00 2c 27 e0 00 00 00 00 00 43 6f 6f 6b 69 65 3a 20 6d 73 74 73 68 61 73 68 3d"
    "65 6c 74 6f 6e 73 0d 0a 01 00 08 00 00 00 00 00"
)
EXAMPLE_ANSWER = bytes.fromhex("03 00 00 13 0e d0 00 00 12 34 00 02 00 08 00 00 00 00 00")
XRDP_ANSWER = bytes.fromhex("03 00 00 13 0e d0 00 00 12 34 00 02 01 08 00 01 00 00 00")  # recorded, of xrdp 0.9.21
WISH_FOR_TLS = EXAMPLE_REQUEST[:-4] + bytes.fromhex("03 00 00 00")


def saying(data):
    yield from send(data)


def test_a_connection_is_granted_and_goes_on_under_tls():
    """Which the client begins as well."""
    assert str(talked(rdp.client(), rdp.server())) == "RDP: TLS"


@pytest.mark.parametrize(
    ("answer", "says", "secured"),
    [
        (EXAMPLE_ANSWER, "RDP: its own security", False),
        (EXAMPLE_ANSWER[:-4] + b"\2\0\0\0", "RDP: TLS with network level authentication", True),
        (XRDP_ANSWER, "RDP: TLS", True),
        (bytes.fromhex("03 00 00 0b 06 d0 00 00 12 34 00"), "RDP: its own security", False),  # of before TLS
    ],
)
def test_answers_are_read_as_the_standard_shows_them(answer, says, secured):
    """And TLS begins where it was chosen, and nowhere else."""
    acts = []

    def watched():
        came, talk = None, rdp.client()
        while True:
            try:
                act = talk.send(came)
            except StopIteration as end:
                return end.value
            acts.append(act)
            came = yield act

    assert str(talked(watched(), saying(answer))) == says
    assert any(isinstance(act, Secure) for act in acts) is secured


def test_a_server_that_wants_other_security_is_heard():
    """[MS-RDPBCGR] 2.2.1.2.2."""
    failure = bytes.fromhex("03 00 00 13 0e d0 00 00 12 34 00 03 00 08 00 05 00 00 00")
    with pytest.raises(Refused, match="network level authentication is required"):
        talked(rdp.client(), saying(failure))


def test_a_request_of_windows_is_understood(tmp_path):
    """With its cookie; one that does not want TLS is told that it must."""
    tls, trusting = certified(tmp_path, "rds.contoso.test")
    with served(rdp.server, tls=tls) as port:
        with socket.create_connection((HOME, port), 5) as made:
            made.sendall(EXAMPLE_REQUEST)
            assert made.recv(64) == bytes.fromhex("03 00 00 13 0e d0 00 00 00 00 00 03 00 08 00 01 00 00 00")
        with socket.create_connection((HOME, port), 5) as made:
            made.sendall(WISH_FOR_TLS)
            assert made.recv(64) == bytes.fromhex("03 00 00 13 0e d0 00 00 00 00 00 02 00 08 00 01 00 00 00")
            with trusting.wrap_socket(made, server_hostname="rds.contoso.test") as secured:
                assert secured.version() in ("TLSv1.2", "TLSv1.3")
                assert isinstance(secured, ssl.SSLSocket)


def test_another_service_on_the_port_is_no_rdp():
    """It may say what it wants."""
    with pytest.raises(Misspoken, match="no RDP"):
        talked(rdp.client(), saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"))


def test_a_connection_over_datagrams_is_granted():
    """With the sizes of datagrams that the standard allows."""
    said = talked(rdp_datagrams.client(), rdp_datagrams.server(), datagrams=True)
    assert said == "RDP: a connection over datagrams, 1232 bytes each"


def test_datagrams_are_laid_out_as_the_standard_says():
    """[MS-RDPEUDP] 2.2.2.1, 2.2.2.5, 2.2.2.9: filled up to 1232 octets."""
    asked, said = [], []
    talked(recorded(rdp_datagrams.client(), asked), recorded(rdp_datagrams.server(), said), datagrams=True)
    head, first = asked[0][:8], asked[0][8:12]
    assert head == bytes.fromhex("ff ff ff ff  00 40  10 01")
    assert asked[0][12:] == bytes.fromhex("04 d0 04 d0  00 01 00 02") + bytes(1212)
    assert said[0][:8] == first + bytes.fromhex("00 40  10 05")


def test_a_small_datagram_gets_no_large_answer():
    """So that nobody can make the server send more than was sent to it."""
    assert hears(rdp_datagrams.server(), [bytes.fromhex("ff ff ff ff 00 40 00 01")], datagrams=True) is None


def heard(client, server, *, asks=False, datagrams=False):
    said = []
    talked(recorded(client, said) if asks else client, server if asks else recorded(server, said), datagrams=datagrams)
    return said


@settings(max_examples=200, deadline=None)
@given(broken([WISH_FOR_TLS]), broken(heard(rdp.client(), rdp.server())))
def test_any_streams_end_well(requests, answers):
    """At both sides."""
    hears(rdp.server(), requests)
    hears(rdp.client(), answers)


@settings(max_examples=100, deadline=None)
@given(broken(heard(rdp_datagrams.client(), rdp_datagrams.server(), datagrams=True)))
def test_any_datagrams_end_well(messages):
    """At both sides."""
    assert hears(rdp_datagrams.server(), messages, datagrams=True) is None
    hears(rdp_datagrams.client(), messages, datagrams=True, fitted=lambda sent, one: sent[8:12] + one[4:])
