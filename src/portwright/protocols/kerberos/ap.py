"""Showing a ticket to a service, and the service's look at it (RFC 4120, 3.2), for the KDC, GSS-API and kpasswd."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from portwright.protocols import der
from portwright.protocols.der import Element
from portwright.protocols.kerberos.crypto import BadIntegrity, Key
from portwright.protocols.kerberos.messages import (
    AP_REPLY,
    AP_REQUEST,
    Encrypted,
    Ticket,
    application,
)
from portwright.protocols.kerberos.names import VERSION, Denied, ErrorCode, Principal, Usage, error_name
from portwright.protocols.kerberos.sealed import Authenticator, ServicePart, TicketPart

SKEW = timedelta(minutes=5)  # how far two clocks may differ; what everybody allows
MUTUAL = 1 << 31 - 2  # RFC 4120, 5.5.1: the service shall prove itself as well


@dataclass(frozen=True, slots=True)
class Credential:
    """A ticket and what its holder knows of it."""

    client: Principal
    service: Principal
    ticket: Ticket
    key: Key  # shared with the service by the ticket
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ApRequest:
    """An AP-REQ."""

    ticket: Ticket
    sealed: Encrypted  # the authenticator
    options: int = 0

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        members = [
            (0, der.integer(VERSION)),
            (1, der.integer(AP_REQUEST)),
            (2, der.bits(self.options.to_bytes(4, "big"))),
            (3, self.ticket.encoded),
            (4, self.sealed.encoded),
        ]
        return der.application(AP_REQUEST, der.members(members))

    @classmethod
    def read(cls, element: Element) -> "ApRequest":
        """The request that came. Raises Misspoken."""
        fields = element.inner(application(AP_REQUEST)).fields()
        options = int.from_bytes(fields[2].bits()[:4].ljust(4, b"\0"), "big")
        return cls(Ticket.read(fields[3]), Encrypted.read(fields[4]), options)


def shown(credential: Credential, authenticator: Authenticator, usage: Usage, options: int = 0) -> ApRequest:
    """The request that shows a ticket."""
    return ApRequest(credential.ticket, Encrypted.by(credential.key, usage, authenticator.encoded), options)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a service reads in a ticket that was shown and found good."""

    ticket: TicketPart
    authenticator: Authenticator


def looked_at(request: ApRequest, keys: Iterable[Key], now: datetime, usage: Usage) -> Shown:
    """What the ticket says, for the service that has these keys. Raises Denied, and Misspoken where it is none."""
    ticket = _opened(request.ticket.sealed, keys)
    try:
        authenticator = Authenticator.read(request.sealed.opened(ticket.key, usage))
    except BadIntegrity as problem:
        raise denied(ErrorCode.KRB_AP_ERR_BAD_INTEGRITY) from problem
    if authenticator.client != ticket.client:
        raise denied(ErrorCode.KRB_AP_ERR_BADMATCH)
    if abs(authenticator.time - now) > SKEW:
        raise denied(ErrorCode.KRB_AP_ERR_SKEW)
    if ticket.start > now + SKEW:
        raise denied(ErrorCode.KRB_AP_ERR_TKT_NYV)
    if ticket.end < now - SKEW:
        raise denied(ErrorCode.KRB_AP_ERR_TKT_EXPIRED)
    return Shown(ticket, authenticator)


def _opened(sealed: Encrypted, keys: Iterable[Key]) -> TicketPart:
    fitting = [key for key in keys if key.etype == sealed.etype]
    for key in fitting:
        try:
            return TicketPart.read(sealed.opened(key, Usage.TICKET))
        except BadIntegrity:
            continue
    raise denied(ErrorCode.KRB_AP_ERR_MODIFIED if fitting else ErrorCode.KRB_AP_ERR_NOKEY)


def denied(code: ErrorCode) -> Denied:
    """A refusal that the standard numbers."""
    return Denied(code, error_name(code))


def ap_reply(key: Key, part: ServicePart) -> bytes:
    """The AP-REP by which a service proves itself."""
    sealed = Encrypted.by(key, Usage.AP_REPLY, part.encoded)
    members = (0, der.integer(VERSION)), (1, der.integer(AP_REPLY)), (2, sealed.encoded)
    return der.application(AP_REPLY, der.members(members))


def read_ap_reply(element: Element, key: Key) -> ServicePart:
    """What the service's AP-REP says. Raises BadIntegrity, and Misspoken where it is none."""
    fields = element.inner(application(AP_REPLY)).fields()
    return ServicePart.read(Encrypted.read(fields[2]).opened(key, Usage.AP_REPLY))
