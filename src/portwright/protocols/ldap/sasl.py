"""The mechanism GSSAPI of SASL, the service's side (RFC 4752)."""

from collections.abc import Callable, Sequence
from datetime import datetime

from portwright.protocols.conversation import Misspoken
from portwright.protocols.kerberos import gss
from portwright.protocols.kerberos.crypto import Key
from portwright.protocols.kerberos.gss import Accepted, Flag

LONGEST = 1 << 16  # octets that we take at once
NO_LAYER, SIGNED, SEALED = 1, 2, 4  # RFC 4752, 3.3: bits of the security layers


class Gssapi:
    """After the context the two agree on a layer (RFC 4752, 3.2): the flags of `accepted` are those of the layer."""

    def __init__(self, keys: Sequence[Key], clock: Callable[[], datetime]) -> None:
        self._keys, self._clock = keys, clock
        self._peer: Accepted | None = None
        self._offered = False
        self.accepted: Accepted | None = None

    def step(self, token: bytes) -> bytes:
        """What to answer. Raises Refused, Misspoken."""
        if self._peer is None:
            self._peer = gss.accept(token, self._keys, self._clock())
            return self._peer.reply or self._offer(self._peer)
        if not self._offered:
            return self._offer(self._peer)
        self.accepted = _layered(self._peer, self._peer.context.unwrap(token))
        return b""

    def _offer(self, peer: Accepted) -> bytes:
        self._offered = True
        flags = peer.flags
        layers = NO_LAYER | (SIGNED if flags & Flag.SIGN else 0) | (SEALED if flags & Flag.SEAL else 0)
        return peer.context.wrap(bytes((layers,)) + LONGEST.to_bytes(4, "big")[1:], seal=False)


def _layered(peer: Accepted, choice: bytes) -> Accepted:
    """The peer with the layer that it chose. Raises Misspoken."""
    layers = {NO_LAYER: Flag(0), SIGNED: Flag.SIGN, SEALED: Flag.SIGN | Flag.SEAL}
    if len(choice) < 4 or choice[0] not in layers:
        raise Misspoken("the client chooses no security layer")
    return Accepted(peer.client, peer.service, peer.context, b"", layers[choice[0]])
