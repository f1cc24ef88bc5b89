"""SMTP (RFC 5321) with STARTTLS (RFC 3207) and AUTH PLAIN and LOGIN (RFC 4954): a message is handed over.

The server asks the application whether a login is right (`Login`) and whether it takes a message (`Mail`).
"""

import base64
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, Talk, ask, secure, send
from portwright.protocols.lines import dotted, line, say, shown, take_dotted

_LONGEST_MESSAGE = 10 << 20  # bytes
_MOST_RECIPIENTS = 100  # RFC 5321, 4.5.3.1.8
_MOST_REPLY_LINES = 100
_REPLY = re.compile(r"([2-5][0-5][0-9])(?:([ -])(.*))?\Z", re.DOTALL)  # RFC 5321, 4.2
_PATH = re.compile(r"(?:FROM|TO):\s?<([^<>\x00-\x20\x7f]{0,254})>(?: .*)?\Z", re.IGNORECASE)  # RFC 5321, 4.1.1.2
_NAME = "portwright.invalid"  # how a client calls itself; RFC 2606: nobody's name


class Logins(Enum):
    """Whether a server takes logins."""

    NONE = "none"
    OFFERED = "offered"
    REQUIRED = "required"  # before a message


@dataclass(frozen=True, slots=True)
class Policy:
    """What a server is and offers."""

    host: str
    tls: bool = False  # STARTTLS; logins are then taken under TLS alone
    logins: Logins = Logins.NONE


