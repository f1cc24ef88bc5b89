"""The negotiation of a mechanism (RFC 4178), Kerberos or NTLM: for HTTP (RFC 4559), LDAP, TDS and net.tcp.

Each side takes the other's tokens one by one. Tokens of a mechanism without negotiation are accepted alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.kerberos import gss
from portwright.protocols.kerberos.ap import Credential
from portwright.protocols.kerberos.crypto import Key
from portwright.protocols.kerberos.gss import KERBEROS, USUAL, Accepted, Context, Flag
from portwright.protocols.kerberos.names import Principal
from portwright.protocols.ntlm import messages as ntlm
from portwright.protocols.ntlm.context import Context as NtlmContext
from portwright.protocols.ntlm.response import Login, SignIn
from portwright.protocols.ntlm.sides import Client, Server

SPNEGO = der.oid("1.3.6.1.5.5.2")  # RFC 4178, 4.1
MICROSOFT_KERBEROS = der.oid("1.2.840.48018.1.2.2")  # [MS-SPNG] 3.1.5.2: Kerberos, by a slip of 1996
NTLM = der.oid("1.3.6.1.4.1.311.2.2.10")  # [MS-NLMP] 1.9
ACCEPTED, INCOMPLETE, REJECTED, SIGN_PLEASE = range(4)  # RFC 4178, 4.2.2: negState
_INIT, _RESPONSE = der.CONTEXT | der.CONSTRUCTED, der.CONTEXT | der.CONSTRUCTED | 1
_OURS = KERBEROS, MICROSOFT_KERBEROS
_NAMES = {KERBEROS: "Kerberos", MICROSOFT_KERBEROS: "Kerberos", NTLM: "NTLM"}


class NotAccepted(Refused):
    """The acceptor refuses; `reply` is what it says to the client, possibly nothing."""

    def __init__(self, reason: str, reply: bytes = b"") -> None:
        self.reply = reply
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Init:
    """What an initiator begins with (RFC 4178, 4.2.1)."""

    mechanisms: tuple[bytes, ...]  # the one it likes best first
    token: bytes = b""

    @property
    def list(self) -> bytes:
        """The list of its mechanisms: what both sides sign."""
        return der.sequence(*(der.element(der.OID, one) for one in self.mechanisms))

    @property
    def encoded(self) -> bytes:
        """Its octets, framed as an initial token."""
        members = der.members([(0, self.list), (2, der.octets(self.token) if self.token else None)])
        return der.element(
            der.APPLICATION | der.CONSTRUCTED, der.element(der.OID, SPNEGO) + der.element(_INIT, members)
        )

    @classmethod
    def read(cls, data: bytes) -> "Init":
        """What came, without its frame. Raises Misspoken."""
        fields = der.parse(data).inner(_INIT).fields()
        mechanisms = tuple(part.oid() for part in fields[0].parts())
        return cls(mechanisms, fields[2].octets() if 2 in fields else b"")


@dataclass(frozen=True, slots=True)
class Response:
    """What follows, by either side (RFC 4178, 4.2.2)."""

    state: int | None = None
    mechanism: bytes = b""
    token: bytes = b""
    mic: bytes = b""

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        members = [
            (0, der.integer(self.state, der.ENUMERATED) if self.state is not None else None),
            (1, der.element(der.OID, self.mechanism) if self.mechanism else None),
            (2, der.octets(self.token) if self.token else None),
            (3, der.octets(self.mic) if self.mic else None),
        ]
        return der.element(_RESPONSE, der.members(members))

    @classmethod
    def read(cls, data: bytes) -> "Response":
        """What came. Raises Misspoken."""
        fields = der.parse(data).inner(_RESPONSE).fields()
        return cls(
            fields[0].integer(der.ENUMERATED) if 0 in fields else None,
            fields[1].oid() if 1 in fields else b"",
            fields[2].octets() if 2 in fields else b"",
            fields[3].octets() if 3 in fields else b"",
        )


class Initiator:
    """A client with a ticket for the service.

    Send `token`, then what `step` makes of each answer, until it makes nothing of it; then there is a `context`.
    """

    def __init__(self, credential: Credential, now: datetime, flags: Flag = USUAL) -> None:
        self._began = gss.initiate(credential, now, flags)
        self._init = Init((KERBEROS,), self._began.token)
        self.token = self._init.encoded
        self.context: Context | None = None

    def step(self, answer: bytes) -> bytes:
        """What to say next; nothing where all is said. Raises Refused, BadIntegrity, Misspoken."""
        if answer[:1] == b"\x60":  # the mechanism's own token, without negotiation
            self.context = self._began.finished(answer)
            return b""
        response = Response.read(answer)
        if response.state == REJECTED:
            self._rejected(response)
        if response.mechanism and response.mechanism not in _OURS:
            raise Misspoken("the service chooses a mechanism that was not offered")
        if self.context is None:
            self.context = self._began.finished(response.token)
        return self._signed(self.context, response)

    def _rejected(self, response: Response) -> None:
        if response.token:
            self._began.finished(response.token)  # raises what the service says
        raise Refused("the service rejects the negotiation")

    def _signed(self, context: Context, response: Response) -> bytes:
        if response.mic:
            context.check_mic(self._init.list, response.mic)
        if response.state in (INCOMPLETE, SIGN_PLEASE):
            return Response(mic=context.mic(self._init.list)).encoded
        return b""


class PasswordInitiator:
    """A client with a password and no ticket: NTLM, used as `Initiator` is."""

    def __init__(self, login: Login) -> None:
        self._client = Client(login)
        self._init = Init((NTLM,), self._client.first)
        self.token = self._init.encoded

    @property
    def context(self) -> NtlmContext | None:
        """What is shared, once the challenge is answered."""
        return self._client.context

    def step(self, answer: bytes) -> bytes:
        """What to say next; nothing where all is said. Raises Refused, Misspoken."""
        if answer.startswith(ntlm.MARK):
            return self._client.answer(answer)[0]
        response = Response.read(answer)
        if response.state == REJECTED:
            raise Refused("the service rejects the negotiation")
        if self.context is not None:
            return self._done(self.context, response)
        if not response.token:
            raise Misspoken("the service sends no challenge")
        said, context = self._client.answer(response.token)
        return Response(token=said, mic=context.mic(self._init.list)).encoded

    def _done(self, context: NtlmContext, response: Response) -> bytes:
        if response.mic:
            context.check_mic(self._init.list, response.mic)
        context.reset()
        return b""


@dataclass(frozen=True, slots=True)
class Known:
    """The answer of who checks a sign-in by NTLM: it is this one, and this key is shared."""

    client: Principal
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verified:
    """Who has been accepted by NTLM, as `gss.Accepted` is for Kerberos."""

    client: Principal
    context: NtlmContext
    flags: Flag


class Acceptor:
    """A service with keys. `step` takes the client's tokens, until `accepted` says who it is.

    With `server` it takes NTLM as well: what `asks` then says has to be checked, and `checked` makes the last answer.
    """

    def __init__(self, keys: Sequence[Key], clock: Callable[[], datetime], server: Server | None = None) -> None:
        self._keys, self._clock = tuple(keys), clock
        self._server = server  # of NTLM
        self._init: Init | None = None  # what the client began with, where the negotiation goes on
        self._waiting: Accepted | None = None  # who still has to sign
        self._mic = b""  # the client's signature, where NTLM goes on in a negotiation
        self._chosen = b""
        self.accepted: Accepted | Verified | None = None

    @property
    def asks(self) -> SignIn | None:
        """A sign-in by NTLM that waits for its check."""
        return self._server.sign_in if self._server and self.accepted is None else None

    def checked(self, known: Known | None) -> bytes:
        """The last answer to who signs in by NTLM; None where the check failed. Raises NotAccepted, Misspoken."""
        assert self._server is not None
        assert self._server.sign_in is not None
        rejected = Response(REJECTED).encoded if self._init else b""
        try:
            context = self._server.checked(known.key if known else None)
        except Refused as no:
            raise NotAccepted(str(no), rejected) from None
        assert known is not None  # as the server refuses whom nobody knows
        answer = self._signed(context, self._init) if self._init else b""
        self.accepted = Verified(known.client, context, _flags_of(self._server.flags))
        return answer

    def _signed(self, context: NtlmContext, init: Init) -> bytes:
        own = b""
        if self._mic:
            context.check_mic(init.list, self._mic)
            own = context.mic(init.list)
        context.reset()
        return Response(ACCEPTED, mic=own).encoded

    def step(self, token: bytes) -> bytes:
        """What to answer, possibly nothing. Raises NotAccepted with what to say instead, Misspoken for no token.

        A client that says nothing hears what it can choose from ([MS-SPNG] 3.2.5.2).
        """
        if not token and self._init is None:
            return Init((*_OURS[::-1], *((NTLM,) if self._server else ()))).encoded
        try:
            if token.startswith(ntlm.MARK):
                return self._by_ntlm(token)
            return self._begun(token) if self._init is None else self._goes_on(self._init, Response.read(token))
        except NotAccepted:
            raise
        except Refused as no:
            raise NotAccepted(str(no), Response(REJECTED).encoded) from no

    def _by_ntlm(self, message: bytes) -> bytes:
        if self._server is None:
            raise NotAccepted("the client offers NTLM")
        return self._server.step(message)

    def _begun(self, token: bytes) -> bytes:
        mechanism, rest = gss.framed(token)
        if mechanism == KERBEROS:
            accepted = self.accepted = gss.accept(token, self._keys, self._clock())
            return accepted.reply
        if mechanism != SPNEGO:
            raise NotAccepted("the client speaks a mechanism that is unknown here")
        return self._negotiated(Init.read(rest))

    def _negotiated(self, init: Init) -> bytes:
        ours = (*_OURS, NTLM) if self._server else _OURS
        chosen = next((one for one in init.mechanisms if one in ours), None)
        if chosen is None:
            offered = sorted({_NAMES.get(one, "an unknown mechanism") for one in init.mechanisms})
            raise NotAccepted(f"the client offers {', '.join(offered) or 'nothing'}", Response(REJECTED).encoded)
        likes_it_best, self._chosen = chosen == init.mechanisms[0], chosen
        if likes_it_best and init.token and chosen != NTLM:
            accepted = self.accepted = gss.accept(init.token, self._keys, self._clock())
            return Response(ACCEPTED, chosen, accepted.reply).encoded
        self._init = init
        challenge = self._by_ntlm(init.token) if likes_it_best and init.token else b""
        return Response(INCOMPLETE if likes_it_best else SIGN_PLEASE, chosen, challenge).encoded

    def _goes_on(self, init: Init, response: Response) -> bytes:
        if self._chosen != NTLM:
            return self._goes_on_by_ticket(init, response)
        self._mic = response.mic
        challenge = self._by_ntlm(response.token)
        return Response(INCOMPLETE, token=challenge).encoded if challenge else b""

    def _goes_on_by_ticket(self, init: Init, response: Response) -> bytes:
        """The client's second token and, where its first choice was not taken, both signatures (RFC 4178, 5)."""
        who = self._waiting
        if who is None:
            who = gss.accept(response.token, self._keys, self._clock())
            if init.mechanisms[0] in _OURS:
                self.accepted = who
                return Response(ACCEPTED, token=who.reply).encoded
        if not response.mic:
            if self._waiting:
                raise Misspoken("the client does not sign")
            self._waiting = who
            return Response(INCOMPLETE, token=who.reply, mic=who.context.mic(init.list)).encoded
        who.context.check_mic(init.list, response.mic)
        self.accepted = who
        own = b"" if self._waiting else who.context.mic(init.list)
        return Response(ACCEPTED, token=b"" if self._waiting else who.reply, mic=own).encoded


def _flags_of(agreed: int) -> Flag:
    """What was agreed by NTLM, as GSS-API says it."""
    signs = Flag.SIGN if agreed & ntlm.Flag.SIGN else Flag(0)
    return signs | (Flag.SEAL if agreed & ntlm.Flag.SEAL else Flag(0))
