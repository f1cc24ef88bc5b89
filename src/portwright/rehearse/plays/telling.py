"""How a play ended, for who reads the report: what the user saw, and which host got no answer on the way."""

import re
from collections.abc import Sequence
from html import unescape

from portwright.rehearse.hosts.host import Dialed, Hosts, Unanswered
from portwright.rehearse.servers.identity.tickets import without_tickets

LONGEST = 160  # characters of a message that some server has sent
_CODES = re.compile(  # they say nothing to people
    r"\bsoap(?:12)?:\w{1,20}:? |^\d{3,5}: |\(rs[A-Za-z]{1,60}\)|\(HTTP 5\d\d\)|\(0x[0-9a-f]{8}\)"
)
_KERBEROS = "ad.kerberos"


def went_well(hosts: Hosts, told: str, dials: Sequence[Dialed]) -> str:
    """What the user has, and who had to go on without a ticket, and could."""
    could = {one.target.exchange.source for one in dials if one.outcome == "answered" and one.source_port}
    names = [one for one in hosts.shared(without_tickets) if one in could]
    return f"{plain(told)}; by NTLM, as {' and '.join(names[:3])} got no ticket" if names else plain(told)


def went_wrong(hosts: Hosts, told: str, dials: Sequence[Dialed]) -> str:
    """What the user saw, and the last host that got no answer."""
    by_ntlm = hosts.shared(without_tickets)
    for place, one in reversed(list(enumerate(dials))):
        fell_back = one.target.requirement.startswith(_KERBEROS) and one.target.exchange.source in by_ntlm
        if one.outcome != "answered" and not fell_back and not _answered_later(one, dials[place + 1 :]):
            ended = str(Unanswered(one.target, one.outcome))
            return plain(told) if ended in told else f"{plain(told).rstrip('.')}; {ended}"
    return plain(told)


def _answered_later(one: Dialed, later: Sequence[Dialed]) -> bool:
    """Report whether another server answered in its place."""
    asked = one.target.exchange.source, one.target.requirement
    return any(
        (other.target.exchange.source, other.target.requirement) == asked and other.outcome == "answered"
        for other in later
    )


def plain(text: str) -> str:
    """A message on one line, without codes that say nothing to people, and without those of HTML."""
    line = " ".join(_CODES.sub("", unescape(text)).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 4].rstrip() + " ..."
