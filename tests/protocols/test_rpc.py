"""RPC: our client and rpcclient find an interface and bind to it, our servers answer."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.samba import SERVER, low_ports, samba
from tests.protocols.serving import served
from tests.protocols.spoken import talked

from portwright.protocols import epm, rpc, rpc_datagrams
from portwright.protocols.conversation import Misspoken, Refused, send
from portwright.protocols.rpc import INTERFACES

__all__ = ["low_ports"]
NETLOGON, DRSUAPI, LSA, SAMR = (INTERFACES[name] for name in ("netlogon", "drsuapi", "lsarpc", "samr"))
PORTS = {NETLOGON: 49664, DRSUAPI: 49665}
ADDRESS = IPv4Address("10.40.0.11")


def mapper():
    return epm.server(PORTS, ADDRESS)


def test_the_mapper_says_at_which_port_an_interface_is():
    """For people, and as values."""
    found = talked(epm.client(NETLOGON), mapper())
    assert (str(found), found.port, found.address) == ("EPM: netlogon at 49664", 49664, ADDRESS)


def test_the_mapper_says_that_an_interface_is_nowhere():
    """[C706] appendix E: ept_s_not_registered."""
    with pytest.raises(Refused, match="not registered"):
        talked(epm.client(SAMR), mapper())


@pytest.mark.parametrize(
    ("asked", "offered", "says"),
    [
        (NETLOGON, [NETLOGON], "RPC: netlogon bound"),
        (SAMR, [NETLOGON, LSA], "RPC: samr is not here (result 2, reason 1)"),
    ],
)
def test_a_bind_shows_a_server_of_rpc_with_or_without_the_interface(asked, offered, says):
    """What it is told about the interface is beside the point that it lives."""
    assert str(talked(rpc.client(asked), rpc.server(offered))) == says


def test_a_call_that_nobody_serves_is_a_fault():
    """nca_s_op_rng_error, as of a server that has no such operation."""
    with pytest.raises(Refused, match="0x1c010002"):
        talked(rpc.call(SAMR, 99, b""), rpc.server([SAMR]))


# What a domain controller of Samba 4.17 said, recorded
SAMBA_BIND_ACK = (
    "05000c03100000003c00000001000000d016d016ca98000004003133350000000100000000000000"
    "045d888aeb1cc9119fe808002b10486002000000"
)
SAMBA_MAPPED = (
    "050002031000000098000000020000008000000000000000000000000000000000000000000000000000000001000000"
    "040000000000000001000000030000004b0000004b000000050013000d785634123412cdabef0001234567cffb010002"
    "00000013000d045d888aeb1cc9119fe808002b10486002000200000001000b020000000100070200c350010009040000"
    "0000000000000000"
)
SAMBA_NOT_REGISTERED = (
    "050002031000000040000000020000002800000000000000000000000000000000000000000000000000000000000000"
    "040000000000000000000000d6a0c916"
)


def recorded_samba(answer):
    yield from send(bytes.fromhex(SAMBA_BIND_ACK) + bytes.fromhex(answer))


def test_what_a_domain_controller_said_is_understood():
    """Where an interface is, and that one is nowhere."""
    assert str(talked(epm.client(NETLOGON), recorded_samba(SAMBA_MAPPED))) == "EPM: netlogon at 50000"
    with pytest.raises(Refused, match="not registered"):
        talked(epm.client(INTERFACES["frsrpc"]), recorded_samba(SAMBA_NOT_REGISTERED))


def in_fragments(count):
    """A server that returns eight octets in so many fragments, the last of them marked as that."""
    server = rpc.server([SAMR], lambda number, octets: b"12345678")
    said = []
    talked(rpc.call(SAMR, 0, b""), recorded(server, said))
    bound, whole = said
    yield from send(bound)
    part = whole[:3] + b"\0" + whole[4:]
    yield from send(part * (count - 1) + whole)


def test_what_returns_in_fragments_is_put_together():
    """Within reason: who sends fragments without end is not listened to."""
    assert talked(rpc.call(SAMR, 0, b""), in_fragments(3)).rest() == b"12345678" * 3
    with pytest.raises(Misspoken, match="more than 64"):
        talked(rpc.call(SAMR, 0, b""), in_fragments(1000))


# The octets are laid out by hand from [C706] 12.6.4; values as Windows sends them.
ACK = """
05 00 0c 03  10 00 00 00  3c 00 00 00  01 00 00 00 ; bind_ack, 60 octets, call 1
d0 16 d0 16  9a 12 00 00                           ; sizes, group
06 00  34 39 36 36 34 00                           ; second address: "49664"
01 00 00 00                                        ; one result, and which transfer syntax it takes
00 00 00 00  04 5d 88 8a eb 1c c9 11 9f e8 08 00 2b 10 48 60  02 00 00 00
"""
NAK = "05 00 0d 03  10 00 00 00  15 00 00 00  01 00 00 00     04 00  01 05 00"
BIG_ENDIAN_FAULT = """
05 00 03 03  00 00 00 00  00 20 00 00  00 00 00 01
00 00 00 00  00 00 00 00  00 00 00 05  00 00 00 00
"""


def octets(text):
    return b"".join(bytes.fromhex(line.partition(";")[0]) for line in text.splitlines())


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ACK, "RPC: netlogon bound"),
        (NAK, "RPC: netlogon is not here (bind refused, reason 4)"),
        (BIG_ENDIAN_FAULT, "RPC: netlogon is not here (fault 0x00000005)"),
    ],
)
def test_answers_are_read_as_the_standard_lays_them_out(answer, says):
    """In either order of octets, with a second address of any length."""

    def other():
        yield from send(octets(answer))

    assert str(talked(rpc.client(NETLOGON), other())) == says


def test_a_question_is_laid_out_as_the_standard_says():
    """A tower of five floors ([C706] appendix L), inside a request of ept_map."""
    said = []
    talked(recorded(epm.client(NETLOGON), said), mapper())
    tower = octets("""
        05 00
        13 00  0d 78 56 34 12 34 12 cd ab ef 00 01 23 45 67 cf fb 01 00  02 00 00 00
        13 00  0d 04 5d 88 8a eb 1c c9 11 9f e8 08 00 2b 10 48 60 02 00  02 00 00 00
        01 00 0b  02 00 00 00
        01 00 07  02 00 00 00
        01 00 09  04 00 00 00 00 00
    """)
    assert len(tower) == 75
    assert octets("4b 00 00 00  4b 00 00 00") + tower + b"\0" in said[1]


def test_another_service_on_the_port_is_no_rpc():
    """It may say what it wants."""

    def other():
        yield from send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with pytest.raises(Misspoken, match="no RPC"):
        talked(rpc.client(NETLOGON), other())


def test_a_ping_by_datagram_is_answered():
    """It asks about a call that nobody made."""
    assert talked(rpc_datagrams.client(), rpc_datagrams.server(), datagrams=True) == "RPC: no such call"


def test_rpcclient_asks_our_mapper_and_binds_to_our_server(tmp_path, low_ports):
    """It finds the port of samr by our endpoint mapper; at that port its call ends in our fault."""
    asked = []

    def watched():
        asked.append("samr")
        return (yield from rpc.server([SAMR]))

    with (
        served(watched, at=(SERVER, 0)) as port,
        served(lambda: epm.server({SAMR: port}, IPv4Address(SERVER)), at=(SERVER, 135)),
    ):
        _, said = samba(tmp_path, "rpcclient", "-N", "-U%", f"ncacn_ip_tcp:{SERVER}", "-c", "enumdomains")
    assert asked == ["samr"]
    assert "NT_STATUS_RPC_PROCNUM_OUT_OF_RANGE" in said


def heard(client, server, *, asks=False, datagrams=False):
    said = []
    talked(recorded(client, said) if asks else client, server if asks else recorded(server, said), datagrams=datagrams)
    return said


@settings(max_examples=300, deadline=None)
@given(broken(heard(epm.client(NETLOGON), mapper())))
def test_any_answers_end_well_at_the_clients(messages):
    """Of the mapper and of others."""
    hears(epm.client(NETLOGON), messages)
    hears(rpc.client(NETLOGON), messages)


@settings(max_examples=300, deadline=None)
@given(broken(heard(epm.client(NETLOGON), mapper(), asks=True)))
def test_any_questions_end_well_at_the_mapper(messages):
    """Whatever the client says."""
    hears(mapper(), messages)


@settings(max_examples=200, deadline=None)
@given(broken(heard(rpc_datagrams.client(), rpc_datagrams.server(), datagrams=True)))
def test_any_datagrams_end_well(messages):
    """At both sides, in the activity that was asked about."""
    assert hears(rpc_datagrams.server(), messages, datagrams=True) is None
    fitted = lambda sent, one: one[:40] + sent[40:56] + one[56:]  # noqa: E731
    hears(rpc_datagrams.client(), messages, datagrams=True, fitted=fitted)
