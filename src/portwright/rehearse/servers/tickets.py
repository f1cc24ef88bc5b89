"""The tickets of a host's servers, kept as Windows keeps them: a domain controller is asked once for each."""

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.kerberos import Credential
from portwright.protocols.spnego import Initiator
from portwright.rehearse.hosts import Host, Hosts, Unanswered
from portwright.rehearse.realm import Account
from portwright.rehearse.servers.signing_in import now, ticket
from portwright.rehearse.visits import NoTicket

_KERBEROS = "ad.kerberos"
Kept = dict[tuple[str, str, str], Credential | None]  # by node, account and service


def _kept(_: Hosts) -> Kept:
    return {}


async def initiator(host: Host, account: Account, service: str) -> Initiator | None:
    """What signs in by a ticket for a service (MSSQLSvc/sql01.contoso.test:1433).

    None where no domain controller gives one: then it is for the caller to go on without, as Windows does.
    """
    if not host.needs(_KERBEROS):
        return None
    kept, key = host.shared(_kept), (host.name, account.name, service)
    if key not in kept:
        try:
            kept[key] = await ticket(host, account, service)
        except (NoTicket, Unanswered, Refused, Misspoken, EndOfStream, OSError) as problem:
            host.say(f"{account.name} gets no ticket for {service}: {problem}")
            kept[key] = None
    credential = kept[key]
    return Initiator(credential, now()) if credential else None
