"""The server's side ([MS-TDS] 3.3): who signs in, and what is asked, is put to the application behind.

The application is asked `Login`, `Token`, `Query`, `Procedure` and `Change`, all frozen values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken, Talk, ask
from portwright.protocols.tds import tokens
from portwright.protocols.tds.encryption import Engine, accept
from portwright.protocols.tds.login import (
    ENCRYPT_NOT_SUP,
    ENCRYPT_ON,
    ENCRYPT_REQ,
    OLDEST,
    Login,
    Prelogin,
    read_login,
    read_prelogin,
)
from portwright.protocols.tds.packet import PACKET, Kind, Message, message, next_message, reply
from portwright.protocols.tds.requests import Change, Procedure, Query, read_batch, read_call, read_change
from portwright.protocols.tds.tokens import Moved, Result, Told

PROGRAM, BUILD = "Microsoft SQL Server", (11, 0, 3000)  # SQL Server 2012 SP1, of the time of CRM 2013
_LARGEST_LOGIN = 1 << 17  # bytes


@dataclass(frozen=True, slots=True)
class Token:
    """What the client's security package says next, asked of the application after `Go`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Go:
    """The application's answer to `Login` or `Token`: the package of the client is to go on from this token."""

    token: bytes


@dataclass(frozen=True, slots=True)
class Welcome:
    """The application's answer to `Login` or `Token`: the user is signed in."""

    database: str
    token: bytes = b""  # the last of the security package


Admission = Go | Welcome | Told  # Told: refused


@dataclass(frozen=True, slots=True)
class Asked:
    """The state of a session."""

    name: str  # of the server, in its errors
    packet: int = PACKET


def server(name: str = "SQL", tls: Callable[[], Engine] | None = None, *, insists: bool = False) -> Talk[None]:
    """Serve one connection to its end; where there is `tls`, encrypted for whoever can, or `insists` that all do so.

    Raises Misspoken where the client speaks something else.
    """
    first = yield from message(PACKET)
    if first.kind != Kind.PRELOGIN:
        raise Misspoken("a connection begins with PRELOGIN")
    able = read_prelogin(first.data).encryption != ENCRYPT_NOT_SUP
    agreed = ENCRYPT_NOT_SUP if tls is None else ENCRYPT_ON if able else ENCRYPT_REQ if insists else ENCRYPT_NOT_SUP
    yield from reply(Prelogin(BUILD, agreed).packed())
    if agreed == ENCRYPT_NOT_SUP:
        yield from _served(name)
    elif agreed == ENCRYPT_ON and tls is not None:
        yield from (yield from accept(tls())).run(_served(name))


def _served(name: str) -> Talk[None]:
    """Sign in, and answer one message after the other."""
    session = yield from _sign_in(name)
    number = 0
    while session is not None:
        came = yield from next_message()
        if came is None:
            return
        number += came.kind == Kind.TRANSACTION
        yield from reply((yield from _answer(came, session, number)), session.packet)


def _sign_in(name: str) -> Talk[Asked | None]:
    """Who signed in; None where nobody did, and that has been said."""
    came = yield from next_message(_LARGEST_LOGIN)
    if came is None:
        return None  # it only wanted to know who is here
    if came.kind != Kind.LOGIN:
        raise Misspoken("after PRELOGIN comes LOGIN7")
    login = read_login(came.data)
    question: Login | Token = login
    while True:
        admission: Admission = (yield from ask(question)) if login.version >= OLDEST else _TOO_OLD
        match admission:
            case Go(token):
                yield from reply(tokens.sspi(token))
                question = Token((yield from _token()))
            case Told():
                yield from reply(tokens.told(admission, name) + tokens.done(tokens.FAILED))
                return None
            case Welcome():
                yield from reply(_welcome(admission, login, name))
                return Asked(name, login.packet)


_TOO_OLD = Told(17830, "Clients older than TDS 7.2 are not supported.", 20)


def _token() -> Talk[bytes]:
    came = yield from message(_LARGEST_LOGIN)
    if came.kind != Kind.SSPI:
        raise Misspoken("the client's security package does not go on")
    return came.data


def _welcome(admission: Welcome, login: Login, name: str) -> bytes:
    says = [
        tokens.sspi(admission.token) if admission.token else b"",
        tokens.moved(Moved(admission.database, "master"), name),
        tokens.COLLATION_CHANGE,
        tokens.changed(tokens.LANGUAGE, "us_english"),
        tokens.told(Told(5703, "Changed language setting to us_english.", 0, 1), name),
        tokens.login_ack(PROGRAM, BUILD),
        tokens.changed(tokens.PACKET_SIZE, str(login.packet), str(PACKET)),
        tokens.done(),
    ]
    return b"".join(says)


def _answer(came: Message, session: Asked, number: int) -> Talk[bytes]:
    """What is answered to one message."""
    if came.kind == Kind.ATTENTION:
        return tokens.done(tokens.ATTENTION)
    if came.kind == Kind.TRANSACTION:
        return (yield from _transaction(came.data, session, number))
    reader = _READERS.get(came.kind)
    if reader is None:
        raise Misspoken(f"a message of kind {came.kind} is not known here")
    question = reader(came.data)
    results: Sequence[Result] = yield from ask(question)
    in_procedure = isinstance(question, Procedure) or question.in_procedure
    return tokens.answer(results, in_procedure=in_procedure, server=session.name)


_READERS: dict[int, Callable[[bytes], Query | Procedure]] = {Kind.BATCH: read_batch, Kind.RPC: read_call}
_CHANGES = {Change.BEGIN: tokens.BEGUN, Change.COMMIT: tokens.COMMITTED, Change.ROLLBACK: tokens.ROLLED_BACK}


def _transaction(data: bytes, session: Asked, number: int) -> Talk[bytes]:
    """A change of the transaction; `number` tells this connection's transactions apart."""
    what, again = read_change(data)
    said = b""
    for one in (what, Change.BEGIN) if again else (what,):
        refused: Told | None = yield from ask(one)
        if refused is not None:
            return said + tokens.told(refused, session.name) + tokens.done(tokens.FAILED)
        name = number.to_bytes(8, "little")
        said += tokens.changed_bytes(_CHANGES[one], *((name,) if one is Change.BEGIN else (b"", name)))
    return said + tokens.done()
