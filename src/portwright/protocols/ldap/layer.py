"""Messages over a stream, in the open or under the security layer of a sign-in (RFC 4511, 5; RFC 4422, 3.7)."""

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken, Talk, send, take
from portwright.protocols.kerberos.gss import Context as KerberosContext
from portwright.protocols.ntlm.context import Context as NtlmContext

Context = KerberosContext | NtlmContext
LONGEST = 1 << 20  # octets of a message
_OVERHEAD = 256  # octets that a layer may add


class Layer:
    """What carries messages: at first nothing but the stream."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._context: Context | None = None
        self._seal = False
        self._left = bytearray()  # what was unsealed and is not taken yet
        self._longest = longest

    def secure(self, context: Context, *, seal: bool) -> None:
        """From now on sign, or seal, what is sent, and expect the same."""
        self._context, self._seal = context, seal

    def send(self, message: bytes) -> Talk[None]:
        """Send a message."""
        if self._context is None:
            yield from send(message)
            return
        sealed = self._context.wrap(message, seal=self._seal)
        yield from send(len(sealed).to_bytes(4, "big") + sealed)

    def message(self) -> Talk[bytes]:
        """The next message. Raises Misspoken where it is too long or none, EndOfStream where there is no more."""
        head = yield from self._take(2)
        if head[1] & 0x80:
            head += yield from self._take(head[1] & 0x7F if head[1] & 0x7F <= 4 else 0)
        _, length = der.header(head)
        if head[0] != der.SEQUENCE or length > self._longest:
            raise Misspoken("this is no message of LDAP, or one that is too long")
        return head + (yield from self._take(length))

    def _take(self, count: int) -> Talk[bytes]:
        if self._context is None:
            return (yield from take(count))
        while len(self._left) < count:
            size = int.from_bytes((yield from take(4)), "big")
            if not 0 < size <= self._longest + _OVERHEAD:
                raise Misspoken(f"a sealed message of {size} octets")
            self._left += self._context.unwrap((yield from take(size)))
        taken = bytes(self._left[:count])
        del self._left[:count]  # at its front: costs nothing for what is left
        return taken
