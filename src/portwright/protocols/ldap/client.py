"""A client of directories: what a server says of itself, signing in, searching (RFC 4511; [MS-ADTS] 3.1.1.3)."""

from dataclasses import dataclass, field
from datetime import datetime

from portwright.protocols.conversation import Misspoken, Talk, send, some
from portwright.protocols.kerberos.ap import Credential
from portwright.protocols.kerberos.gss import Flag
from portwright.protocols.ldap import messages
from portwright.protocols.ldap.filters import EVERYTHING, All, Compared, Filter, equal
from portwright.protocols.ldap.layer import Layer
from portwright.protocols.ldap.messages import Bind, Ended, Entry, Message, NotDone, Result, Scope, Search, message
from portwright.protocols.ldap.netlogon import ATTRIBUTE, Located, Version, read_located
from portwright.protocols.ntlm.response import Login
from portwright.protocols.spnego import Initiator, PasswordInitiator

MOST_ENTRIES = 10_000
_PATIENCE = 64  # messages that answer something else
_STEPS = 4  # of a sign-in


@dataclass(frozen=True, slots=True)
class Password:
    """Sign in by a name and a password; empty for nobody."""

    name: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Sign in by a ticket of Kerberos for the directory (GSS-SPNEGO), and seal what follows.

    Under TLS a controller of Microsoft's wants no second layer (`flags=Flag.MUTUAL`), Samba's wants one.
    """

    credential: Credential
    now: datetime
    flags: Flag = Flag.MUTUAL | Flag.REPLAY | Flag.SEQUENCE | Flag.SEAL | Flag.SIGN


@dataclass(frozen=True, slots=True)
class Ntlm:
    """Sign in by NTLM (GSS-SPNEGO), and seal what follows."""

    login: Login


SignIn = Password | Ticket | Ntlm
NOBODY = Password()


def root_dse() -> Talk[Entry]:
    """What a server says of itself to all. Raises NotDone."""
    entries = yield from _searched(Layer(), Search(attributes=("*", "+")), 1)
    if not entries:
        raise Misspoken("the server has no root DSE")
    return entries[0]


def look_up(
    sign_in: SignIn,
    base: str,
    wanted: Filter = EVERYTHING,
    *,
    attributes: tuple[str, ...] = (),
    scope: Scope = Scope.SUBTREE,
    most: int = 0,
) -> Talk[tuple[Entry, ...]]:
    """What somebody who signs in finds; an empty tuple where nothing fits. Raises NotDone."""
    layer = Layer()
    yield from signed_in(layer, sign_in)
    entries = yield from _searched(layer, Search(base, scope, wanted, attributes, most), 2)
    yield from layer.send(message(3, messages.UNBINDING))
    return entries


def signed_in(layer: Layer, sign_in: SignIn) -> Talk[None]:
    """Sign in. Raises NotDone, and Refused where a service does not prove itself."""
    if isinstance(sign_in, Password):
        yield from _bound(layer, Bind(sign_in.name, sign_in.secret.encode()))
        return
    flags = sign_in.flags if isinstance(sign_in, Ticket) else Flag.SIGN | Flag.SEAL
    client = _initiator(sign_in, flags)
    token = client.token
    for _ in range(_STEPS):
        ended = yield from _bound(layer, Bind(mechanism="GSS-SPNEGO", token=token))
        token = client.step(ended.token) if ended.token else b""
        if ended.code == Result.SUCCESS or not token:
            break
    if client.context is None or ended.code != Result.SUCCESS:
        raise Misspoken("the server does not prove itself")
    if flags & (Flag.SEAL | Flag.SIGN):
        layer.secure(client.context, seal=bool(flags & Flag.SEAL))


def _initiator(sign_in: Ticket | Ntlm, flags: Flag) -> Initiator | PasswordInitiator:
    if isinstance(sign_in, Ntlm):
        return PasswordInitiator(sign_in.login)
    return Initiator(sign_in.credential, sign_in.now, flags)


def _bound(layer: Layer, bind: Bind) -> Talk[Ended]:
    yield from layer.send(message(1, bind.encoded))
    came = yield from _answer(layer, 1)
    ended = Ended.read(came.operation, messages.BIND_DONE)
    if ended.code not in (Result.SUCCESS, Result.SASL_BIND_IN_PROGRESS):
        raise NotDone(ended)
    return ended


def _searched(layer: Layer, search: Search, number: int) -> Talk[tuple[Entry, ...]]:
    yield from layer.send(message(number, search.encoded))
    found: list[Entry] = []
    for _ in range(MOST_ENTRIES):
        operation = (yield from _answer(layer, number)).operation
        if operation.tag == messages.SEARCH_DONE:
            return _ended(found, Ended.read(operation, messages.SEARCH_DONE), search)
        if operation.tag == messages.ENTRY:
            found.append(Entry.read(operation))
        elif operation.tag != messages.REFERENCE:  # a domain controller points at its other partitions
            raise Misspoken("a search is answered with something else")
    raise Misspoken(f"more than {MOST_ENTRIES} entries")


def _ended(found: list[Entry], ended: Ended, search: Search) -> tuple[Entry, ...]:
    if ended.code == Result.SUCCESS or (search.most and ended.code == Result.SIZE_LIMIT_EXCEEDED):
        return tuple(found)
    raise NotDone(ended)


def _answer(layer: Layer, number: int) -> Talk[Message]:
    """The next message about an operation. Raises Refused where the server ends the connection instead."""
    for _ in range(_PATIENCE):
        came = Message.read((yield from layer.message()))
        if came.number == number:
            return came
        if came.number == 0 and came.operation.tag == messages.EXTENDED_DONE:
            raise NotDone(Ended.read(came.operation, messages.EXTENDED_DONE))
    raise Misspoken("the server answers everything but what was asked")


def locate(domain: str, host: str = "") -> Talk[Located]:
    """What the domain controller of a domain says on UDP to who looks for one ([MS-ADTS] 6.3.3). Raises NotDone."""
    version = Version.V5 | Version.V5EX | Version.WITH_IP
    asked: list[Filter] = [equal("DnsDomain", domain), Compared("NtVer", int(version).to_bytes(4, "little"))]
    if host:
        asked.insert(1, equal("Host", host))
    search = Search(wanted=All(tuple(asked)), attributes=(ATTRIBUTE,))
    yield from send(message(1, search.encoded))
    return located((yield from some()), domain)


def located(datagram: bytes, domain: str) -> Located:
    """What such an answer says. Raises NotDone, Misspoken."""
    came = messages.all_of(datagram)
    entry = next((Entry.read(one.operation) for one in came if one.operation.tag == messages.ENTRY), None)
    if entry is None:
        done = next((one.operation for one in came if one.operation.tag == messages.SEARCH_DONE), None)
        ended = Ended.read(done, messages.SEARCH_DONE) if done else Ended(Result.PROTOCOL_ERROR, "no answer at all")
        raise NotDone(ended if ended.code else Ended(Result.NO_SUCH_OBJECT, f"no controller of {domain}"))
    for name, values in entry.attributes.items():
        if name.lower() == ATTRIBUTE.lower() and values:
            return read_located(values[0])
    raise Misspoken("the controller's answer lacks what was asked for")
