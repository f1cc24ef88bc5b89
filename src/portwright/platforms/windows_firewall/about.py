"""What Portwright makes of a Windows host's firewall; what is uncertain comes from the table of doubts."""

from portwright.platforms.about import About, Entry
from portwright.platforms.windows_firewall.doubts import REASONS


def _uncertain() -> tuple[Entry, ...]:
    """Every reason for which a rule may match or not."""
    return tuple(
        Entry(reason.where, f"{reason.text.format(what='X')}: {reason.leaves_open}") for reason in REASONS.values()
    )


ABOUT = About(
    export=(
        Entry(
            "`portwright import --collector -o collect.ps1`",
            "writes the collector, a script for PowerShell 5.1 that changes nothing; take it to the host",
        ),
        Entry(
            "`powershell.exe -ExecutionPolicy Bypass -File collect.ps1`",
            "there, as an administrator, writes `COMPUTERNAME.json`: rules of the active store with their filters, "
            "profiles, interfaces, listeners, connection security rules, and the real ports of the software",
        ),
    ),
    modelled=(
        Entry(
            "`Action`, `OverrideBlockRules`",
            "block beats allow wherever the rules stand; a rule that overrides block rules beats these for those who "
            "prove themselves by IPsec",
        ),
        Entry(
            "`Enabled`, `Direction`, `Profile`",
            "of the profile that the site names (`profile: domain`); without its word the one of the interface with "
            "the local address",
        ),
        Entry(
            "`Get-NetFirewallProfile`",
            "on and off, defaults in and out (not configured: block in, allow out), `AllowInboundRules`, "
            "`AllowLocalFirewallRules` (rules of the computer count for nothing beside those of Group Policy), "
            "`DisabledInterfaceAliases`",
        ),
        Entry(
            "`Protocol`, `LocalPort`, `RemotePort`, `IcmpType`",
            "names and numbers, ranges, types with codes; RPCEPMap is TCP 135, mDNS is UDP 5353; Teredo and IPHTTPS "
            "are nothing where no such tunnel is set up",
        ),
        Entry(
            "`LocalAddress`, `RemoteAddress`",
            "addresses, prefixes, masks and ranges of IPv4 and IPv6; LocalSubnet, DNS, DHCP, WINS and DefaultGateway "
            "by what the interfaces had, each also with 4 or 6 behind it",
        ),
        Entry(
            "`Program`, `Service`, `Package`",
            "inbound: whether the rule is for a port tells who listened there; ICMP is received by System",
        ),
        Entry("`InterfaceAlias`, `InterfaceType`", "by the local address: Windows takes packets only on its interface"),
        Entry("`Platform`", "by the release of Windows"),
        Entry(
            "`Authentication`, `Encryption`",
            "without any connection security rule on the host such a rule never applies",
        ),
        Entry("state", "what belongs to a known connection passes; loopback is not filtered"),
        Entry(
            "single values, numbers",
            "as PowerShell writes them: one value in place of a list, enumerations as numbers",
        ),
    ),
    inert=(
        Entry("rules that are switched off, for other profiles, or from a store that does not count"),
        Entry("`DisplayName`, `DisplayGroup`, `Description`, `EnforcementStatus`", "for people"),
        Entry("`LooseSourceMapping`, `LocalOnlyMapping`", "which datagrams make up one connection"),
        Entry("`EdgeTraversalPolicy`", "where no interface has a Teredo address"),
        Entry("`AllowUnicastResponseToMulticast`", "what answers a multicast counts as its reply"),
        Entry(
            "rules of the service stores",
            "Windows restricts its own services by them; they permit nothing by themselves, and block what these "
            "services are not made for",
        ),
    ),
    uncertain=_uncertain(),
    refused=(
        Entry("a file with another schema", "or that is no JSON, cut off, nested more than 24 deep"),
        Entry("addresses of interfaces, listeners and profiles that cannot be such", "with their lines"),
        Entry(
            "a script that Portwright did not write",
            "its own are read: the frame line by line, each call by its parameters",
        ),
        Entry("a profile in the site file that is not domain, private or public", ""),
    ),
    impossible=(
        Entry("a firewall between zones", "Windows Firewall guards one host"),
        Entry("translations of the site", ""),
        Entry("changes of a running configuration", "run the new script again: it replaces its own group of rules"),
    ),
)
