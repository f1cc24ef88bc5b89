"""What people write for protocol and ports, and what it means."""

import pytest

from portwright.matrix.cells import Wrong, read_source_ports, read_transports
from portwright.packets.names import protocol_name
from portwright.packets.notation import ports_text


def read(protocol, ports, service=""):
    found, assumed = read_transports(protocol, ports, service)
    texts = [f"{protocol_name(one.protocol)} {ports_text(one.ports)}".strip() for one in sorted(found)]
    return [*texts, *(["assumed"] if assumed else [])]


@pytest.mark.parametrize(
    ("protocol", "ports", "means"),
    [
        ("TCP", "443", "tcp 443"),
        ("TCP", "443.0", "tcp 443"),
        ("TCP", "80, 443", "tcp 80,443"),
        ("TCP", "80;443", "tcp 80,443"),
        ("TCP", "80\n443", "tcp 80,443"),
        ("TCP", "80/443", "tcp 80,443"),
        ("TCP", "80 443", "tcp 80,443"),
        ("TCP", "80 und 443", "tcp 80,443"),
        ("tcp", "49152-65535", "tcp 49152-65535"),
        ("tcp", "49152 – 65535", "tcp 49152-65535"),
        ("tcp", "49152 bis 65535", "tcp 49152-65535"),
        ("tcp", "8000:8010", "tcp 8000-8010"),
        ("tcp", ">1023", "tcp 1024-65535"),
        ("tcp", "any", "tcp 0-65535"),
        ("tcp", "*", "tcp 0-65535"),
        ("TCP/UDP", "53", "tcp 53; udp 53"),
        ("TCP & UDP", "53", "tcp 53; udp 53"),
        ("TCP, UDP", "53", "tcp 53; udp 53"),
        ("TCP-UDP", "53", "tcp 53; udp 53"),
        ("TCP (6)", "22", "tcp 22"),
        ("6", "22", "tcp 22"),
        ("17.0", "53", "udp 53"),
        ("any", "53", "tcp 53; udp 53"),
        ("HTTPS", "", "tcp 443"),
        ("ICMP", "", "icmp"),
        ("ICMP", "echo", "icmp"),
        ("ICMP", "any", "icmp"),
        ("icmp", "type 8", "icmp"),
        ("ESP", "n/a", "esp"),
        ("50", "-", "esp"),
        ("IP 50", "", "esp"),
        ("proto 89", "", "ospf"),
        ("TCP, ICMP", "443", "icmp; tcp 443"),
        ("UDP", "netbios-ns, 138", "udp 137-138"),
    ],
)
def test_protocols_in_a_column_of_their_own(protocol, ports, means):
    """The protocol column says the protocols of all ports in the row."""
    assert "; ".join(read(protocol, ports)) == means


@pytest.mark.parametrize(
    ("ports", "means"),
    [
        ("tcp/443", "tcp 443"),
        ("443/tcp", "tcp 443"),
        ("tcp_8080", "tcp 8080"),
        ("TCP-443", "tcp 443"),
        ("TCP: 80, 443", "tcp 80,443"),
        ("TCP 443, UDP 53", "tcp 443; udp 53"),
        ("TCP 80, 443, UDP 53", "tcp 80,443; udp 53"),
        ("80, 443/tcp, 53/udp", "tcp 80,443; udp 53"),
        ("443/tcp 53/udp", "tcp 443; udp 53"),
        ("TCP/UDP 53", "tcp 53; udp 53"),
        ("tcp/udp/53", "tcp 53; udp 53"),
        ("53 (TCP, UDP)", "tcp 53; udp 53"),
        ("TCP, UDP 53", "tcp 53; udp 53"),
        ("TCP 53, ICMP", "icmp; tcp 53"),
        ("UDP 500, UDP 4500, ESP", "udp 500,4500; esp"),
        ("ICMP", "icmp"),
        ("ping", "icmp"),
        ("icmp type 8 code 0", "icmp"),
        ("IP/50", "esp"),
        ("https", "tcp 443"),
        ("LDAP/LDAPS", "tcp 389,636"),
        ("DNS", "tcp 53; udp 53"),
        ("ntp", "udp 123"),
        ("https, ntp", "tcp 443; udp 123"),
        ("TCP 1433 (SQL Server)", "tcp 1433"),
        ("TCP 443 https", "tcp 443"),
        ("SQL Server (TCP 1433)", "tcp 1433"),
        ("SQL Server: TCP 1433", "tcp 1433"),
        ("HTTP Proxy TCP 8080", "tcp 8080"),
        ("TCP 443 (HTTPS, SOAP)", "tcp 443"),
    ],
)
def test_protocols_beside_the_ports(ports, means):
    """Before or after the ports, for one or for several; words before a number are a label."""
    assert "; ".join(read("", ports)) == means
    assert "; ".join(read("", "", ports)) == means


