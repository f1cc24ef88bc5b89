"""SQL Server Browser: our client, tsql and python-tds ask for instances, our server tells them."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from tests.protocols.hostile import broken, hears
from tests.protocols.samba import SERVER, low_ports
from tests.protocols.serving import served
from tests.protocols.spoken import talked

from portwright.protocols.conversation import Misspoken, send, some
from portwright.protocols.sqlbrowser import Instance, client, server

__all__ = ["low_ports"]
CRM = Instance("SQL01", "CRM", port=51433, pipe=r"\\SQL01\pipe\MSSQL$CRM\sql\query", administrator_port=51434)
LOCAL = Instance("SQL01", "LOCALONLY")
BOTH = (CRM, LOCAL)

# The example of [MC-SQLR] 4: an answer to a question about all instances
EXAMPLE = (
    "ServerName;ILSUNG1;InstanceName;YUKONSTD;IsClustered;No;Version;9.00.1399.06;tcp;57137;;"
    r"ServerName;ILSUNG1;InstanceName;YUKONDEV;IsClustered;No;Version;9.00.1399.06;np;\\ILSUNG1\pipe\MSSQL$YUKONDEV\sql\query;;"
    "ServerName;ILSUNG1;InstanceName;MSSQLSERVER;IsClustered;No;Version;9.00.1399.06;tcp;1433;"
    r"np;\\ILSUNG1\pipe\sql\query;;"
)


def saying(text):
    yield from send(b"\5" + len(text).to_bytes(2, "little") + text.encode("latin-1"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "SQL Browser: CRM at 51433; LOCALONLY, not over TCP"),
        ("crm", "SQL Browser: CRM at 51433"),
        ("LocalOnly", "SQL Browser: LOCALONLY, not over TCP"),
    ],
)
def test_a_computer_tells_its_instances(name, says):
    """All, or the one that is asked for, in whatever case."""
    assert str(talked(client(name), server(BOTH), datagrams=True)) == says


def test_nothing_is_said_about_an_instance_that_is_not_there():
    """[MC-SQLR] 3.2.5.3; so it stays silent, and so does our server to what asks nothing."""
    for asked in (b"\x04NOBODY\0", b"", b"\xff", b"\x0f\x01LOCALONLY\0"):
        assert talked(asking(asked), server(BOTH), datagrams=True) == b""


def asking(data):
    yield from send(data)
    return (yield from some())


def test_the_port_of_the_dedicated_administrator_is_told():
    """[MC-SQLR] 2.2.6: six octets."""
    assert talked(asking(b"\x0f\x01CRM\0"), server(BOTH), datagrams=True) == b"\x05\x06\x00\x01" + b"\xea\xc8"


def test_the_answer_of_the_standard_is_read():
    """Its three instances."""
    found = talked(client(), saying(EXAMPLE), datagrams=True).instances
    assert [(one.name, one.port, bool(one.pipe)) for one in found] == [
        ("YUKONSTD", 57137, False),
        ("YUKONDEV", None, True),
        ("MSSQLSERVER", 1433, True),
    ]


@pytest.mark.parametrize("text", ["ServerName;X;;", "ServerName;X;InstanceName;;Y;;", "a;b;c;;", f"{CRM.name};tcp"])
def test_an_answer_without_names_is_none(text):
    """Nor one with a port that is none."""
    with pytest.raises(Misspoken):
        talked(client(), saying(text), datagrams=True)


def test_python_tds_and_tsql_read_our_answer(low_ports):
    """The one resolves a port, the other lists instances."""
    from pytds.instance_browser_client import resolve_instance_port

    with served(lambda: server(BOTH), datagrams=True, at=(SERVER, 1434)):
        assert resolve_instance_port(SERVER, None, "CRM") == 51433
        if shutil.which("tsql"):
            command = ["tsql", "-L", "-H", SERVER]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert [line.strip() for line in ran.stderr.splitlines()][4:] == [
                "tcp 51433",
                rf"np {CRM.pipe}",
                "",
                "ServerName SQL01",
                "InstanceName LOCALONLY",
                "IsClustered No",
                "Version 11.0.2100.60",
            ]


@settings(max_examples=200, deadline=None)
@given(broken([b"\5" + len(EXAMPLE).to_bytes(2, "little") + EXAMPLE.encode()]), broken([b"\x04CRM\0"]))
def test_any_datagrams_end_well(answers, questions):
    """At both sides."""
    hears(client(), answers, datagrams=True)
    assert hears(server(BOTH), questions, datagrams=True) is None
