"""A directory server: LDAP on 389, the global catalog on 3268, and under TLS on 636 and 3269 (RFC 4511).

It reads. Who signs in by name and password is asked about (`SimpleBind`); Kerberos it judges by its keys (RFC 4752, and
Microsoft's GSS-SPNEGO), with the layer that the client wishes. Like a domain controller it shows the root DSE to all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, Talk, ask
from portwright.protocols.kerberos.crypto import Key
from portwright.protocols.kerberos.gss import Accepted, Flag
from portwright.protocols.ldap import messages
from portwright.protocols.ldap.directory import WHO_AM_I, Directory, Held, chosen, found
from portwright.protocols.ldap.layer import Layer
from portwright.protocols.ldap.messages import DONE, Bind, Ended, Message, Result, Search, encoded_entry, message
from portwright.protocols.ldap.paging import PAGED, page_of
from portwright.protocols.ldap.sasl import Gssapi
from portwright.protocols.ntlm.sides import Server
from portwright.protocols.spnego import Acceptor, Verified

LONGEST_REQUEST = 1 << 16  # octets: a filter that is judged against every entry
_REFUSED = Ended(Result.INVALID_CREDENTIALS, "the name or the password is wrong")
_SIGN_IN_FIRST = Ended(Result.OPERATIONS_ERROR, "a successful bind must be completed first")


@dataclass(frozen=True, slots=True)
class SimpleBind:
    """Does this name have this password? The answer is a truth."""

    name: str  # a distinguished name, or with Active Directory also alice@contoso.example
    password: str = field(repr=False)


@dataclass(slots=True)
class _Session:
    """One connection: who is there, and how it is protected."""

    directory: Directory
    keys: tuple[Key, ...]
    clock: Callable[[], datetime]
    layer: Layer
    about: Mapping[int, bytes] | None  # this computer, to who signs in by NTLM; None where nobody can
    who: str = ""  # empty: nobody
    began: Acceptor | Gssapi | None = None  # a sign-in that takes more than one step
    mechanism: str = ""  # by which it goes


def server(
    directory: Directory,
    clock: Callable[[], datetime],
    keys: Sequence[Key] = (),
    about: Mapping[int, bytes] | None = None,
) -> Talk[None]:
    """Serve a connection. Where it says something `about` itself it takes NTLM, and asks `ntlm.response.SignIn`."""
    session = _Session(directory, tuple(keys), clock, Layer(LONGEST_REQUEST), about)
    while True:
        try:
            came = Message.read((yield from session.layer.message()))
            if came.operation.tag == messages.UNBIND:
                return
            yield from _answered(session, came)
        except EndOfStream:
            return
        except Misspoken as problem:
            yield from _disconnected(session, str(problem))
            return


def _disconnected(session: _Session, text: str) -> Talk[None]:
    """The notice of disconnection (RFC 4511, 4.4.1)."""
    name = messages.tagged_text(messages.EXTENDED_DONE_NAME, messages.DISCONNECTING)
    ended = Ended(Result.PROTOCOL_ERROR, text).encoded(messages.EXTENDED_DONE, name)
    yield from session.layer.send(message(0, ended))


def _answered(session: _Session, came: Message) -> Talk[None]:
    tag = came.operation.tag
    if tag == messages.BIND:
        yield from _bound(session, came)
    elif tag == messages.SEARCH:
        yield from _searched(session, came)
    elif tag == messages.EXTENDED:
        yield from _extended(session, came)
    elif tag in DONE:
        ended = Ended(Result.UNWILLING_TO_PERFORM, "this directory is read only")
        yield from session.layer.send(message(came.number, ended.encoded(DONE[tag])))
    elif tag != messages.ABANDON:
        raise Misspoken("an operation that is unknown here")


def _bound(session: _Session, came: Message) -> Talk[None]:
    """Answer a sign-in; its security layer begins after the answer."""
    bind = Bind.read(came.operation)
    session.who = ""
    begins: Accepted | Verified | None = None
    if bind.mechanism:
        ended, begins = yield from _sasl(session, bind)
    else:
        ended = yield from _simple(session, bind)
    yield from session.layer.send(message(came.number, ended.encoded(messages.BIND_DONE)))
    if begins:
        session.who = str(begins.client)
        if begins.flags & (Flag.SEAL | Flag.SIGN):
            session.layer.secure(begins.context, seal=bool(begins.flags & Flag.SEAL))


def _simple(session: _Session, bind: Bind) -> Talk[Ended]:
    if not bind.name and not bind.password:
        return Ended()
    if not bind.password:  # RFC 4513, 5.1.2: a name alone signs nobody in
        return Ended(Result.UNWILLING_TO_PERFORM, "a name without a password")
    good: bool = yield from ask(SimpleBind(bind.name, bind.password.decode("utf-8", "replace")))
    session.who = bind.name if good else ""
    return Ended() if good else _REFUSED


def _sasl(session: _Session, bind: Bind) -> Talk[tuple[Ended, Accepted | Verified | None]]:
    """One step of a sign-in by SASL, and who is there once it is the last."""
    began = session.began if session.began and session.mechanism == bind.mechanism else _begun(session, bind.mechanism)
    if began is None:
        return Ended(Result.AUTH_METHOD_NOT_SUPPORTED, "this mechanism is unknown here"), None
    session.began, session.mechanism = None, bind.mechanism
    try:
        token = began.step(bind.token)
        if isinstance(began, Acceptor) and began.asks:
            token = began.checked((yield from ask(began.asks)))
    except (Refused, Misspoken) as no:
        return Ended(Result.INVALID_CREDENTIALS, str(no)), None
    if began.accepted is None:
        session.began = began
        return Ended(Result.SASL_BIND_IN_PROGRESS, token=token), None
    return Ended(token=token or None), began.accepted


def _begun(session: _Session, mechanism: str) -> Acceptor | Gssapi | None:
    if mechanism == "GSSAPI":
        return Gssapi(session.keys, session.clock)
    by_password = Server(session.about) if session.about is not None else None
    return Acceptor(session.keys, session.clock, by_password) if mechanism == "GSS-SPNEGO" else None


def _searched(session: _Session, came: Message) -> Talk[None]:
    search, page = Search.read(came.operation), page_of(came.controls)
    ended = _hindrance(session, came, search)
    entries = None if ended else found(session.directory.at(session.clock()), search)
    if entries is None:
        ended = ended or Ended(Result.NO_SUCH_OBJECT, "there is no such base")
        yield from session.layer.send(message(came.number, ended.encoded(messages.SEARCH_DONE)))
        return
    held = tuple(entries)
    shown, ended = _limited(held[page.start : page.start + page.size] if page else held, search)
    for one in shown:
        yield from session.layer.send(message(came.number, encoded_entry(one.name, chosen(one, search))))
    beside = (page.after(len(held)),) if page else ()
    yield from session.layer.send(message(came.number, ended.encoded(messages.SEARCH_DONE), *beside))


def _limited(held: tuple[Held, ...], search: Search) -> tuple[tuple[Held, ...], Ended]:
    """As many entries as the client wants at most, and whether that is all."""
    if search.most and len(held) > search.most:
        return held[: search.most], Ended(Result.SIZE_LIMIT_EXCEEDED)
    return held, Ended()


def _hindrance(session: _Session, came: Message, search: Search) -> Ended | None:
    """Why a search may not even begin."""
    unknown = [one.name for one in came.controls if one.insists and one.name != PAGED]
    if unknown:
        return Ended(Result.UNAVAILABLE_CRITICAL_EXTENSION, f"control {unknown[0]} is unknown here")
    about_itself = not search.base and search.scope == messages.Scope.BASE
    return None if session.who or session.directory.open or about_itself else _SIGN_IN_FIRST


def _extended(session: _Session, came: Message) -> Talk[None]:
    """Answer who is there (RFC 4532); nothing else is known here."""
    parts = came.operation.parts(messages.EXTENDED)
    if parts and parts[0].string(messages.EXTENDED_NAME) == WHO_AM_I:
        who = f"u:{session.who}" if session.who else ""
        answer = messages.tagged_text(messages.EXTENDED_ANSWER, who)
        ended = Ended().encoded(messages.EXTENDED_DONE, answer)
    else:
        ended = Ended(Result.PROTOCOL_ERROR, "an extension that is unknown here").encoded(messages.EXTENDED_DONE)
    yield from session.layer.send(message(came.number, ended))
