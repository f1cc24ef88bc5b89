"""Why a rule of Windows may match a packet or not: every reason in one table, from which the documentation is made."""

from dataclasses import dataclass
from enum import StrEnum

from portwright.packets.box import Doubt
from portwright.source import Source


class Why(StrEnum):
    """What is not known."""

    MEMBER_MISSING = "member-missing"
    MEMBER_UNKNOWN = "member-unknown"
    VALUE = "value"
    PROGRAM = "program"
    SERVICE = "service"
    PACKAGE = "package"
    SENDER = "sender"
    USER = "user"
    RPC = "rpc"
    ENDPOINT_MAPPER = "endpoint-mapper"
    TUNNEL = "tunnel"
    PORT_KEYWORD = "port-keyword"
    ADDRESS_KEYWORD = "address-keyword"
    ADDRESS_LIST = "address-list"
    HOST_NAME = "host-name"
    LOCAL_SUBNET = "local-subnet"
    INTERFACE = "interface"
    PROFILE = "profile"
    IPSEC = "ipsec"
    BYPASS = "bypass"
    IPSEC_REQUIRED = "ipsec-required"
    TRANSPORT = "transport"
    STATUS = "status"
    PLATFORM = "platform"
    TEREDO = "teredo"
    HARDENING = "hardening"
    FIREWALL_SERVICE = "firewall-service"
    SECTION = "section"
    SECTION_UNKNOWN = "section-unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason, and which packets it leaves open."""

    text: str  # for people; {what} is a text of the file
    where: str  # in the file
    leaves_open: str


REASONS: dict[Why, Reason] = {
    Why.MEMBER_MISSING: Reason(
        "the file does not say {what} of the rule", "a member of a rule is missing or `null`", "those of the rule"
    ),
    Why.MEMBER_UNKNOWN: Reason(
        "'{what}' of the rule is not known here", "a member of a rule that is in no table", "those of the rule"
    ),
    Why.VALUE: Reason("{what} is not understood", "a value of a rule that is not understood", "those of the rule"),
    Why.PROGRAM: Reason(
        "only {what} may receive it, and who listens there is not known",
        "`Program`, inbound, and nobody listened on the port when the file was made",
        "those to such ports",
    ),
    Why.SERVICE: Reason(
        "only the service {what} may receive it, and whether it listens there is not known",
        "`Service`, inbound, likewise; or a service without an identity of its own (`ServiceSidType`)",
        "those to such ports",
    ),
    Why.PACKAGE: Reason(
        "only the app package {what} may receive it, and who listens there is not known",
        "`Package`, and the port is not held by a service of Windows",
        "those to such ports",
    ),
    Why.SENDER: Reason(
        "only {what} may send it, and who sends is not known",
        "`Program`, `Service` or `Package`, outbound",
        "all of it",
    ),
    Why.USER: Reason(
        "it is for some users or computers only ({what})",
        "`LocalUser`, `RemoteUser`, `RemoteMachine`, `Owner`",
        "those of the rule",
    ),
    Why.RPC: Reason(
        "it opens the ports that RPC servers have taken, and which these are is not known",
        "`LocalPort` RPC",
        "the dynamic range, and the ports to which RPC servers are pinned",
    ),
    Why.ENDPOINT_MAPPER: Reason(
        "whether the RPC endpoint mapper listens there is not known", "`LocalPort` RPCEPMap", "TCP 593; 135 is certain"
    ),
    Why.TUNNEL: Reason(
        "the port of {what} is not known",
        "Teredo, IPHTTPSIn, IPHTTPSOut, where such a tunnel is set up or the file does not say",
        "those of the rule",
    ),
    Why.PORT_KEYWORD: Reason(
        "which ports {what} stands for is not known",
        "PlayToDiscovery and every other word for ports",
        "those of the rule",
    ),
    Why.ADDRESS_KEYWORD: Reason(
        "which addresses {what} stands for is not known",
        "Internet, Intranet, IntranetRemoteAccess, PlayToDevice, CaptivePortal and every other word for addresses;"
        " DNS, DHCP, WINS, DefaultGateway and LocalSubnet where the file has no interfaces",
        "those of the rule",
    ),
    Why.ADDRESS_LIST: Reason(
        "it names addresses that are kept elsewhere ({what})", "`RemoteDynamicKeywordAddresses`", "those of the rule"
    ),
    Why.HOST_NAME: Reason("the address of {what} is not known", "a name in place of an address", "those of the rule"),
    Why.LOCAL_SUBNET: Reason(
        "whether this is the local subnet is not known",
        "LocalSubnet",
        "to multicast and broadcast addresses; the subnet of another interface",
    ),
    Why.INTERFACE: Reason(
        "whether this is on {what} is not known",
        "`InterfaceAlias`, `InterfaceType`",
        "those to and from addresses of the host that none of its interfaces had",
    ),
    Why.PROFILE: Reason(
        "whether the profile {what} is in force is not known",
        "no `profile` in the site file, and interfaces in several profiles",
        "those to and from addresses of the host that none of its interfaces had",
    ),
    Why.IPSEC: Reason(
        "it needs protection by IPsec ({what})",
        "`Authentication`, `Encryption`, where the host has connection security rules",
        "those of the rule",
    ),
    Why.BYPASS: Reason(
        "it overrides block rules for those who prove themselves by IPsec",
        "`OverrideBlockRules`, where the host has connection security rules",
        "those of the rule",
    ),
    Why.IPSEC_REQUIRED: Reason(
        "{what} drops what is not protected by IPsec",
        "a connection security rule that requires protection",
        "those between its ends",
    ),
    Why.TRANSPORT: Reason("it is for {what} only", "`DynamicTarget` other than Any", "those of the rule"),
    Why.STATUS: Reason(
        "Windows says that the status of the rule is {what}", "`PrimaryStatus` other than OK", "those of the rule"
    ),
    Why.PLATFORM: Reason(
        "whether it is for this release of Windows is not known ({what})",
        "`Platform` that is not understood",
        "those of the rule",
    ),
    Why.TEREDO: Reason(
        "it may come out of a tunnel through a NAT device, which the rule does not permit",
        "`EdgeTraversalPolicy` other than Allow, and an interface with a Teredo address",
        "those to this address",
    ),
    Why.HARDENING: Reason(
        "Windows restricts the service {what} on its own account",
        "a block rule of the service stores",
        "those to ports that the service holds",
    ),
    Why.FIREWALL_SERVICE: Reason(
        "whether the Windows Firewall service runs is not known ({what})",
        "`computer.FirewallService` is not Running",
        "all",
    ),
    Why.SECTION: Reason("the file has no {what}", "a part that the collector could not read", "all that hang on it"),
    Why.SECTION_UNKNOWN: Reason("the part '{what}' of the file is not known here", "a part that is in no table", "all"),
}


def doubt(why: Why, what: object = "", source: Source | None = None) -> Doubt:
    """A doubt for this reason."""
    text = " ".join("".join(one if one.isprintable() else " " for one in str(what)).split())
    return Doubt(REASONS[why].text.format(what=text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"), source)


_LONGEST = 80  # characters of a file's text in a reason
