"""Top-level commands that decide about no packet through the firewall, grouped by what they are.

A command is found by its first words, the longest known beginning first; `no` in front changes nothing. What is below
it (indented) is inert too. A command that stands nowhere is unknown, and makes the whole point undecided.
"""

INERT: dict[str, str] = {
    "identity and files of the device": """
        hostname, domain-name, boot, checksum, asdm, terminal, pager, prompt, clock, banner, names, license,
        checkheaps, crashinfo, coredump, config-register, console, hw-module, module, service-module, mount,
        jumbo-frame, mac-address, flowcontrol, hardware-bypass, image, software, feature, auto-update, smart-tunnel,
        quit, exit, end, enable, configure, write, show, firewall routed, mode single, cpu, memory, key, setup,
        app-agent, diagnostic, lina-io-wait, environment, platform, fips, kill, reload, upgrade, tunnel-policy,
        service password-recovery, service call-home, service sw-reset-button, service internal, service telemetry,
        service-object-cache, power-supply, asp, asp load-balance, cluster, cluster group, cluster interface-mode,
        context-name, guestshell, logging, threat-detection, forward-reference, lacp, port-channel, redundant-interface,
        profile, revocation, snort, object-group-search, access-list-optimize, command-alias, tcp-proxy""",
    "passwords and users of the device": """
        enable password, passwd, password, username, user-identity, password-policy, privilege, aaa-server,
        aaa accounting, aaa authentication console, aaa authentication enable, aaa authentication ssh,
        aaa authentication telnet, aaa authentication http, aaa authentication serial, aaa authentication login-history,
        aaa authentication secure-http-client, aaa authentication listener, aaa authorization command,
        aaa authorization exec, aaa authorization http, aaa local, aaa proxy-limit, aaa mac-exempt, ldap,
        ldap attribute-map, mac-list, virtual, radius-common-pw, zonelabs-integrity, cts, idp, sso-server, saml""",
    "access to the device itself": """
        ssh, telnet, http, icmp, ssl, snmp-server, quota, session, call-home, login-advertisement,
        http server, rest-api, dynamic-access-policy-record, scp, ssh scopy, ssh version, ssh timeout, rate-limit,
        control-plane, copy, dap""",
    "services that the device offers or uses": """
        dns, dns-group, dns-guard, name-server, ntp, ptp, dhcpd, dhcprelay, dhcp-client, ddns, ftp mode, ftp, tftp-server,
        smtp-server, vpdn, pppoe, sla, track, event, event-interface, ip sla, url-server, url-cache, url-block, netflow,
        flow-export, flow-offload, statistics, capture, packet-tracer, monitor-interface, mfib, cloud-web-security,
        scansafe, umbrella-global, ipv6 dhcp, ipv6 dhcprelay, dhcp, cisco-umbrella, teredo, rtp, iot, telemetry""",
    "high availability": """
        failover, monitor-interface, standby, lisp, redundant""",
    "limits, timers and rates": """
        timeout, xlate, fragment, mtu, conn, conn-rebalance, priority-queue, queue-limit, tx-ring-limit, tcp-map,
        sysopt connection tcpmss, sysopt connection timewait, sysopt connection preserve-vpn-flows,
        sysopt connection reclassify-vpn, sysopt connection permit-vpn, sysopt traffic, sysopt noproxyarp,
        sysopt nodnsalias, sysopt radius, sysopt np, sysopt uauth, limit-resource, class resource""",
    "answers to what was denied (dropped either way)": """
        service resetinbound, service resetoutbound, service resetoutside, service""",
    "neighbors on the wire": """
        arp, arp-inspection, mac-address-table, mac-learn, ipv6 neighbor, ipv6 nd, ipv6 enforce-eui64,
        ipv6 icmp, ipv6 unnumbered, l2vpn, nve, vxlan, bfd-template, bfd, bfd map, lldp, cdp, vlan""",
    "multicast and dynamic routing (beyond the routes)": """
        igmp, pim, mroute, multicast, route-map, prefix-list, ipv6 prefix-list, as-path, community-list, policy-list,
        key chain, distance, ip prefix-list, ip community-list, ip as-path, access-list-number, ipv6 router-id,
        ip route-cache""",
    "tunnels (which packets they carry is read apart)": """
        crypto, isakmp, ipsec, tunnel-group-map, tunnel-group-preference, tunnel-group-list, vpn-addr-assign,
        vpn-sessiondb, vpn, vpnclient, vpnsetup, webvpn-attributes, l2tp, anyconnect, anyconnect-custom-attr,
        anyconnect-custom-data, csd, svc, group-lock, vpn load-balancing, dtls, hostscan, secure-client, certificate,
        ca, ipv6-vpn-filter, ipv6 vpn""",
    "inspection of contents": """
        regex, class-map type, policy-map type, tls-proxy, phone-proxy, ctl-file, ctl-provider, media-termination,
        uc-ime, snmp-map, gtp-map, sip-map, http-map, ftp-map, mgcp-map, h225-map, dns-map, pop3s, imap4s, smtps,
        sunrpc-server, ctl, sctp, dynamic-filter updater-client, dynamic-filter use-database, dynamic-filter whitelist,
        dynamic-filter blacklist, ip audit, compression""",
}

# Commands with lines below them, by their first word.
WITH_BODY = frozenset(
    """
    interface object object-group time-range class-map policy-map tcp-map crypto tunnel-group group-policy webvpn
    username aaa-server router route-map sla event call-home dns dns-group dynamic-access-policy-record tls-proxy
    phone-proxy ctl-file ctl-provider failover cluster ldap policy-list vpn cts bfd-template nve sso-server saml
    priority-queue media-termination key license umbrella-global cloud-web-security scansafe ipv6 ip snmp-map gtp-map
    sip-map http-map ftp-map mgcp-map h225-map dns-map zone context quota user-identity app-agent service-module csd
    hostscan bfd mount certificate ca regex uc-ime sctp ipsec isakmp imap4s pop3s smtps class url-list dap anyconnect
    """.split()
)

_BY_WORDS: dict[tuple[str, ...], str] = {
    tuple(command.split()): group for group, commands in INERT.items() for command in commands.split(",")
}
_LONGEST = max(map(len, _BY_WORDS))


def inert_group(words: tuple[str, ...]) -> str | None:
    """The group of inert commands that a line belongs to; None for a command that decides about packets or is unknown."""
    if words[0] in ("no", "default", "clear") and len(words) > 1:
        words = words[1:]
    if words[0].startswith("Cryptochecksum"):
        return "identity and files of the device"
    for length in range(min(_LONGEST, len(words)), 0, -1):
        group = _BY_WORDS.get(words[:length])
        if group is not None:
            return group
    return None
