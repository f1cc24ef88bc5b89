"""A line of iptables-save as words, and words as options."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portwright.platforms.iptables.syntax import Option

# libxtables, xtables_save_string: quoted where a word has blanks or marks, with backslashes inside quotes alone
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)|(")')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and whether it stood between quotation marks."""

    text: str
    is_quoted: bool = False

    @property
    def is_option(self) -> bool:
        """Report whether the word names an option."""
        text = self.text
        begins = not self.is_quoted and len(text) > 1 and text[0] == "-"
        return begins and (not text[1].isdigit() or text in ("-4", "-6"))

    @property
    def is_not(self) -> bool:
        """Report whether the word negates an option."""
        return not self.is_quoted and self.text == "!"


def words(line: str) -> list[Word]:
    """The words of a line. Raises ValueError for a quotation mark that is not closed."""
    found = []
    for word in _WORD.finditer(line):
        if word[3]:
            raise ValueError("a quotation mark is not closed")
        is_quoted = word[1] is not None
        found.append(Word(_ESCAPED.sub(r"\1", word[1]) if is_quoted else word[2], is_quoted))
    return found


_NAMES = {  # iptables(8): the long and the older names of options -> the one by which they are known here
    "--append": "-A", "--insert": "-I", "--new-chain": "-N", "--flush": "-F", "--policy": "-P", "--match": "-m",
    "--jump": "-j", "--goto": "-g", "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d",
    "--protocol": "-p", "--proto": "-p", "--in-interface": "-i", "--out-interface": "-o", "--fragment": "-f",
    "--fragments": "-f", "--set-counters": "-c", "--ipv4": "-4", "--ipv6": "-6", "--source-port": "--sport",
    "--source-ports": "--sports", "--destination-port": "--dport", "--destination-ports": "--dports",
    "--port": "--ports", "--to-port": "--to-ports", "--modprobe": "-M", "--wait": "-w", "--set-mark": "--set-xmark",
}  # fmt: skip
_ONE_VALUE = frozenset({  # options whose value may look like an option
    "--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--string", "--hex-string", "--name",
    "--hashlimit-name", "--u32", "--bytecode", "--bytecode-pinned", "--object-pinned", "-m", "-j", "-g",
    "-A",
})  # fmt: skip
_NO_VALUE = frozenset({"--syn", "-f", "-4", "-6", "--notrack", "--return-nomatch", "--set", "--rcheck", "--random"})


def options(line: Sequence[Word]) -> Iterator[Option]:
    """The options of a line with their values; words in front of the first come under an empty name."""
    at, is_negated = 0, False
    while at < len(line):
        word = line[at]
        at += 1
        if word.is_not:
            is_negated = not is_negated
            continue
        name = _NAMES.get(word.text, word.text) if word.is_option else ""
        values = [] if name else [word.text]
        if name and at + 1 < len(line) and line[at].is_not and not line[at + 1].is_option:
            is_negated, at = not is_negated, at + 1  # `-s ! 10.0.0.0/8`, as it was written before iptables 1.4.3
        while at < len(line) and _is_value(line[at], name, len(values)):
            values.append(line[at].text)
            at += 1
        yield Option(name, tuple(values), is_negated)
        is_negated = False


def _is_value(word: Word, name: str, count: int) -> bool:
    """Report whether a word is one more value of an option that has so many."""
    if name in _NO_VALUE:
        return False
    if name in _ONE_VALUE:
        return count == 0
    return not word.is_option and not word.is_not