@dataclass(frozen=True, slots=True)
class Login:
    """A name and its password. The server asks: is it right? True or False."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in its envelope. The server asks: why not? An empty text takes it."""

    sender: str  # empty: a notification (RFC 5321, 4.5.5)
    recipients: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a server said of itself."""

    banner: str
    extensions: tuple[str, ...]  # "STARTTLS", "AUTH PLAIN LOGIN"; none where it knows no EHLO

    def offers(self, keyword: str) -> list[str] | None:
        """The parameters of an extension, or None where it is not offered."""
        for extension in self.extensions:
            first, *rest = extension.upper().split() or [""]
            if first == keyword:
                return rest
        return None

    def __str__(self) -> str:
        known = [word for word in ("STARTTLS", "AUTH") if self.offers(word) is not None]
        return f"SMTP: {self.banner}" + (f", offers {' and '.join(known)}" if known else "")


def probe(name: str = _NAME) -> Talk[Greeting]:
    """Hear what a server says of itself, and leave. Raises Refused where it wants nobody now, and Misspoken."""
    greeting = yield from _greeted(name)
    yield from _leave()
    return greeting


def client(mail: Mail, login: Login | None = None, *, tls: bool = False, name: str = _NAME) -> Talk[str]:
    """Hand a message over and return how it was taken.

    Raises Refused with the server's words, Misspoken, and ValueError for an address that is none.
    """
    greeting = yield from _greeted(name)
    if tls:
        greeting = yield from _under_tls(greeting, name)
    if login:
        yield from _logged_in(greeting, login)
    for command in _envelope(mail):
        yield from _command(command, 2)
    yield from _command("DATA", 3)
    yield from send(dotted(mail.data))
    taken = yield from _expected(2)
    yield from _leave()
    return f"SMTP: {taken}"


def _leave() -> Talk[None]:
    """Say farewell; what becomes of it no longer matters."""
    with suppress(EndOfStream, Refused):
        yield from _command("QUIT", 2)


def _envelope(mail: Mail) -> list[str]:
    commands = [f"MAIL FROM:<{mail.sender}>", *(f"RCPT TO:<{one}>" for one in mail.recipients)]
    if not all(_PATH.match(command[5:]) for command in commands):
        raise ValueError("an address is none of mail")
    return commands


def _greeted(name: str) -> Talk[Greeting]:
    banner = yield from _expected(2)
    return Greeting(banner, (yield from _extensions(name)))


def _extensions(name: str) -> Talk[tuple[str, ...]]:
    yield from say(f"EHLO {name}")
    code, said = yield from _reply()
    if code in (500, 502):  # RFC 5321, 3.2: a server that knows no extensions
        yield from _command(f"HELO {name}", 2)
        return ()
    if code != 250:
        raise Refused(f"SMTP: {code} {said[0]}")
    return said[1:]


def _under_tls(greeting: Greeting, name: str) -> Talk[Greeting]:
    if greeting.offers("STARTTLS") is None:
        raise Refused("SMTP: the server offers no STARTTLS")
    yield from _command("STARTTLS", 2)
    yield from secure()
    return Greeting(greeting.banner, (yield from _extensions(name)))  # what was said before counts no more


def _logged_in(greeting: Greeting, login: Login) -> Talk[None]:
    mechanisms = greeting.offers("AUTH") or []
    if "PLAIN" in mechanisms:  # RFC 4616
        yield from _command("AUTH PLAIN " + _coded(f"\0{login.name}\0{login.password}"), 2)
    elif "LOGIN" in mechanisms:
        yield from _command("AUTH LOGIN", 3)
        yield from _command(_coded(login.name), 3)
        yield from _command(_coded(login.password), 2)
    else:
        raise Refused("SMTP: the server offers no login by PLAIN or LOGIN")


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _command(text: str, kind: int) -> Talk[str]:
    yield from say(text)
    return (yield from _expected(kind))


def _expected(kind: int) -> Talk[str]:
    """The text of a reply whose code begins with this digit. Raises Refused for another."""
    code, said = yield from _reply()
    if code // 100 != kind:
        raise Refused(f"SMTP: {code} {said[0]}")
    return said[0]


def _reply() -> Talk[tuple[int, tuple[str, ...]]]:
    """The code and the lines of a reply (RFC 5321, 4.2.1)."""
    said: list[str] = []
    while len(said) < _MOST_REPLY_LINES:
        found = _REPLY.match((yield from line()))
        if not found:
            raise Misspoken("this is no reply of SMTP")
        said.append(shown(found[3] or ""))
        if found[2] != "-":
            return int(found[1]), tuple(said)
    raise Misspoken(f"a reply has more than {_MOST_REPLY_LINES} lines")


def server(policy: Policy) -> Talk[None]:
    """Serve one connection: ask the application for each `Login`, and for each `Mail` that was handed over."""
    session = _Session(policy)
    try:
        yield from say(f"220 {policy.host} ESMTP")
        while session.open:
            verb, _, words = (yield from line()).partition(" ")
            yield from _COMMANDS.get(verb.upper(), _Session.unknown)(session, words.strip())
    except EndOfStream:
        return


class _Session:
    """How far one client has come. Each method is a command of RFC 5321, 4.1.1."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.open, self.tls = policy, True, False
        self.forget()

    def forget(self) -> None:
        self.greeted = self.logged_in = False
        self.clear()

    def clear(self) -> None:
        self.sender: str | None = None
        self.recipients: list[str] = []

    @property
    def takes_logins(self) -> bool:
        return self.policy.logins is not Logins.NONE and (self.tls or not self.policy.tls)

    def unknown(self, _: str) -> Talk[None]:
        yield from say("500 unknown command")

    def hello(self, _: str) -> Talk[None]:
        self.clear()
        self.greeted = True
        yield from say(f"250 {self.policy.host}")

    def extended_hello(self, _: str) -> Talk[None]:
        self.clear()
        self.greeted = True
        offers = ["8BITMIME", f"SIZE {_LONGEST_MESSAGE}"]
        offers += ["STARTTLS"] * (self.policy.tls and not self.tls) + ["AUTH PLAIN LOGIN"] * self.takes_logins
        lines = [self.policy.host, *offers]
        for one in lines[:-1]:
            yield from say(f"250-{one}")
        yield from say(f"250 {lines[-1]}")

    def start_tls(self, _: str) -> Talk[None]:
        if not self.policy.tls or self.tls:
            yield from say("503 not offered")
            return
        yield from say("220 go ahead")
        yield from secure()
        self.tls = True
        self.forget()  # RFC 3207, 4.2

    def authenticate(self, words: str) -> Talk[None]:
        mechanism, _, first = words.partition(" ")
        if not self.takes_logins or self.logged_in:
            yield from say("503 no login now")
            return
        try:
            login = yield from _LOGINS[mechanism.upper()](first)
        except KeyError:
            yield from say("504 only PLAIN and LOGIN")
        except ValueError:
            yield from say("501 not understood")
        else:
            self.logged_in = bool((yield from ask(login)))
            yield from say("235 welcome" if self.logged_in else "535 name or password is wrong")

    def mail(self, words: str) -> Talk[None]:
        found = _PATH.match(words)
        if not self.greeted:
            yield from say("503 say EHLO first")
        elif self.policy.logins is Logins.REQUIRED and not self.logged_in:
            yield from say("530 log in first")
        elif self.sender is not None or not found or not words.upper().startswith("FROM"):
            yield from say("501 not understood, or not now")
        else:
            self.sender = found[1]
            yield from say("250 sender taken")

    def recipient(self, words: str) -> Talk[None]:
        found = _PATH.match(words)
        if self.sender is None:
            yield from say("503 say MAIL first")
        elif not found or not found[1] or not words.upper().startswith("TO"):
            yield from say("501 not understood")
        elif len(self.recipients) >= _MOST_RECIPIENTS:
            yield from say("452 too many recipients")
        else:
            self.recipients.append(found[1])
            yield from say("250 recipient taken")

    def data(self, _: str) -> Talk[None]:
        if self.sender is None or not self.recipients:
            yield from say("503 say MAIL and RCPT first")
            return
        yield from say("354 end with a lone dot")
        data = yield from take_dotted(_LONGEST_MESSAGE)
        if data is None:
            yield from say("552 too large")
        else:
            why = yield from ask(Mail(self.sender, tuple(self.recipients), data))
            yield from say(f"554 {shown(why)}" if why else "250 message taken")
        self.clear()

    def reset(self, _: str) -> Talk[None]:
        self.clear()
        yield from say("250 forgotten")

    def nothing(self, _: str) -> Talk[None]:
        yield from say("250 nothing done")

    def verify(self, _: str) -> Talk[None]:
        yield from say("252 send it and see")  # RFC 5321, 7.3

    def quit(self, _: str) -> Talk[None]:
        self.open = False
        yield from say(f"221 {self.policy.host} closes")


def _plain(first: str) -> Talk[Login]:
    """RFC 4616: [authorization] NUL name NUL password."""
    _, name, password = _decoded(first or (yield from _asked(""))).split("\0")
    return Login(name, password)


def _by_steps(first: str) -> Talk[Login]:
    """The name, then the password, each asked for (draft-murchison-sasl-login)."""
    name = first or (yield from _asked("Username:"))
    return Login(_decoded(name), _decoded((yield from _asked("Password:"))))


def _asked(prompt: str) -> Talk[str]:
    yield from say(f"334 {_coded(prompt)}")
    return (yield from line())


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode()


_LOGINS: dict[str, Callable[[str], Talk[Login]]] = {"PLAIN": _plain, "LOGIN": _by_steps}
_COMMANDS: dict[str, Callable[[_Session, str], Talk[None]]] = {
    "HELO": _Session.hello,
    "EHLO": _Session.extended_hello,
    "STARTTLS": _Session.start_tls,
    "AUTH": _Session.authenticate,
    "MAIL": _Session.mail,
    "RCPT": _Session.recipient,
    "DATA": _Session.data,
    "RSET": _Session.reset,
    "NOOP": _Session.nothing,
    "VRFY": _Session.verify,
    "QUIT": _Session.quit,
}
