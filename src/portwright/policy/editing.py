"""Changes of a configuration's text: what a platform offers that can put a rule into it, or take one out."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from portwright.packets.packetset import PacketSet
from portwright.policy.intent import Intended
from portwright.policy.model import Rule
from portwright.policy.obstruction import Obstruction


@dataclass(frozen=True, slots=True)
class Edit:
    """One step of a change."""

    text: str  # the whole configuration with it
    added: tuple[str, ...]  # lines that are new
    removed: tuple[str, ...] = ()  # lines that are gone
    place: str = ""  # for people: where the lines stand
    scope: str = ""  # why it may let pass more than is needed; empty where it says exactly what
    is_narrowest: bool = False  # the platform has nothing that lets pass less


@dataclass(frozen=True, slots=True)
class Target:
    """Where translated packets are to go."""

    version: int
    address: int
    port: int | None  # None: the one that they are sent to

    @property
    def host(self) -> str:
        """The address as text."""
        return str((IPv4Address if self.version == 4 else IPv6Address)(self.address))


class Editor(Protocol):
    """What the module of a platform that changes configurations offers. Nothing that it proposes is proved yet."""

    SUFFIX: str  # of its files
    TELLS_DEPARTURE: bool  # a rule can say on which interface packets leave; otherwise routes alone do
    TELLS_STATE: bool  # a rule can say in which state of its connection a packet is

    def permitting(self, text: str, rule: Intended, at: Obstruction) -> Iterator[Edit]:
        """Ways to let traffic pass what obstructs it, the one to prefer first; none where no rule can."""

    def answering(self, text: str, at: Obstruction) -> Iterator[Edit]:
        """Ways to let packets of known connections pass what obstructs them."""

    def removing(self, text: str, rule: Rule, packets: PacketSet) -> Iterator[Edit]:
        """Ways to take out what lets these packets pass by a rule: a part of it, or its line."""

    def leading(self, text: str, rule: Rule, to: Target) -> Iterator[Edit]:
        """Ways to lead what a rule translates to another address; none where it is not certain what to write."""

    def commands(self, old: str, new: str) -> tuple[str, ...]:
        """The commands that make one text the other, in their order."""

    def applied(self, text: str, commands: tuple[str, ...]) -> str:
        """A text that means what the configuration is after these commands, worked out from the commands alone."""

    def comment(self, text: str) -> str:
        """A line that says something and does nothing."""
