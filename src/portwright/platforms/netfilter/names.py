"""The names of /etc/protocols and /etc/services that rules of netfilter use for numbers."""

PROTOCOLS = {
    "ip": 0, "hopopt": 0, "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": 6, "egp": 8, "igp": 9,
    "pup": 12, "udp": 17, "hmp": 20, "xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36, "ddp": 37,
    "idpr-cmtp": 38, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46, "gre": 47, "esp": 50,
    "ah": 51, "skip": 57, "ipv6-icmp": 58, "icmpv6": 58, "icmp6": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "rspf": 73,
    "vmtp": 81, "eigrp": 88, "ospf": 89, "ospfigp": 89, "ax.25": 93, "ipip": 94, "etherip": 97, "encap": 98,
    "pim": 103, "ipcomp": 108, "comp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132, "fc": 133,
    "mobility-header": 135, "udplite": 136, "mpls-in-ip": 137, "manet": 138, "hip": 139, "shim6": 140, "wesp": 141,
    "rohc": 142, "ethernet": 143,
}  # fmt: skip

SERVICES = {  # /etc/services, those that rulesets name; listings print numbers unless asked for names
    "tcpmux": 1, "echo": 7, "discard": 9, "systat": 11, "daytime": 13, "netstat": 15, "chargen": 19, "ftp-data": 20,
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "mail": 25, "time": 37, "whois": 43, "tacacs": 49, "domain": 53,
    "bootps": 67, "bootpc": 68, "tftp": 69, "gopher": 70, "finger": 79, "http": 80, "www": 80, "kerberos": 88,
    "kerberos5": 88, "krb5": 88, "iso-tsap": 102, "rtelnet": 107, "pop3": 110, "pop-3": 110, "sunrpc": 111,
    "portmapper": 111, "auth": 113, "nntp": 119, "ntp": 123, "epmap": 135, "loc-srv": 135, "netbios-ns": 137,
    "netbios-dgm": 138, "netbios-ssn": 139, "imap": 143, "imap2": 143, "snmp": 161, "snmp-trap": 162,
    "snmptrap": 162, "cmip-man": 163, "xdmcp": 177, "bgp": 179, "smux": 199, "qmtp": 209, "ipx": 213, "ptp-event": 319,
    "ptp-general": 320, "ldap": 389, "svrloc": 427, "https": 443, "snpp": 444, "microsoft-ds": 445, "kpasswd": 464,
    "submissions": 465, "ssmtp": 465, "smtps": 465, "saft": 487, "isakmp": 500, "rtsp": 554, "nqs": 607,
    "asf-rmcp": 623, "qmqp": 628, "ipp": 631, "ldaps": 636, "ldp": 646, "exec": 512, "biff": 512, "login": 513,
    "who": 513, "shell": 514, "syslog": 514, "printer": 515, "talk": 517, "ntalk": 518, "route": 520, "gdomap": 538,
    "uucp": 540, "klogin": 543, "kshell": 544, "dhcpv6-client": 546, "dhcpv6-server": 547, "afpovertcp": 548,
    "nntps": 563, "submission": 587, "kerberos-adm": 749, "kerberos4": 750, "domain-s": 853, "rsync": 873,
    "ftps-data": 989, "ftps": 990, "telnets": 992, "imaps": 993, "pop3s": 995, "socks": 1080, "proofd": 1093,
    "rmiregistry": 1099, "openvpn": 1194, "nessus": 1241, "lotusnote": 1352, "ms-sql-s": 1433, "ms-sql-m": 1434,
    "ingreslock": 1524, "datametrics": 1645, "sa-msg-port": 1646, "l2f": 1701, "radius": 1812, "radius-acct": 1813,
    "cisco-sccp": 2000, "nfs": 2049, "gnunet": 2086, "zephyr-srv": 2102, "cvspserver": 2401, "venus": 2430,
    "iprop": 2121, "mon": 2583, "dict": 2628, "f5-globalsite": 2792, "gsiftp": 2811, "gpsd": 2947, "iscsi-target": 3260,
    "mysql": 3306, "ms-wbt-server": 3389, "nut": 3493, "svn": 3690, "epmd": 4369, "remctl": 4373, "fax": 4557,
    "iax": 4569, "radmin-port": 4899, "sip": 5060, "sip-tls": 5061, "xmpp-client": 5222, "xmpp-server": 5269,
    "postgresql": 5432, "rplay": 5555, "amqps": 5671, "amqp": 5672, "x11": 6000, "gnutella-svc": 6346, "ircd": 6667,
    "ircs-u": 6697, "http-alt": 8080, "mdns": 5353, "zabbix-agent": 10050, "zabbix-trapper": 10051, "nbd": 10809,
    "git": 9418, "webmin": 10000, "bacula-dir": 9101, "bacula-fd": 9102, "bacula-sd": 9103, "mtn": 4691,
    "ipsec-nat-t": 4500, "xfs": 7100, "puppet": 8140, "kamanda": 10081, "amanda": 10080,
}  # fmt: skip
