"""IANA names of protocols, ports and ICMP types as people write them in notations, both ways.

Platforms have name tables of their own: vendors disagree with IANA and with each other.
"""

PROTOCOLS: dict[str, int] = {  # IANA "protocol-numbers", those that firewalls name
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "dccp": 33, "rsvp": 46, "gre": 47,
    "esp": 50, "ah": 51, "icmpv6": 58, "eigrp": 88, "ospf": 89, "pim": 103, "vrrp": 112, "l2tp": 115, "sctp": 132,
    "udplite": 136,
}  # fmt: skip
PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}

PORTS: dict[str, int] = {  # IANA "service-names-port-numbers", those that flow notation may name
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "dns": 53, "http": 80, "kerberos": 88, "pop3": 110,
    "ntp": 123, "epmap": 135, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139, "imap": 143, "ldap": 389,
    "https": 443, "microsoft-ds": 445, "kpasswd": 464, "isakmp": 500, "submission": 587, "ldaps": 636, "imaps": 993,
    "pop3s": 995, "ms-sql-s": 1433, "ms-sql-m": 1434, "msft-gc": 3268, "msft-gc-ssl": 3269, "rdp": 3389,
    "ipsec-nat-t": 4500, "winrm": 5985, "winrms": 5986,
}  # fmt: skip


def protocol_name(number: int) -> str:
    """The usual name of an IP protocol, or its number."""
    return PROTOCOL_NAMES.get(number, str(number))
