"""NetBIOS: our clients and nmblookup ask for names, our servers answer; sessions and datagrams."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.samba import SERVER, low_ports, samba
from tests.protocols.serving import served
from tests.protocols.spoken import talked

from portwright.protocols import netbios, netbios_datagram, netbios_session
from portwright.protocols.conversation import Misspoken, Refused, send
from portwright.protocols.netbios import CONTROLLERS, Name

__all__ = ["low_ports"]
DC, FILES, DOMAIN = Name("DC01"), Name("DC01", netbios.SERVER), Name("CONTOSO", CONTROLLERS, group=True)
NAMES = (DC, FILES, DOMAIN)
ADDRESS = IPv4Address("10.40.0.11")
ME, HERE = Name("CLIENT7"), IPv4Address("10.10.0.7")


def node():
    return netbios.server(NAMES, ADDRESS)


def test_a_name_is_encoded_as_the_standard_shows():
    """RFC 1001, 14.1, has this example of "FRED"."""
    assert Name("FRED", 0x20).encoded == b"\x20EGFCEFEECACACACACACACACACACACACA\0"
    with pytest.raises(ValueError, match="1 to 15"):
        Name("SIXTEENLETTERSXX")


@pytest.mark.parametrize("name", [DC, FILES, DOMAIN])
def test_a_name_is_found_at_its_node(name):
    """Of a computer, of its files, of its domain."""
    assert str(talked(netbios.client(name), node(), datagrams=True)) == f"NetBIOS: {name} is at 10.40.0.11"


def test_a_name_that_nobody_has_is_refused():
    """RFC 1002, 4.2.14."""
    with pytest.raises(Refused, match="FE01<00> is not known"):
        talked(netbios.client(Name("FE01")), node(), datagrams=True)


def test_a_node_says_its_names():
    """To anybody who asks."""
    said = talked(netbios.status_client(), node(), datagrams=True)
    assert str(said) == "NetBIOS: DC01<00>, DC01<20>, CONTOSO<1c>"
    assert [one.group for one in said.names] == [False, False, True]


def test_a_session_is_granted_and_carries_messages():
    """RFC 1002, 4.3; what keeps it alive is passed over."""

    def client():
        yield from netbios_session.client()
        yield from send(b"\x85\0\0\0" + netbios_session.framed(b"hello"))
        return (yield from netbios_session.message())

    def server():
        yield from netbios_session.server()
        yield from send(netbios_session.framed((yield from netbios_session.message()).upper()))

    assert talked(client(), server()) == b"HELLO"


def test_a_session_may_be_refused():
    """RFC 1002, 4.3.4: the called name is not present."""

    def server():
        yield from send(b"\x83\0\0\x01\x82")

    with pytest.raises(Refused, match="code 82"):
        talked(netbios_session.client(), server())


def test_a_datagram_goes_out_and_one_comes_back():
    """To a name that the node has."""
    talk = netbios_datagram.client(FILES, ME, HERE)
    said = talked(talk, netbios_datagram.server(NAMES, ADDRESS), datagrams=True)
    assert said == "NetBIOS: DC01<20> sent a datagram back"


def test_a_datagram_to_a_name_that_is_not_there_is_refused():
    """RFC 1002, 4.4.3."""
    with pytest.raises(Refused, match="nobody there is FE01<00>"):
        talked(
            netbios_datagram.client(Name("FE01"), ME, HERE),
            netbios_datagram.server(NAMES, ADDRESS),
            datagrams=True,
        )


def test_nmblookup_finds_names(tmp_path, low_ports):
    """By a query for a name, and by the status of the node."""
    with served(lambda: netbios.server(NAMES, IPv4Address(SERVER)), datagrams=True, at=(SERVER, 137)):
        status, said = samba(tmp_path, "nmblookup", "-U", SERVER, "DC01#20")
        assert (status, f"{SERVER} DC01<20>" in said) == (0, True), said
        status, said = samba(tmp_path, "nmblookup", "-U", SERVER, "FE01")
        assert status == 1
        status, said = samba(tmp_path, "nmblookup", "-A", SERVER)
        assert "CONTOSO         <1c> - <GROUP> B <ACTIVE>" in said, said


def heard(client, server, *, asks=False, datagrams=True):
    said = []
    talked(recorded(client, said) if asks else client, server if asks else recorded(server, said), datagrams=datagrams)
    return said


@settings(max_examples=200, deadline=None)
@given(broken(heard(netbios.status_client(), node())), broken(heard(netbios.client(DC), node())))
def test_any_answers_about_names_end_well(statuses, answers):
    """With the number that was asked."""
    for talk, messages in ((netbios.status_client(), statuses), (netbios.client(DC), answers)):
        hears(talk, messages, datagrams=True, fitted=lambda sent, one: sent[:2] + one[2:])


@settings(max_examples=200, deadline=None)
@given(broken(heard(netbios.client(DC), node(), asks=True)))
def test_any_questions_about_names_end_well(messages):
    """With an answer or none."""
    assert hears(node(), messages, datagrams=True) is None


@settings(max_examples=200, deadline=None)
@given(broken(heard(netbios_datagram.client(FILES, ME, HERE), netbios_datagram.server(NAMES, ADDRESS), asks=True)))
def test_any_datagrams_end_well(messages):
    """At both sides."""
    assert hears(netbios_datagram.server(NAMES, ADDRESS), messages, datagrams=True) is None
    fitted = lambda sent, one: one[:2] + sent[2:4] + one[4:]  # noqa: E731
    hears(netbios_datagram.client(FILES, ME, HERE), messages, datagrams=True, fitted=fitted)


@settings(max_examples=100, deadline=None)
@given(broken([b"\x82\0\0\0", netbios_session.framed(b"hello")]))
def test_any_streams_end_well(messages):
    """At both sides of a session."""
    hears(netbios_session.server(), messages)
    outcome = hears(netbios_session.client(), messages)
    assert outcome is None or isinstance(outcome, Misspoken | Refused | EOFError)
