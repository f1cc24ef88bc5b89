"""POP3 (RFC 1939) with CAPA (RFC 2449) and STLS (RFC 2595): messages are fetched and deleted.

The server asks the application whether a login is right, what is in a mailbox and in a message, and what is deleted.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, Talk, ask, secure, send
from portwright.protocols.lines import dotted, line, say, shown, take_dotted, take_listing

_MOST_MESSAGES = 10_000
_LONGEST_MESSAGE = 32 << 20  # bytes
_LONGEST_LISTING = 1 << 20  # bytes
_SHOWN = 4  # capabilities in a text


@dataclass(frozen=True, slots=True)
class Login:
    """A name and its password. The server asks: is it right? True or False."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in a mailbox."""

    uid: str  # 1 to 70 printable characters, never used again (RFC 1939, 7: UIDL)
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class List:
    """The server asks: what is in this mailbox? A tuple of `Entry`."""

    name: str


@dataclass(frozen=True, slots=True)
class Retrieve:
    """The server asks: what is this message? Its bytes."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Delete:
    """The server says: delete these, as the client has left in peace."""

    name: str
    uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a server said of itself."""

    banner: str
    capabilities: tuple[str, ...]  # none where it knows no CAPA

    def __str__(self) -> str:
        offers = f", offers {', '.join(self.capabilities[:_SHOWN])}" if self.capabilities else ""
        return f"POP3: {self.banner}{offers}"


def probe() -> Talk[Greeting]:
    """Hear what a server says of itself, and leave. Raises Refused where it wants nobody now, and Misspoken."""
    banner = yield from _expected()
    yield from say("CAPA")
    known, _ = yield from _reply()
    capabilities = (yield from take_listing(_LONGEST_LISTING)) if known else ()
    yield from _leave()
    return Greeting(banner, tuple(shown(one) for one in capabilities))


def client(login: Login, *, tls: bool = False, delete: bool = False) -> Talk[tuple[bytes, ...]]:
    """Fetch every message, and delete them where that is wanted.

    Raises Refused with the server's words, Misspoken, and ValueError for a name or password with line ends.
    """
    yield from _expected()
    if tls:
        yield from _command("STLS")
        yield from secure()
    yield from _command(f"USER {login.name}")
    yield from _command(f"PASS {login.password}")
    messages = yield from _fetched((yield from _count()))
    for number in range(1, len(messages) + 1) if delete else ():
        yield from _command(f"DELE {number}")
    if delete:
        yield from _command("QUIT")  # what deletes them
    else:
        yield from _leave()
    return messages


def _leave() -> Talk[None]:
    """Say farewell; what becomes of it no longer matters."""
    with suppress(EndOfStream, Refused):
        yield from _command("QUIT")


def _count() -> Talk[int]:
    words = (yield from _command("STAT")).split()
    if not words or not (words[0].isascii() and words[0].isdigit()) or len(words[0]) > 9:
        raise Misspoken("STAT says no number")
    if int(words[0]) > _MOST_MESSAGES:
        raise Misspoken(f"more than {_MOST_MESSAGES} messages")
    return int(words[0])


def _fetched(count: int) -> Talk[tuple[bytes, ...]]:
    messages: list[bytes] = []
    room = _LONGEST_MESSAGE
    for number in range(1, count + 1):
        yield from _command(f"RETR {number}")
        data = yield from take_dotted(room)
        if data is None:
            raise Misspoken(f"more than {_LONGEST_MESSAGE} bytes of messages")
        messages.append(data)
        room -= len(data)
    return tuple(messages)


def _command(text: str) -> Talk[str]:
    yield from say(text)
    return (yield from _expected())


def _expected() -> Talk[str]:
    """The text of a good reply. Raises Refused for the other."""
    good, text = yield from _reply()
    if not good:
        raise Refused(f"POP3: {text}")
    return text


def _reply() -> Talk[tuple[bool, str]]:
    said = yield from line()
    for mark, good in (("+OK", True), ("-ERR", False)):  # RFC 1939, 3
        if said.startswith(mark):
            return good, shown(said[len(mark) :])
    raise Misspoken("this is no reply of POP3")


def server(host: str, *, tls: bool = False) -> Talk[None]:
    """Serve one connection. With `tls`, a login is taken under TLS alone."""
    session = _Session(tls)
    try:
        yield from say(f"+OK {host} POP3")
        while session.open:
            verb, _, words = (yield from line()).partition(" ")
            yield from _serve(session, verb.upper(), words)
    except EndOfStream:
        return  # without QUIT nothing is deleted (RFC 1939, 6)


def _serve(session: "_Session", verb: str, words: str) -> Talk[None]:
    if verb in _ALWAYS:
        yield from _ALWAYS[verb](session, words)
    elif verb in _BEFORE and not session.logged_in:
        yield from _BEFORE[verb](session, words)
    elif verb in _AFTER and session.logged_in:
        yield from _AFTER[verb](session, words)
    else:
        yield from say("-ERR unknown command, or not now")


