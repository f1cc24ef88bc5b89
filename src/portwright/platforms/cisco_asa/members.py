"""Lines that belong to the block above them even without indentation, by the first word of the block.

What was pasted into a mail or a ticket has often lost its indentation. A command of the top level that decides about
packets is nowhere a member.
"""

_WORDS: dict[str, str] = {
    "interface": """
        nameif security-level description shutdown vlan speed duplex management-only bridge-group zone-member
        channel-group switchport power mac-address policy-route asr-group ospf lacp delay tunnel pppoe dhcprelay""",
    "object": """
        host subnet range fqdn domain description""",
    "object-group": """
        network-object service-object port-object protocol-object icmp-object group-object description user
        user-group security-group""",
    "time-range": """
        absolute periodic""",
    "class-map": """
        match description""",
    "policy-map": """
        class inspect parameters message-length set match police priority sfr ips user-statistics description
        id-randomization id-mismatch dns-guard protocol-enforcement nat-rewrite tcp-inspection drop-connection
        reset log eool nop router-alert""",
    "crypto": """
        protocol encryption integrity authentication hash group prf lifetime set enrollment subject-name keypair
        crl fqdn serial-number revocation-check validation-usage auto-import proxy-ldc-issuer id-usage
        certificate quit""",
    "tunnel-group": """
        address-pool default-group-policy authentication-server-group ikev1 ikev2 pre-shared-key dhcp-server
        group-alias group-url peer-id-validate isakmp chain trust-point""",
    "group-policy": """
        vpn-tunnel-protocol vpn-filter vpn-idle-timeout vpn-session-timeout vpn-simultaneous-logins
        split-tunnel-policy split-tunnel-network-list split-tunnel-all-dns split-dns dns-server wins-server
        default-domain address-pools dhcp-network-scope group-lock password-storage msie-proxy ip-comp pfs
        re-xauth""",
    "username": """
        service-type vpn-group-policy vpn-filter vpn-framed-ip-address group-lock""",
    "webvpn": """
        enable anyconnect svc tunnel-group-list cache disable hsts max-age include-sub-domains error-recovery
        anyconnect-essentials csd hostscan""",
    "dns": """
        name-server domain-name retries timeout poll-timer expire-entry-timer""",
    "aaa-server": """
        key timeout server-port server-type radius-common-pw retry-interval authentication-port accounting-port
        max-failed-attempts reactivation-mode ldap-base-dn ldap-group-base-dn ldap-scope ldap-naming-attribute
        ldap-login-password ldap-login-dn ldap-over-ssl ldap-attribute-map nt-auth-domain-controller
        kerberos-realm sdi-version""",
    "ldap": """
        map-name map-value""",
    "router": """
        network neighbor redistribute area log-adj-changes passive-interface version router-id auto-summary
        default-information address-family exit-address-family bgp timers eigrp default-metric distance
        distribute-list maximum-paths nsf""",
    "route-map": """
        match set description""",
    "sla": """
        type frequency num-packets timeout threshold request-data-size tos""",
    "license": """
        feature throughput""",
    "call-home": """
        profile destination subscribe-to-alert-group active contact-email-addr mail-server alert-group""",
}
_PAIRS: dict[str, str] = {  # the same where one word is not enough to tell
    "interface": """
        ip address, ipv6 address, ipv6 enable, ipv6 nd, no forward, no ip, no management-only, no nameif, no
        security-level, no shutdown, no switchport""",
    "crypto": """
        no ca-check, no crl, no validation-usage""",
    "policy-map": """
        no inspect, no tcp-inspection""",
    "call-home": """
        no active""",
    "router": """
        no auto-summary, no synchronization""",
    "webvpn": """
        no anyconnect-essentials, no preload""",
    "object": """
        service esp, service gre, service icmp, service icmp6, service ip, service sctp, service tcp, service
        udp""",
}

MEMBERS = {name: frozenset(words.split()) for name, words in _WORDS.items()}
PAIRS = {name: frozenset(tuple(pair.split()) for pair in pairs.split(",")) for name, pairs in _PAIRS.items()}
