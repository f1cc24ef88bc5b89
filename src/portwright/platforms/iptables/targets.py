"""The targets of iptables (`-j NAME`), in one table: what becomes of the packets that a rule takes."""

from collections.abc import Mapping
from dataclasses import dataclass

from portwright.policy.model import Verdict

QUEUE = "the packet goes to a program that decides about it"
PROXY = "the packet goes to a proxy on this machine"
UNKNOWN = "is neither a chain of this table nor a target that Portwright knows"
REWRITTEN = "the packet itself is rewritten"


@dataclass(frozen=True, slots=True)
class Target:
    """One target. None of its words: it decides about no packet, and the next rule follows."""

    verdict: Verdict | None = None
    translates: bool = False  # an address: the rule ends its chain
    reason: str = ""  # who else decides about the packet
    is_rewriting: bool = False  # the packet is another one afterwards
    options: tuple[str, ...] = ()
    says: str = ""  # for people


_WATCHES = Target(says="it watches")
_MARKS = Target(says="what is set, not asked")
_ALTERS = Target(says="it changes what no header field of Portwright says")

TARGETS: Mapping[str, Target] = {
    "ACCEPT": Target(Verdict.ACCEPT),
    "DROP": Target(Verdict.DROP),
    "RETURN": Target(Verdict.RETURN),
    "REJECT": Target(Verdict.REJECT, options=("--reject-with",)),
    "DNAT": Target(translates=True, options=("--to-destination", "--random", "--persistent")),
    "SNAT": Target(translates=True, options=("--to-source", "--random", "--random-fully", "--persistent")),
    "MASQUERADE": Target(translates=True, options=("--to-ports", "--random", "--random-fully")),
    "REDIRECT": Target(translates=True, options=("--to-ports", "--random")),
    "NETMAP": Target(translates=True, options=("--to",)),
    "LOG": _WATCHES,
    "NFLOG": _WATCHES,
    "ULOG": _WATCHES,
    "TRACE": _WATCHES,
    "AUDIT": _WATCHES,
    "LED": _WATCHES,
    "IDLETIMER": _WATCHES,
    "RATEEST": _WATCHES,
    "TEE": _WATCHES,
    "MARK": _MARKS,
    "CONNMARK": _MARKS,
    "HMARK": _MARKS,
    "SECMARK": _MARKS,
    "CONNSECMARK": _MARKS,
    "CLASSIFY": _MARKS,
    "SET": Target(says="what it adds or deletes makes the set's members uncertain"),
    "CT": Target(options=("--notrack",), says="helpers, zones, events, time-outs; `--notrack` is modelled"),
    "NOTRACK": Target(),
    "TCPMSS": _ALTERS,
    "TCPOPTSTRIP": _ALTERS,
    "DSCP": _ALTERS,
    "TOS": _ALTERS,
    "ECN": _ALTERS,
    "TTL": _ALTERS,
    "HL": _ALTERS,
    "CHECKSUM": _ALTERS,
    "QUEUE": Target(reason=QUEUE),
    "NFQUEUE": Target(reason=QUEUE),
    "TPROXY": Target(reason=PROXY),
    "SYNPROXY": Target(reason=PROXY),
    "DNPT": Target(reason=REWRITTEN, is_rewriting=True),
    "SNPT": Target(reason=REWRITTEN, is_rewriting=True),
}
OPTIONS = {name: target.options for name, target in TARGETS.items()}
