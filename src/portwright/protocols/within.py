"""Conversations within another protocol's messages: what they send is sealed, what they take is opened first."""

from abc import ABC, abstractmethod
from typing import TypeVar

from portwright.protocols.conversation import Act, EndOfStream, Misspoken, Send, Take, TakeSome, Talk, send

T = TypeVar("T")


class Within(ABC):
    """One side of a connection, for one conversation after the other."""

    def __init__(self) -> None:
        self._waiting = bytearray()  # opened, and not yet taken

    @abstractmethod
    def seal(self, data: bytes) -> bytes:
        """What travels in place of the data."""

    @abstractmethod
    def more(self) -> Talk[bytes]:
        """Some data more, opened; perhaps none yet. Raises EndOfStream at the end, Misspoken for what cannot be."""

    def run(self, talk: Talk[T]) -> Talk[T]:
        """The same conversation, within."""
        try:
            act = next(talk)
            while True:
                try:
                    came = yield from self._do(act)
                except (EndOfStream, Misspoken) as problem:  # whoever waits for it is told
                    act = talk.throw(problem)
                else:
                    act = talk.send(came)
        except StopIteration as end:
            result: T = end.value
            return result

    def _do(self, act: Act) -> Talk[object]:
        match act:
            case Send(data):
                yield from send(self.seal(data))
                return None
            case Take(count):
                while len(self._waiting) < count:
                    self._waiting += yield from self.more()
                return self._cut(count)
            case TakeSome():
                while not self._waiting:
                    self._waiting += yield from self.more()
                return self._cut(len(self._waiting))
        came: object = yield act
        return came

    def _cut(self, count: int) -> bytes:
        data = bytes(self._waiting[:count])
        del self._waiting[:count]
        return data
