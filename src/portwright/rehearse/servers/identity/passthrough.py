"""How a server has a sign-in by NTLM checked: Netlogon passes it through to a domain controller ([MS-APDS] 3.1).

The way to the controller is the true one: its endpoint mapper, then its Netlogon. What the controller then says is
taken from the accounts of the realm, as nobody plays the secure channel of [MS-NRPC].
"""

from dataclasses import replace

from portwright.protocols import epm, rpc
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.kerberos import Principal
from portwright.protocols.ntlm.response import SignIn
from portwright.protocols.spnego import Known
from portwright.rehearse.hosts.host import Host, Target, Unanswered

_MAPPER, _NETLOGON = "ad.rpc-mapper", ("ad.rpc-netlogon", "ad.rpc-dynamic")
_INTERFACE = rpc.INTERFACES["netlogon"]


async def known(host: Host, asked: SignIn) -> Known | None:
    """Who signs in at a host by NTLM; None where no domain controller can be asked, or it says no."""
    try:
        await _reach_netlogon(host)
    except (Unanswered, Refused, Misspoken, EndOfStream, OSError) as problem:
        host.say(f"cannot have the NTLM sign-in of {asked.user[:64]} checked: {problem}")
        return None
    return known_here(host, asked)


def known_here(host: Host, asked: SignIn) -> Known | None:
    """What a domain controller says itself."""
    account = host.realm.accounts.get(asked.user.partition("@")[0].lower())
    key = asked.key(account.password) if account else None
    return Known(Principal.of(account.name, host.realm.name), key) if account and key else None


async def _reach_netlogon(host: Host) -> None:
    """Bind to Netlogon where the endpoint mapper says that it is; a domain controller asks itself.

    Raises Unanswered, and Refused where it is not there.
    """
    if "ad/domain-controller" in host.components or not host.needs(_MAPPER):
        return
    found = await host.call(_MAPPER, lambda _: epm.client(_INTERFACE))
    requirement = next((one for one in _NETLOGON if host.needs(one)), _NETLOGON[0])
    bound = await host.call(requirement, lambda _: rpc.client(_INTERFACE), _at(host.targets(requirement), found.port))
    if bound.reason:
        raise Refused(str(bound))


def _at(targets: tuple[Target, ...], port: int) -> Target:
    """The target with this port, which may be any of a range."""
    exact = next((one for one in targets if one.port == port), None)
    return exact or replace(targets[0], exchange=replace(targets[0].exchange, port=port))
