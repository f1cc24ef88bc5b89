"""SMB: our client and smbclient come to the share IPC$ as nobody, our server lets them."""

import pytest
from hypothesis import given, settings
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.samba import SERVER, low_ports, samba
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols import netbios_session
from portwright.protocols.conversation import Misspoken, send
from portwright.protocols.smb import client, over_netbios
from portwright.protocols.smb_server import server

__all__ = ["low_ports"]
HOST = "dc01.contoso.test"


def test_a_client_hears_the_dialect():
    """That is enough to know that the service lives."""
    assert str(talked(client(), server(HOST))) == "SMB 3.1.1"


def test_a_client_comes_to_ipc_as_nobody_and_leaves():
    """Directly, and over a session of NetBIOS."""
    assert str(talked(client(HOST), server(HOST))) == "SMB 3.1.1, session: anonymous"
    talk = over_netbios(netbios_session.client(), client(HOST))
    assert str(talked(talk, server(HOST, over_netbios=True))) == "SMB 3.1.1, session: anonymous"


@pytest.mark.parametrize("protocol", ["SMB2_02", "SMB2_10", "SMB3_00", "SMB3_02", "SMB3_11"])
@pytest.mark.parametrize("first", ["SMB2_02", "NT1"])  # a negotiation of SMB 2, or of SMB 1 that offers it
def test_smbclient_comes_to_ipc_in_every_dialect(tmp_path, protocol, first):
    """As nobody; each command of its session ends well."""
    asked = []

    def watched():
        said = []
        yield from recorded(server(HOST), said)
        asked.append(len(said))

    options = (f"--option=client min protocol = {first}", f"--option=client max protocol = {protocol}")
    with served(watched) as port:
        status, said = samba(tmp_path, "smbclient", "-N", rf"//{HOME}/IPC$", "-p", str(port), *options, "-c", "exit")
    assert (status, said) == (0, ""), said
    assert asked == [5 if first != "NT1" or protocol == "SMB2_02" else 6]


def test_smbclient_is_told_what_is_not_there(tmp_path):
    """A share, and what is in IPC$; a name makes a guest."""
    with served(lambda: server(HOST)) as port:
        status, said = samba(tmp_path, "smbclient", "-N", rf"//{HOME}/data", "-p", str(port), "-c", "exit")
        assert (status, "NT_STATUS_BAD_NETWORK_NAME" in said) == (1, True), said
        status, said = samba(tmp_path, "smbclient", "-Ualice%secret", rf"//{HOME}/IPC$", "-p", str(port), "-c", "ls")
        assert "NT_STATUS_ACCESS_DENIED" in said, said


def test_smbclient_comes_over_a_session_of_netbios(tmp_path, low_ports):
    """On port 139 it asks for one first."""
    with served(lambda: server(HOST, over_netbios=True), at=(SERVER, 139)):
        status, said = samba(tmp_path, "smbclient", "-N", rf"//{SERVER}/IPC$", "-p", "139", "-c", "exit")
    assert (status, said) == (0, ""), said


def test_another_service_on_the_port_is_no_smb():
    """It may say what it wants."""

    def other():
        yield from send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with pytest.raises(Misspoken):
        talked(client(), other())


def heard(*, asks=False):
    said = []
    mine, other = client(HOST), server(HOST)
    talked(recorded(mine, said) if asks else mine, other if asks else recorded(other, said))
    return said


@settings(max_examples=300, deadline=None)
@given(broken(heard()))
def test_any_answers_end_well_at_the_client(messages):
    """Whatever the server says."""
    hears(client(HOST), messages)


@settings(max_examples=300, deadline=None)
@given(broken(heard(asks=True)))
def test_any_requests_end_well_at_the_server(messages):
    """Whatever the client says."""
    hears(server(HOST), messages)
