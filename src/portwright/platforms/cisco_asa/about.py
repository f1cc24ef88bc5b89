"""What Portwright makes of what may stand in the running-config of an ASA."""

from portwright.platforms.about import About, Entry, quoted
from portwright.platforms.cisco_asa.commands import INERT

_INERT_WORDS = {  # kinds of inert commands that deserve a word more
    "limits, timers and rates": "they act on what many packets do, not on one",
    "inspection of contents": "an orderly packet passes",
}

ABOUT = About(
    export=(
        Entry(
            "`terminal pager 0`, `show running-config`",
            "save everything from `ASA Version` to `: end`; prompts, `<--- More --->`, lost indentation of the usual "
            "blocks and hit counts do no harm",
        ),
        Entry("`changeto context NAME`", "in multiple context mode export each context"),
    ),
    modelled=(
        Entry("`name`, `object network`, `object service`", "real addresses, as of release 8.3"),
        Entry("`object-group` network, service, protocol, icmp-type", "nested to any depth"),
        Entry(
            "`access-list ... extended`",
            "every protocol, operator, port name, ICMP type and code, `any`, `any4`, `any6`, `host`, networks, IPv6, "
            "`interface`, objects and groups in each place; `log`, `inactive` and `line` in their places; before 9.0 "
            "`any` is IPv4, and `ipv6 access-list` is a list of its own",
        ),
        Entry("`access-group` in, out and global", "with a global list the implicit deny stands at its end"),
        Entry(
            "replies",
            "of TCP, UDP and SCTP (from 9.5) pass as part of their connection; of ICMP where it is inspected; every "
            "other protocol is let through packet by packet; a segment that opens nothing and belongs to nothing is "
            "dropped",
        ),
        Entry(
            "`inspect icmp`, `inspect icmp error`", "in the classes and on the interfaces that the service policies say"
        ),
        Entry(
            "object NAT and twice NAT",
            "static, dynamic, identity, port translation, pools (which address and port a packet gets is left open), "
            "`after-auto`, `inactive`, `route-lookup`, `any` as interface",
        ),
        Entry(
            "`interface`",
            "`nameif`, security level, addresses (nothing of an IP version passes where the block shows that it has "
            "none: `no ip address`, or IPv4 alone), `shutdown` (a subinterface with its parent), `management-only`, "
            "`no forward interface`, bridge groups, traffic zones",
        ),
        Entry("`same-security-traffic`, `ip verify reverse-path`", ""),
        Entry(
            "`route`, `ipv6 route`",
            "connected and static ones, the lowest metric; beside a routing protocol the connected networks stay "
            "certain, the rest does not; from 9.5 on interfaces for management only have a table of their own",
        ),
        Entry("a packet that is denied", "is dropped, also where `service resetinbound` answers it with a reset"),
    ),
    inert=(
        *(
            Entry(quoted(" ".join(commands.split())), "; ".join(filter(None, (group, _INERT_WORDS.get(group)))))
            for group, commands in INERT.items()
        ),
        Entry(
            "standard, web and Ethernet-type access lists",
            "they filter no IP packet; one of Ethernet types does when it denies IP or all, and stands beside the "
            "access list of the interface",
        ),
    ),
    uncertain=(
        Entry(
            "`time-range`, users, security groups, FQDN objects, network services, objects that are not defined, "
            "words that are not known",
            "those of the entry, as far as it is understood",
        ),
        Entry("a member of a group or object that is not understood", "what the group may hold through it"),
        Entry("an access list that is not defined, or has no extended entries", "those that it would filter"),
        Entry(
            "`sysopt connection permit-vpn` (on unless switched off) with crypto maps, remote users, tunnel interfaces",
            "sources at the far end of the tunnels of that interface: the addresses of the crypto access list, the "
            "address pools; remote users are taken to have addresses of the pools, without pools any",
        ),
        Entry(
            "`vpn-filter` of a group policy or a user, `network-acl` of a dynamic access policy",
            "what goes to or comes from those addresses",
        ),
        Entry("`per-user-override` where users sign in", "what the access list refuses, too"),
        Entry(
            "two members of a traffic zone, where only one kind of `same-security-traffic` is permitted",
            "those between them",
        ),
        Entry("a class of more than 40 kinds of packets with `inspect icmp`", "ICMP replies"),
        Entry("`inspect dcerpc`", "high ports between the ends of an entry that permits TCP 135"),
        Entry("`inspect icmp`", "ICMP errors about a known connection"),
        Entry("`inspect pptp`, `inspect ipsec-pass-thru`", "GRE, or ESP and AH, of a known connection"),
        Entry("`police` with `conform-action drop`", "those of the class"),
        Entry("FirePOWER, IPS, CX and CSC modules", "those of the class; not with `monitor-only`"),
        Entry("TCP state bypass", "segments without a connection, of the class"),
        Entry(
            "`established`, `filter url`, `wccp`, `dynamic-filter`, `shun`, `ip audit info` with drop, "
            "`aaa authentication match`",
            "those that the line names",
        ),
        Entry("addresses that DHCP or PPPoE hands out", "what is translated to them, or filtered by them"),
        Entry(
            "NAT between ranges of different size, of FQDN objects, `unidirectional` in the reverse-path check, "
            "between IPv4 and IPv6",
            "those of the rule",
        ),
        Entry(
            "the firewall's own address on the interface of arrival; broadcasts to a connected network; multicast with "
            "`multicast-routing`",
            "those packets",
        ),
        Entry("`policy-route route-map`", "where those that arrive on the interface leave"),
        Entry("a line of an interface, or a `nat` line, that is not understood", "those of its interfaces"),
        Entry("a command that is in no table", "all"),
        Entry(
            "a change pasted behind the running-config: `no` before a command that the file has, `clear`, an "
            "`access-list ... line N` that goes in front of others",
            "all",
        ),
        Entry("a number before `source` in a `nat` line, which puts it in front of others", "those of its interfaces"),
    ),
    refused=(
        Entry("releases before 8.3, PIX and FWSM", "their access lists hold translated addresses"),
        Entry("Firepower Threat Defense", "its rules are not in this text"),
        Entry("the system space of multiple context mode", "it holds no rules"),
        Entry("groups that contain themselves; two interfaces of one name; an incomplete last line", ""),
    ),
    impossible=(
        Entry("a firewall on a host", "an ASA stands between networks"),
        Entry(
            "a rule or a translation between zones whose interfaces the site does not name",
            "its lists are bound to them",
        ),
        Entry("one translation of several ports, or of an address to a network", "an ASA leads one to one"),
    ),
)
