"""Packets that take longer, in any kernel: what a host sends is kept for a while before the network has it."""

import contextlib
import ctypes
import heapq
import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from fcntl import ioctl

_EVERY_PROTOCOL = 0x0003  # linux/if_ether.h: ETH_P_ALL
_SIOCETHTOOL = 0x8946  # linux/sockios.h
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)  # linux/ethtool.h: ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO
_OUTGOING = 4  # linux/if_packet.h: PACKET_OUTGOING
_LONGEST = 1 << 16  # bytes of a frame


def plain(interface: str) -> None:
    """Have the kernel finish each packet that it sends there, checksum and all, before somebody else carries it on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        for command in _OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(value))
            with contextlib.suppress(OSError):  # what it does not have it need not leave
                ioctl(made, _SIOCETHTOOL, request)


@dataclass(slots=True)
class Delays:
    """Carries frames from one interface to another, some of them late."""

    seconds: float
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _waiting: list[tuple[float, int, socket.socket, bytes]] = field(default_factory=list)
    _count: int = 0

    def join(self, late: str, at_once: str) -> None:
        """Carry what comes on the first interface to the second late, and what comes on the second at once.

        To be called in the namespace that has both.
        """
        one, other = _opened(late), _opened(at_once)
        self._selector.register(one, selectors.EVENT_READ, (other, self.seconds))
        self._selector.register(other, selectors.EVENT_READ, (one, 0.0))

    def start(self) -> None:
        """Begin, in a thread that ends with the process."""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            soon = max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else 1.0
            for key, _ in self._selector.select(soon):
                assert isinstance(key.fileobj, socket.socket)
                self._take(key.fileobj, *key.data)
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, target, frame = heapq.heappop(self._waiting)
                _sent(target, frame)

    def _take(self, source: socket.socket, target: socket.socket, seconds: float) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                frame, (_, _, kind, *_) = source.recvfrom(_LONGEST)
                if kind == _OUTGOING:
                    continue
                if not seconds:
                    _sent(target, frame)
                    continue
                self._count += 1
                heapq.heappush(self._waiting, (time.monotonic() + seconds, self._count, target, frame))


def _opened(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_PROTOCOL))
    made.bind((interface, _EVERY_PROTOCOL))
    made.setblocking(False)
    return made


def _sent(target: socket.socket, frame: bytes) -> None:
    with contextlib.suppress(OSError):  # a frame that the network does not take is lost, as in any other
        target.send(frame)
