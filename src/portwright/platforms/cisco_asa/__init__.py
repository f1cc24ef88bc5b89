"""Reads the running-config of a Cisco ASA, release 8.3 and later."""

import re
from itertools import islice

from portwright.errors import InvalidInput
from portwright.platforms.cisco_asa.draft import Reader, takes_body
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Line, blocks_of, lines_of
from portwright.platforms.cisco_asa.policy import Builder
from portwright.platforms.cisco_asa.usage import remark_on_unused, seems_cut_off, used_words
from portwright.policy.configuration import Configuration
from portwright.source import Source

NAME = "cisco-asa"
TITLE = "Cisco ASA running-config (release 8.3 and later)"

_HINT = "export it with 'terminal pager 0' and 'show running-config'"
_TYPICAL = re.compile(
    r"^(?:ASA Version |PIX Version |FWSM Version |NGFW Version |: Hardware: +ASA|"
    r"[ \t]*nameif \S|[ \t]*security-level \d|"
    r"access-group \S+ (?:global|(?:in|out) interface)|access-list \S+ (?:line \d+ )?(?:extended|advanced) |"
    r"object network \S|nat \(\S+,\S+\) |object-group (?:network|service|protocol|icmp-type) \S)",
    re.MULTILINE,
)
_FOREIGN = re.compile(  # other systems of the same vendor
    r"^(?:version \d+\.\d|ip access-list |service timestamps |line vty |feature (?!tier |strong-|context |carrier)\S|"
    r"vrf context |!! IOS XR)",
    re.MULTILINE,
)
_END = re.compile(r"^(?:: end|Cryptochecksum:.*)\s*$")
_STRANGE = re.compile(r"[\x00-\x08\x0e-\x1f]")
_MAXIMUM_STRANGE = 20  # a few control characters come from terminals


def recognizes(text: str) -> bool:
    """Report whether the text looks like a running-config of an ASA or one of its relatives."""
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith(("{", "[", "<?", "<config")):
        return False
    return _TYPICAL.search(text) is not None and _FOREIGN.search(text) is None


def parse(text: str, file: str) -> Configuration:
    """What the configuration means. Raises InvalidInput with every problem."""
    _check(text, file)
    lines = list(lines_of(text.removeprefix("\ufeff")))
    ended = any(_END.match(line.text) for line in lines)
    ledger = Ledger(file, None if ended or not lines else lines[-1].number)
    ledger.inert(sum(line.text[0] in "!:" for line in lines))
    reader = Reader(ledger, _configuration_of(lines))
    blocks = list(blocks_of(lines, takes_body))
    for block in blocks:
        reader.read(block)
    reader.finish()
    if reader.draft.release is None:
        ledger.note(Source(file, 0), "no 'ASA Version' line: read as release 9.0 or later")
    used = used_words(blocks)
    remark_on_unused(reader.draft, used, ledger)
    if not ended:
        _note_the_end(ledger, lines[-1])
        if blocks and seems_cut_off(reader.draft, used, blocks[-1]):
            message = "the file stops here, before any access-group: it may be cut off"
            ledger.not_understood(blocks[-1].head, message, "point")
    return Builder(reader.draft, ledger, NAME).build()


def _check(text: str, file: str) -> None:
    strange = sum(1 for _ in islice(_STRANGE.finditer(text), _MAXIMUM_STRANGE + 1))
    if "\x00" in text or strange > _MAXIMUM_STRANGE:
        raise InvalidInput.of("this is not text", file=file, hint=_HINT)
    if not recognizes(text):
        raise InvalidInput.of("this is not the running-config of a Cisco ASA", file=file, hint=_HINT)


def _configuration_of(lines: list[Line]) -> range:
    """The lines from the version to the end: around them stands what else the terminal showed."""
    first = next((line.number for line in lines if line.words[:2] == ("ASA", "Version")), 0)
    last = next((line.number for line in reversed(lines) if _END.match(line.text)), lines[-1].number if lines else 0)
    return range(first, last + 1)


def _note_the_end(ledger: Ledger, last: Line) -> None:
    ledger.note(Source(ledger.file, last.number), "the file does not end in ': end': it may be cut off")
