"""Top-level commands that decide about no packet through the firewall, grouped by what they are.

A command is found by its first words, the longest known beginning first; `no` in front changes nothing. `clear` does:
no running-config has it, and what it takes away is not modelled. What is below
it (indented) is inert too. The readers' table in `draft` goes before this one. A command that stands in neither is
unknown, and makes the whole point undecided.
"""

INERT: dict[str, str] = {
    "identity, files and hardware of the device": """
        domain-name, boot, asdm, terminal, pager, prompt, clock, banner, names, license, checkheaps,
        crashinfo, coredump, config-register, console, hw-module, module, service-module, mount, jumbo-frame,
        mac-address, flowcontrol, hpm, cpu, power-supply, fxos, ip-client, license-server, client-update, pdm,
        hardware-bypass, auto-update, quit, exit, end, enable, configure, write, show, firewall routed,
        mode single, memory, setup, app-agent, fips, asp load-balance, asp rule-engine, asp inspect-dp,
        command-alias, lacp, port-channel, redundant, logging, threat-detection, forward-reference,
        object-group-search, service password-recovery, service call-home, service sw-reset-button, privilege,
        key config-key""",
    "users of the device and those who vouch for them": """
        enable password, passwd, password, user-identity, password-policy, auth-prompt, attribute, aaa-server,
        aaa accounting, aaa authentication, aaa authorization, aaa local, aaa proxy-limit, aaa mac-exempt,
        aaa kerberos, ldap, mac-list, virtual, zonelabs-integrity, cts, sso-server""",
    "access to the device itself": """
        ssh, telnet, http, icmp, ssl, snmp-server, snmp, quota, call-home, rest-api""",
    "services that the device offers or uses": """
        dns, DNS, dns-group, dns-guard, name-server, ntp, ptp, dhcpd, dhcprelay, dhcp-client, ddns, ftp,
        tftp-server, smtp-server, vpdn, pppoe, sla, track, event, url-server, url-cache, url-block, flow-export,
        flow-offload, flow-offload-ipsec, flow-mobility, capture, scansafe, cloud-web-security, umbrella-global,
        ipv6 dhcp, ipv6 dhcprelay""",
    "high availability": """
        failover, monitor-interface, cluster""",
    "limits, timers and rates": """
        timeout, xlate, fragment, mtu, conn, conn-rebalance, priority-queue, tcp-map, limit-resource, class,
        sysopt connection tcpmss, sysopt connection timewait, sysopt connection preserve-vpn-flows,
        sysopt connection reclassify-vpn, sysopt connection tcp-max-unprocessed-seg, sysopt traffic,
        sysopt noproxyarp, sysopt nodnsalias, sysopt radius, sysopt np, sysopt uauth""",
    "how a packet that was dropped is answered": """
        service""",
    "neighbors on the wire": """
        arp, arp-inspection, mac-address-table, mac-learn, ipv6 neighbor, ipv6 nd, ipv6 enforce-eui64, ipv6 icmp,
        l2vpn, nve, vxlan, zone, bfd-template, bfd, lldp, cdp, vlan""",
    "multicast and dynamic routing, beyond the routes": """
        igmp, pim, mroute, mfib, route-map, prefix-list, ipv6 prefix-list, as-path, community-list, policy-list,
        key chain""",
    "tunnels (which packets they carry is read apart)": """
        crypto, isakmp, ipsec, tunnel-group-map, tunnel-group-preference, tunnel-group-list, vpn-addr-assign,
        ipv6-vpn-addr-assign, vpn-sessiondb, vpn, vpn-mode, vpnclient, remote-access, eou, nac-policy, vpnsetup,
        l2tp, anyconnect, anyconnect-custom-attr, anyconnect-custom-data, csd, hostscan, smart-tunnel""",
    "inspection of contents": """
        regex, tls-proxy, phone-proxy, ctl-file, ctl-provider, ctl, media-termination, uc-ime, snmp-map, gtp-map,
        sip-map, http-map, ftp-map, mgcp-map, h225-map, dns-map, pop3s, imap4s, smtps, sunrpc-server,
        dynamic-filter updater-client, dynamic-filter use-database, dynamic-filter whitelist,
        dynamic-filter blacklist, compression""",
}

# Commands with lines below them, by their first word.
WITH_BODY = frozenset(
    """
    interface object object-group time-range class-map policy-map tcp-map crypto tunnel-group group-policy webvpn
    username aaa-server router route-map sla event call-home dns DNS dns-group nac-policy attribute
    dynamic-access-policy-record tls-proxy phone-proxy ctl-file ctl-provider failover cluster ldap policy-list vpn
    cts bfd-template nve sso-server saml priority-queue media-termination key license umbrella-global
    cloud-web-security scansafe ipv6 ip snmp-map gtp-map sip-map http-map ftp-map mgcp-map h225-map dns-map zone
    context quota user-identity app-agent service-module csd hostscan bfd mount certificate ca regex uc-ime sctp
    ipsec isakmp imap4s pop3s smtps class url-list dap anyconnect
    """.split()
)

_BY_WORDS: dict[tuple[str, ...], str] = {
    tuple(command.split()): group for group, commands in INERT.items() for command in commands.split(",")
}
_LONGEST = max(map(len, _BY_WORDS))


def inert_group(words: tuple[str, ...]) -> str | None:
    """The group of inert commands that a line belongs to; None for a command that is none of them."""
    if words[0] in ("no", "default") and len(words) > 1:
        words = words[1:]
    if words[0].lower().startswith("cryptochecksum"):
        return "identity, files and hardware of the device"
    for length in range(min(_LONGEST, len(words)), 0, -1):
        group = _BY_WORDS.get(words[:length])
        if group is not None:
            return group
    return None