class _Session:
    """How far one client has come."""

    def __init__(self, tls: bool) -> None:
        self.open, self.wants_tls, self.name, self.logged_in = True, tls, "", False
        self.entries: tuple[Entry, ...] = ()
        self.deleted: set[int] = set()  # places in entries

    def capabilities(self, _: str) -> Talk[None]:
        words = ["TOP", "UIDL", "RESP-CODES", *(["STLS"] if self.wants_tls else ["USER"])]
        yield from say("+OK")
        yield from send(dotted("\n".join(words).encode()))

    def start_tls(self, _: str) -> Talk[None]:
        if not self.wants_tls:
            yield from say("-ERR not offered")
            return
        yield from say("+OK go ahead")
        yield from secure()
        self.wants_tls, self.name = False, ""

    def user(self, words: str) -> Talk[None]:
        if self.wants_tls:
            yield from say("-ERR say STLS first")
            return
        self.name = words
        yield from say("+OK")

    def password(self, words: str) -> Talk[None]:
        if not self.name:
            yield from say("-ERR say USER first")
        elif (yield from ask(Login(self.name, words))):
            self.logged_in, self.entries = True, (yield from ask(List(self.name)))
            yield from say("+OK")
        else:
            self.name = ""
            yield from say("-ERR [AUTH] name or password is wrong")  # RFC 3206

    def kept(self) -> list[int]:
        return [place for place in range(len(self.entries)) if place not in self.deleted]

    def place(self, text: str) -> int | None:
        """The place of a message that is there, by the number that a client says."""
        if not (text.isascii() and text.isdigit()) or len(text) > 9:
            return None
        place = int(text) - 1
        return place if 0 <= place < len(self.entries) and place not in self.deleted else None

    def status(self, _: str) -> Talk[None]:
        kept = self.kept()
        yield from say(f"+OK {len(kept)} {sum(self.entries[place].size for place in kept)}")

    def list(self, words: str) -> Talk[None]:
        yield from self.listed(words, lambda entry: str(entry.size))

    def unique_ids(self, words: str) -> Talk[None]:
        yield from self.listed(words, lambda entry: entry.uid)

    def listed(self, words: str, told: Callable[[Entry], str]) -> Talk[None]:
        places = self.kept()
        if words:
            one = self.place(words)
            yield from say("-ERR no such message" if one is None else f"+OK {one + 1} {told(self.entries[one])}")
            return
        yield from say("+OK")
        yield from send(dotted("".join(f"{place + 1} {told(self.entries[place])}\n" for place in places).encode()))

    def retrieve(self, words: str) -> Talk[None]:
        yield from self.sent(words, None)

    def top(self, words: str) -> Talk[None]:
        number, _, lines = words.partition(" ")
        yield from self.sent(number, int(lines) if lines.isascii() and lines.isdigit() and len(lines) < 10 else 0)

    def sent(self, number: str, lines: int | None) -> Talk[None]:
        """Send a message, or its head and so many lines."""
        place = self.place(number)
        if place is None:
            yield from say("-ERR no such message")
            return
        data: bytes = yield from ask(Retrieve(self.name, self.entries[place].uid))
        yield from say("+OK")
        yield from send(dotted(data if lines is None else _cut(data, lines)))

    def delete(self, words: str) -> Talk[None]:
        place = self.place(words)
        if place is not None:
            self.deleted.add(place)
        yield from say("-ERR no such message" if place is None else "+OK")

    def reset(self, _: str) -> Talk[None]:
        self.deleted.clear()
        yield from say("+OK")

    def nothing(self, _: str) -> Talk[None]:
        yield from say("+OK")

    def quit(self, _: str) -> Talk[None]:
        self.open = False
        if self.deleted:
            yield from ask(Delete(self.name, tuple(self.entries[place].uid for place in sorted(self.deleted))))
        yield from say("+OK")


def _cut(data: bytes, lines: int) -> bytes:
    """The head of a message, the empty line, and so many lines (RFC 1939, 7: TOP)."""
    head, between, body = data.partition(b"\r\n\r\n")
    return head + between + b"".join(one + b"\r\n" for one in body.split(b"\r\n")[:lines])


_Command = Callable[[_Session, str], Talk[None]]
_ALWAYS: dict[str, _Command] = {"CAPA": _Session.capabilities, "QUIT": _Session.quit}
_BEFORE: dict[str, _Command] = {
    "STLS": _Session.start_tls,
    "USER": _Session.user,
    "PASS": _Session.password,
}
_AFTER: dict[str, _Command] = {
    "STAT": _Session.status,
    "LIST": _Session.list,
    "UIDL": _Session.unique_ids,
    "RETR": _Session.retrieve,
    "TOP": _Session.top,
    "DELE": _Session.delete,
    "RSET": _Session.reset,
    "NOOP": _Session.nothing,
}
