"""Captures of what each point of a lab sees, as files that Wireshark and tcpdump read (pcapng)."""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from portwright.rehearse.netns import Network

_EVERY_PROTOCOL = 0x0003  # linux/if_ether.h: ETH_P_ALL
_SNAPSHOT = 1 << 16  # bytes of a packet
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # linux/socket.h, linux/if_packet.h
_PATIENCE = 0.2  # seconds between two looks at whether it is over
# draft-ietf-opsawg-pcapng, 4: blocks of a section, an interface, a packet; LINKTYPE_ETHERNET
_SECTION, _INTERFACE, _PACKET, _ETHERNET = 0x0A0D0D0A, 1, 6, 1
_NAME_OPTION = 2


class Captures:
    """One file for each point, written until `close`."""

    def __init__(self, network: Network, points: Mapping[str, str], folder: Path) -> None:
        """Begin, at the nodes on which the points stand. Raises OSError where a file cannot be written."""
        self._selector = selectors.DefaultSelector()
        self._files: list[_File] = []
        self.is_over = False
        self._problem = ""  # why not everything could be written
        for point, node in points.items():
            with network.within(node):
                made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_PROTOCOL))
                made.setblocking(False)
                file = _File(folder / f"{point}.pcapng", socket.if_nameindex())
            self._files.append(file)
            self._selector.register(made, selectors.EVENT_READ, file)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self.is_over:
            for key, _ in self._selector.select(_PATIENCE):
                assert isinstance(key.fileobj, socket.socket)
                try:
                    key.data.take(key.fileobj)
                except OSError as problem:
                    self._problem = problem.strerror or str(problem)
                    return

    def close(self) -> str:
        """Write what is left, and end; why not everything could be written, in a sentence, else nothing."""
        time.sleep(_PATIENCE)
        self.is_over = True
        self._thread.join()
        if not self._problem and any(_lost(key.fileobj) for key in self._selector.get_map().values()):
            self._problem = "more came than could be written"
        for file in self._files:
            try:
                file.close(is_whole=not self._problem)
            except OSError as problem:
                self._problem = problem.strerror or str(problem)
        return f"the captures are not whole: {self._problem}" if self._problem else ""


def _lost(made: object) -> int:
    """How many packets the kernel had no room for, packet(7)."""
    assert isinstance(made, socket.socket)
    _, lost = struct.unpack("II", made.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    return int(lost)


class _File:
    """A file in the making: it has its name when it is whole."""

    def __init__(self, path: Path, interfaces: list[tuple[int, str]]) -> None:
        self._path, self._made = path, path.with_name(f".{path.name}.part")
        self._stream: BinaryIO = self._made.open("wb")
        self._numbers = {name: number for number, (_, name) in enumerate(interfaces)}
        self._stream.write(_block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for _, name in interfaces:
            option = name.encode()
            options = struct.pack("<HH", _NAME_OPTION, len(option)) + _padded(option) + bytes(4)
            self._stream.write(_block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, _SNAPSHOT) + options))

    def take(self, made: socket.socket) -> None:
        """Write every packet that is there."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, (interface, *_) = made.recvfrom(_SNAPSHOT)
                now = time.time_ns() // 1000
                head = struct.pack(
                    "<IIIII", self._numbers.get(interface, 0), now >> 32, now & 0xFFFFFFFF, len(data), len(data)
                )
                self._stream.write(_block(_PACKET, head + _padded(data)))

    def close(self, *, is_whole: bool) -> None:
        """Give it its name; take it away where it is not whole. Raises OSError."""
        try:
            self._stream.close()
        except OSError:
            is_whole = False
            raise
        finally:
            self._made.replace(self._path) if is_whole else self._made.unlink()


def _block(kind: int, body: bytes) -> bytes:
    size = 12 + len(body)
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
