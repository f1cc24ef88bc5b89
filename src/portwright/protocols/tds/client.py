"""The client's side: sign in, then ask as often as the connection is held ([MS-TDS] 3.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from portwright.protocols.conversation import Misspoken, Refused, Talk, send
from portwright.protocols.tds import tokens
from portwright.protocols.tds.encryption import Engine, Tunnel, initiate
from portwright.protocols.tds.login import (
    ENCRYPT_NOT_SUP,
    ENCRYPT_ON,
    ENCRYPT_REQ,
    Login,
    Prelogin,
    read_prelogin,
)
from portwright.protocols.tds.packet import PACKET, SIZES, Kind, message, packed
from portwright.protocols.tds.requests import Change, Query, batch, change, execute
from portwright.protocols.tds.tokens import Answer, Result, Told, read_answer
from portwright.protocols.tds.values import Value

Package = Callable[[bytes], bytes]  # a security package: the server's token (at first none) -> the next one of ours

_NO_TRANSACTION = bytes(8)
_MOST_TOKENS = 8  # of a security package; Kerberos needs one, NTLM two
_VERSION = (11, 0, 0)  # of SQL Server's client libraries, of which we are none


class SqlRefused(Refused):
    """SQL Server said no: the first of its errors."""

    def __init__(self, told: Told) -> None:
        super().__init__(f"{told.number}: {told.text}")
        self.told = told


@dataclass(frozen=True, slots=True)
class Session:
    """A connection on which somebody has signed in."""

    server: str  # the program and its version, as it says itself
    database: str
    packet: int = PACKET
    transaction: bytes = _NO_TRANSACTION
    tunnel: Tunnel | None = field(default=None, compare=False)  # where it is encrypted

    def ask(self, kind: Kind, data: bytes) -> Talk[Answer]:
        """The answer to a message. Raises SqlRefused where it has an error."""
        talk = _asked(packed(kind, data, self.packet))
        return (yield from (self.tunnel.run(talk) if self.tunnel else talk))


def prelogin(instance: str = "", *, encrypts: bool = False) -> Talk[Prelogin]:
    """What a server says of itself before anybody signs in. Raises Misspoken where it is no SQL Server."""
    said = Prelogin(_VERSION, ENCRYPT_ON if encrypts else ENCRYPT_NOT_SUP, instance)
    yield from send(packed(Kind.PRELOGIN, said.packed()))
    answer = yield from message(PACKET)
    if answer.kind != Kind.RESPONSE:
        raise Misspoken("this is no answer to PRELOGIN")
    return read_prelogin(answer.data)


def sign_in(
    login: Login, package: Package | None = None, instance: str = "", tls: Engine | None = None
) -> Talk[Session]:
    """Sign in by password, or by a security package; under TLS where there is an engine for it.

    Raises SqlRefused, and Refused where the two do not agree on encryption; Misspoken.
    """
    said = yield from prelogin(instance, encrypts=tls is not None)
    if (said.encryption in (ENCRYPT_ON, ENCRYPT_REQ)) != (tls is not None):
        raise Refused(f"the server takes {'plain' if tls else 'encrypted'} connections only")
    if tls is None:
        return (yield from _in_session(login, package, None))
    tunnel = yield from initiate(tls)
    return (yield from tunnel.run(_in_session(login, package, tunnel)))


def _in_session(login: Login, package: Package | None, tunnel: Tunnel | None) -> Talk[Session]:
    if package is not None:
        login = replace(login, token=package(b""))
    yield from send(packed(Kind.LOGIN, login.packed()))
    found = yield from _signed_in(package)
    database, packet = str(found.changes.get(tokens.DATABASE, "")), str(found.changes.get(tokens.PACKET_SIZE, ""))
    agreed = int(packet) if packet.isascii() and packet.isdigit() and len(packet) < 6 else PACKET
    agreed = agreed if SIZES[0] <= agreed <= SIZES[1] else PACKET
    return Session(found.server, database, agreed, tunnel=tunnel)


def _signed_in(package: Package | None) -> Talk[Answer]:
    """The answer that says who is signed in, after as many tokens as it takes."""
    for _ in range(_MOST_TOKENS):
        found = yield from _answer()
        if found.server:
            if found.token and package is not None:
                package(found.token)  # raises where the server does not know its own key
            return found
        if found.token is None or package is None:
            break
        yield from send(packed(Kind.SSPI, package(found.token)))
    raise Misspoken("the server neither signs in nor refuses")


def query(session: Session, text: str, parameters: Mapping[str, Value] | None = None) -> Talk[tuple[Result, ...]]:
    """Ask by a batch; where there are parameters (their names with @), by sp_executesql. Raises SqlRefused."""
    if parameters:
        kind, data = Kind.RPC, execute(Query(text, parameters), session.transaction)
    else:
        kind, data = Kind.BATCH, batch(text, session.transaction)
    return tuple((yield from session.ask(kind, data)).results)


def begin(session: Session) -> Talk[Session]:
    """Begin a transaction: the session within it."""
    return (yield from _changed(session, Change.BEGIN))


def commit(session: Session) -> Talk[Session]:
    """Keep what the transaction changed."""
    return (yield from _changed(session, Change.COMMIT))


def roll_back(session: Session) -> Talk[Session]:
    """Undo what the transaction changed."""
    return (yield from _changed(session, Change.ROLLBACK))


def _changed(session: Session, what: Change) -> Talk[Session]:
    answer = yield from session.ask(Kind.TRANSACTION, change(what, session.transaction))
    begun = answer.changes.get(tokens.BEGUN, _NO_TRANSACTION)
    if not isinstance(begun, bytes) or len(begun) != len(_NO_TRANSACTION):
        raise Misspoken("this names no transaction")
    return replace(session, transaction=begun)


def cancel(session: Session) -> Talk[None]:
    """Cancel whatever is being asked, and wait until the server has said so."""
    talk = _cancelled()
    yield from (session.tunnel.run(talk) if session.tunnel else talk)


def _cancelled() -> Talk[None]:
    yield from send(packed(Kind.ATTENTION, b""))
    for _ in range(2):  # the answer that was on its way may come first
        if read_answer((yield from message()).data).done & tokens.ATTENTION:
            return
    raise Misspoken("the server does not say that it has cancelled")


def _asked(data: bytes) -> Talk[Answer]:
    yield from send(data)
    return (yield from _answer())


def _answer() -> Talk[Answer]:
    """The next answer. Raises SqlRefused where it has an error."""
    came = yield from message()
    if came.kind != Kind.RESPONSE:
        raise Misspoken("this is no answer of a SQL Server")
    found = read_answer(came.data)
    for one in found.results:
        if isinstance(one, Told) and one.severity > 10:
            raise SqlRefused(one)
    return found
