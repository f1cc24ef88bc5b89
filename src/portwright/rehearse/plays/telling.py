"""How a play ended, for who reads the report: what the user saw, and which host got no answer on the way."""

import re
from collections.abc import Sequence

from portwright.rehearse.hosts import Dialed, Hosts, Unanswered
from portwright.rehearse.servers.tickets import without_tickets

LONGEST = 160  # characters of a message that some server has sent
_LACKS = {
    "silent": "got no answer from",
    "refused": "was refused a connection by",
    "unreachable": "found no way to",
    "misspoken": "did not understand",
}
_CODE = re.compile(r"\bsoap(?:12)?:\w{1,20}: ")  # a fault's code, which says nothing to people
_KERBEROS = "ad.kerberos"


def went_well(hosts: Hosts, told: str) -> str:
    """What the user has, and who had to go on without a ticket."""
    names = list(hosts.shared(without_tickets))
    return f"{plain(told)}; by NTLM, as {' and '.join(names[:3])} got no ticket" if names else plain(told)


def went_wrong(hosts: Hosts, told: str, dials: Sequence[Dialed]) -> str:
    """What the user saw, and the last host that got no answer."""
    by_ntlm = hosts.shared(without_tickets)
    for place, one in reversed(list(enumerate(dials))):
        fell_back = one.target.requirement.startswith(_KERBEROS) and one.target.exchange.source in by_ntlm
        if one.outcome != "answered" and not fell_back and not _answered_later(one, dials[place + 1 :]):
            return f"{plain(told)}; {unanswered(hosts, Unanswered(one.target, one.outcome))}"
    return plain(told)


def _answered_later(one: Dialed, later: Sequence[Dialed]) -> bool:
    """Report whether another server answered in its place."""
    asked = one.target.exchange.source, one.target.requirement
    return any(
        (other.target.exchange.source, other.target.requirement) == asked and other.outcome == "answered"
        for other in later
    )


def unanswered(hosts: Hosts, problem: Unanswered) -> str:
    """Who got no answer, from whom and for what."""
    target = problem.target
    name = target.name.removesuffix(f".{hosts.realm.domain}")
    return f"{target.exchange.source} {_LACKS[problem.outcome]} {name} port {target.port} ({target.requirement})"


def plain(text: str) -> str:
    """A message on one line, without codes that say nothing to people."""
    line = " ".join(_CODE.sub("", text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 4].rstrip() + " ..."
