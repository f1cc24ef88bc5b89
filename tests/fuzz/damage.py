"""Damages inputs: words, lines, blocks and bytes, by what has broken parsers before."""

import re
from collections.abc import Callable, Sequence
from random import Random

Damage = Callable[[bytes, Sequence[bytes], Random], bytes]

_EXTREME = (  # words that sit at the edges of what a field may hold
    b"0", b"-1", b"65535", b"65536", b"4294967296", b"9" * 400, b"1e400", b"0x7fffffffffffffffffff", b"\xff\xfe\x00",
    b"255.255.255.255", b"256.1.1.1", b"0.0.0.0/0", b"10.0.0.0/33", b"::", b"::/129", b"1::2::3", b"any", b"*",
    b"!", b"", b"\xd9\xa1\xd9\xa2", b"\xc2\xb2", b"%s%n", b"../../etc/passwd", b"&a", b"*a", b"{{", b"}}", b"[[",
    b'"', b"'", b"\\", b"\t", b"\xe2\x80\xae", b"\xf0\x9f\x92\xa5", b"null", b"true", b"NaN", b"a" * 3000,
)  # fmt: skip
_MOST = 2_000_000  # bytes; what readers refuse by its size alone is no news
_WORD = re.compile(rb"[^\s{}()\[\],;:\"']+")


def damaged(sample: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """A sample with one to six kinds of damage; `others` are samples to take pieces from."""
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        sample = random.choice(_DAMAGES)(sample, others, random)
    return sample[:_MOST]


def _word(sample: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Another word, an extreme one or one of some sample, in the place of a word."""
    places = list(_WORD.finditer(sample[:200_000]))
    if not places:
        return random.choice(_EXTREME)
    place = random.choice(places)
    there = random.choice(list(_WORD.finditer(random.choice(others)[:200_000])) or [None])
    new = random.choice(_EXTREME) if there is None or random.random() < 0.5 else there[0]
    return sample[: place.start()] + new + sample[place.end() :]


def _lines(sample: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Lines left out, doubled, moved, indented, or brought in from elsewhere."""
    lines = sample.split(b"\n")
    at, to = random.randrange(len(lines)), random.randrange(len(lines))
    first, last = min(at, to), min(max(at, to) + 1, min(at, to) + 30)
    match random.choice(("cut", "double", "move", "indent", "bring", "join")):
        case "cut":
            del lines[first:last]
        case "double":
            lines[at:at] = lines[first:last]
        case "move":
            lines.insert(to, lines.pop(at))
        case "indent":
            lines[at] = b" " * random.choice((1, 2, 4, 400)) + lines[at].lstrip()
        case "bring":
            theirs = random.choice(others).split(b"\n")
            start = random.randrange(len(theirs))
            lines[at:at] = theirs[start : start + random.randrange(1, 20)]
        case "join":
            lines[at : at + 2] = [b" ".join(lines[at : at + 2])]
    return b"\n".join(lines)


def _bytes(sample: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Single bytes changed, left out or put in; the end cut off."""
    del others
    at = random.randrange(len(sample) + 1)
    match random.choice(("flip", "cut", "put", "end")):
        case "flip":
            return sample[:at] + bytes([random.randrange(256)]) + sample[at + 1 :]
        case "cut":
            return sample[:at] + sample[at + random.randrange(1, 9) :]
        case "put":
            return sample[:at] + bytes(random.choices(range(256), k=random.randrange(1, 9))) + sample[at:]
    return sample[:at]


def _much(sample: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Something very often: a line, a word, an opening bracket."""
    del others
    at = random.randrange(len(sample) + 1)
    lines = sample.split(b"\n")
    piece = random.choice(
        (random.choice(lines) + b"\n", b"{", b"[", b"(", b"- ", b"a: {", b"1,", b"!", b" x", b'"', b"\n")
    )
    return sample[:at] + piece * min(random.choice((50, 1000, 20_000)), 400_000 // len(piece)) + sample[at:]


def _wrap(sample: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """The whole in another encoding, or with other ends of lines."""
    del others
    match random.choice(("utf-16", "bom", "crlf", "cr", "nul")):
        case "utf-16":
            return sample.decode("utf-8", "replace").encode("utf-16")
        case "bom":
            return b"\xef\xbb\xbf" + sample
        case "crlf":
            return sample.replace(b"\n", b"\r\n")
        case "cr":
            return sample.replace(b"\n", b"\r")
    return sample.replace(b" ", b"\0", 3)


_DAMAGES: tuple[Damage, ...] = (_word, _word, _word, _lines, _lines, _bytes, _much, _wrap)
