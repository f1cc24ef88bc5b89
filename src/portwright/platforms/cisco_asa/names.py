"""Names as ASA prints them: ports, protocols, ICMP types.

They differ from IANA's: `kerberos` is port 750, `radius` 1645, `ipsec` and `pptp` are protocols.
Cisco ASA General Operations CLI Configuration Guide, "Addresses, Protocols, and Ports".
"""

from portwright.packets.intervals import Intervals

TCP_PORTS: dict[str, int] = {
    "aol": 5190, "bgp": 179, "chargen": 19, "cifs": 3020, "citrix-ica": 1494, "cmd": 514, "ctiqbe": 2748,
    "daytime": 13, "discard": 9, "domain": 53, "echo": 7, "exec": 512, "finger": 79, "ftp": 21, "ftp-data": 20,
    "gopher": 70, "h323": 1720, "hostname": 101, "http": 80, "https": 443, "ident": 113, "imap4": 143, "irc": 194,
    "kerberos": 750, "klogin": 543, "kshell": 544, "ldap": 389, "ldaps": 636, "login": 513, "lotusnotes": 1352,
    "lpd": 515, "netbios-ssn": 139, "nfs": 2049, "nntp": 119, "pcanywhere-data": 5631, "pim-auto-rp": 496,
    "pop2": 109, "pop3": 110, "pptp": 1723, "rsh": 514, "rtsp": 554, "sip": 5060, "smtp": 25, "sqlnet": 1521,
    "ssh": 22, "sunrpc": 111, "tacacs": 49, "talk": 517, "telnet": 23, "uucp": 540, "whois": 43, "www": 80,
}  # fmt: skip
UDP_PORTS: dict[str, int] = {
    "biff": 512, "bootpc": 68, "bootps": 67, "cifs": 3020, "discard": 9, "dns": 53, "dnsix": 195, "domain": 53,
    "echo": 7, "http": 80, "isakmp": 500, "kerberos": 750, "mobile-ip": 434, "nameserver": 42, "netbios-dgm": 138,
    "netbios-ns": 137, "nfs": 2049, "ntp": 123, "pcanywhere-status": 5632, "pim-auto-rp": 496, "radius": 1645,
    "radius-acct": 1646, "rip": 520, "secureid-udp": 5510, "sip": 5060, "snmp": 161, "snmptrap": 162, "sunrpc": 111,
    "syslog": 514, "tacacs": 49, "talk": 517, "tftp": 69, "time": 37, "vxlan": 4789, "who": 513, "www": 80,
    "xdmcp": 177,
}  # fmt: skip
PORTS = UDP_PORTS | TCP_PORTS  # no name has two numbers

PROTOCOLS: dict[str, int] = {
    "icmp": 1, "igmp": 2, "ipinip": 4, "tcp": 6, "igrp": 9, "udp": 17, "gre": 47, "pptp": 47, "esp": 50, "ipsec": 50,
    "ah": 51, "ahp": 51, "icmp6": 58, "eigrp": 88, "ospf": 89, "nos": 94, "pim": 103, "pcp": 108, "snp": 109,
    "sctp": 132,
}  # fmt: skip
TCP_AND_UDP: Intervals = ((6, 6), (17, 17))

ICMP_TYPES: dict[str, int] = {
    "echo-reply": 0, "unreachable": 3, "source-quench": 4, "redirect": 5, "alternate-address": 6, "echo": 8,
    "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12,
    "timestamp-request": 13, "timestamp-reply": 14, "information-request": 15, "information-reply": 16,
    "mask-request": 17, "mask-reply": 18, "traceroute": 30, "conversion-error": 31, "mobile-redirect": 32,
}  # fmt: skip
ICMP6_TYPES: dict[str, int] = {
    "unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo": 128,
    "echo-request": 128, "echo-reply": 129, "membership-query": 130, "membership-report": 131,
    "membership-reduction": 132, "router-solicitation": 133, "router-advertisement": 134,
    "neighbor-solicitation": 135, "neighbor-advertisement": 136, "neighbor-redirect": 137, "router-renumbering": 138,
}  # fmt: skip
ICMP_NAMES = {1: ICMP_TYPES, 58: ICMP6_TYPES}

LOG_LEVELS = frozenset(
    ("emergencies", "alerts", "critical", "errors", "warnings", "notifications", "informational", "debugging")
)
