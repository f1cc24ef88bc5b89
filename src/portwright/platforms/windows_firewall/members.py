"""The members of rules and profiles as PowerShell names them, and the numbers that its enumerations have in JSON.

A member is modelled, inert or unknown; an unknown one makes its rule uncertain. The classes MSFT_NetFirewallRule,
MSFT_NetFirewallProfile and MSFT_Net...Filter of the WMI provider for Windows Firewall define the numbers.
"""

from collections.abc import Mapping

from portwright.platforms.windows_firewall.jsontext import Value

ANY = "Any"

_GPO_BOOLEAN = {0: "False", 1: "True", 2: "NotConfigured"}
_ACTION = {0: "NotConfigured", 2: "Allow", 3: "AllowBypass", 4: "Block"}

NUMBERS: Mapping[str, Mapping[int, str]] = {  # member -> number -> name
    "Enabled": {1: "True", 2: "False"},
    "Direction": {1: "Inbound", 2: "Outbound"},
    "Action": _ACTION,
    "EdgeTraversalPolicy": {0: "Block", 1: "Allow", 2: "DeferToUser", 3: "DeferToApp"},
    "PrimaryStatus": {0: "Unknown", 1: "OK", 2: "Degraded", 3: "Error"},
    "PolicyStoreSourceType": {0: "None", 1: "Local", 2: "GroupPolicy", 3: "Dynamic", 4: "Generated", 5: "Hardcoded"},
    "DynamicTarget": {0: ANY},
    "InterfaceType": {0: ANY},
    "Authentication": {0: "NotRequired", 1: "Required", 2: "NoEncap"},
    "Encryption": {0: "NotRequired", 1: "Required", 2: "Dynamic"},
    "OverrideBlockRules": {0: "False", 1: "True"},
}
PROFILE_NUMBERS: Mapping[str, Mapping[int, str]] = {
    "Enabled": _GPO_BOOLEAN,
    "DefaultInboundAction": _ACTION,
    "DefaultOutboundAction": _ACTION,
    "AllowInboundRules": _GPO_BOOLEAN,
    "AllowLocalFirewallRules": _GPO_BOOLEAN,
}
IPSEC_NUMBERS: Mapping[str, Mapping[int, str]] = {
    "Enabled": {1: "True", 2: "False"},
    "InboundSecurity": {0: "None", 1: "Request", 2: "Require"},
    "OutboundSecurity": {0: "None", 1: "Request", 2: "Require"},
}
PROFILE_BITS = {"Domain": 1, "Private": 2, "Public": 4}  # of the member Profile
INTERFACE_BITS = {"Wired": 1, "Wireless": 2, "RemoteAccess": 4}  # of the member InterfaceType

OF_PROFILE = (
    "Name", *PROFILE_NUMBERS, "DisabledInterfaceAliases",
    "AllowLocalIPsecRules", "AllowUnicastResponseToMulticast",  # inert
)  # fmt: skip

MODELED = (
    "Enabled", "Profile", "Direction", "Action", "EdgeTraversalPolicy", "PrimaryStatus", "PolicyStoreSource",
    "PolicyStoreSourceType", "Owner", "Platform", "Protocol", "LocalPort", "RemotePort", "IcmpType", "DynamicTarget",
    "LocalAddress", "RemoteAddress", "RemoteDynamicKeywordAddresses", "Program", "Package", "Service",
    "InterfaceAlias", "InterfaceType", "Authentication", "Encryption", "OverrideBlockRules", "LocalUser", "RemoteUser",
    "RemoteMachine",
)  # fmt: skip
INERT = ("Name", "InstanceID", "DisplayName", "DisplayGroup", "Group", "Description", "LooseSourceMapping",
         "LocalOnlyMapping", "EnforcementStatus")  # fmt: skip
OPTIONAL = frozenset({"Owner", "Platform", "RemoteDynamicKeywordAddresses", "EdgeTraversalPolicy", "PrimaryStatus"})


def texts(value: Value) -> tuple[str, ...] | None:
    """A value as texts: one is as good as a list of one. None where it is missing or no text at all.

    PowerShell 5.1 writes some lists as an object with their values and their count.
    """
    if isinstance(value, dict):
        value = value.get("value") if set(value) <= {"value", "Count"} else None
    if isinstance(value, list):
        found = [text for item in value if (text := _text(item)) is not None]
        return tuple(found) if len(found) == len(value) else None
    text = _text(value)
    return None if text is None else (text,)


def _text(value: Value) -> str | None:
    if isinstance(value, bool):
        return str(value)
    return str(value) if isinstance(value, str | int) else None


def named(value: Value, numbers: Mapping[int, str]) -> str | None:
    """A value of an enumeration by its name, as which it may stand already; None where it is missing."""
    if isinstance(value, int) and not isinstance(value, bool):
        return numbers.get(value, str(value))
    found = texts(value)
    return found[0] if found is not None and len(found) == 1 else None


def flags(value: Value, bits: Mapping[str, int]) -> frozenset[str] | None:
    """The names in a value of an enumeration of flags; None where it is missing or not understood."""
    if isinstance(value, int) and not isinstance(value, bool):
        known = sum(bits.values())
        return frozenset(name for name, bit in bits.items() if not value or value & bit) if value <= known else None
    listed = texts(value)
    if listed is None:
        return None
    names = {part.strip() for text in listed for part in text.split(",")}
    if ANY in names:
        return frozenset(bits)
    return frozenset(names) if names and names <= set(bits) else None