@pytest.mark.parametrize("ports", ["443", "8000-8010", "RDP 3389", "any"])
def test_no_protocol_anywhere_is_tcp_and_told(ports):
    """Numbers alone are taken as TCP, and the caller learns it."""
    transports, assumed = read_transports("", ports, "")
    assert assumed
    assert {one.protocol for one in transports} == {6}


def test_the_ports_column_comes_before_the_service_column():
    """With both, the service is a title."""
    assert read("TCP", "8443", "HTTPS") == ["tcp 8443"]
    assert read("TCP", "", "HTTPS") == ["tcp 443"]


@pytest.mark.parametrize(
    ("protocol", "ports", "column", "message"),
    [
        ("TCP", "70000", "ports", "'70000' is not a port (0 to 65535)"),
        ("TCP", "8010-8000", "ports", "port range 8010-8000 runs backwards"),
        ("TCP", "80.443", "ports", "'80.443' is not a port"),
        ("TCP", "2024-01-03", "ports", "'2024-01-03' is not a port"),
        ("TCP", "sql server", "ports", "'sql' is neither a port nor the name of a service"),
        ("TCP", "443 TLS", "ports", "'tls' is neither a port nor the name of a service"),
        ("TCP", "443 (TLS 1.2)", "ports", "'1.2' is not a port"),
        ("TCP", "443 (and 8443x)", "ports", "'8443x' is not a port"),
        ("", "Windows 2019 RDP", "ports", "'rdp' follows a number that is not its port"),
        ("TCP", "", "ports", "says no port for tcp"),
        ("", "", "ports", "says neither protocol nor port"),
        ("UDP", "443/tcp", "ports", "says tcp, and the protocol column udp"),
        ("ESP", "443", "ports", "esp has no ports"),
        ("ICMP", "type 3", "ports", "icmp has no ports"),
        ("any", "any", "ports", "says any protocol and any port"),
        ("IP", "", "ports", "says any protocol and any port"),
        ("", "IP/any", "ports", "says any protocol and any port"),
        ("SSL", "443", "protocol", "'ssl' is not an IP protocol"),
        ("256", "", "protocol", "'256' is not an IP protocol"),
        ("", "=1+1", "ports", "'=' is neither a port nor the name of a service"),
        ("TCP", "not 443", "ports", "'not' is neither a port nor the name of a service"),
        ("TCP", "!443", "ports", "'!' is neither a port nor the name of a service"),
        ("", "TCP 80 443 UDP", "ports", "says no port for udp"),
    ],
)
def test_what_says_nothing_clear_is_wrong(protocol, ports, column, message):
    """Never a guess, and never ignored: the message names what is not understood."""
    with pytest.raises(Wrong) as refused:
        read_transports(protocol, ports, "")
    assert (refused.value.column, str(refused.value)) == (column, message)


@pytest.mark.parametrize("ports", ["80.443", "2024-01-03", "80443000"])
def test_what_a_spreadsheet_has_changed_is_explained(ports):
    """Lists become numbers, ranges become dates."""
    with pytest.raises(Wrong) as refused:
        read_transports("TCP", ports, "")
    assert "format the cells as text" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("", ""),
        ("any", ""),
        ("1024-65535", ""),
        (">1023", ""),
        ("ephemeral", ""),
        ("123", "123"),
        ("udp/500, 4500", "500,4500"),
    ],
)
def test_source_ports(text, ports):
    """Only those are kept that are fixed; a client's usual ports need no word."""
    assert ports_text(read_source_ports(text)) == ports


@pytest.mark.parametrize("text", ["(" * 2000, "tcp " * 1000, "1-" * 2000, "80 " * 1300 + "x", "-" * 4000, "," * 4000])
def test_long_cells_are_read_soon(text):
    """No cell takes more than the time its length explains."""
    with pytest.raises(Wrong):
        read_transports("", text, "")
