"""The text of a configuration as lines that can be changed, with what the lines define."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from portwright.platforms.cisco_asa.access_lists import is_remark
from portwright.platforms.cisco_asa.draft import Reader, takes_body
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Block, Line, blocks_of, lines_of
from portwright.platforms.cisco_asa.objects import Objects

DENIES_ALL = "extended deny ip any any"  # "any" is of both IP versions from 9.0 on
LEVELS = "same-security-traffic"
_ASIDE = ("log", "inactive")


def identity(words: tuple[str, ...]) -> tuple[str, ...]:
    """What makes an entry the same as another: a device takes it only once, whatever it logs."""
    at = min((words.index(word) for word in _ASIDE if word in words[4:]), default=len(words))
    return words[:at]


class Listing:
    """One configuration. Line numbers count from 1, as in an editor."""

    def __init__(self, text: str):
        self.text = text
        self.lines = text.split("\n")
        self._by_number = {line.number: line for line in lines_of(text.removeprefix("\ufeff"))}
        self._blocks = tuple(blocks_of(self._by_number.values(), takes_body))
        self.lists: dict[str, list[Line]] = {}  # access lists with their remarks, in order
        for block in self._blocks:
            if block.head.words[0] == "access-list" and len(block.head.words) > 2:
                self.lists.setdefault(block.head.words[1], []).append(block.head)

    @cached_property
    def objects(self) -> Objects:
        """What the objects and groups of the configuration stand for."""
        ledger = Ledger("", None)
        reader = Reader(ledger, range(len(self.lines) + 1))
        for block in self._blocks:
            if block.head.words[0] in ("name", "object", "object-group"):
                reader.read(block)
        reader.draft.objects.resolve()
        return reader.draft.objects

    def at(self, number: int) -> Line | None:
        """The line with this number, if there is something on it."""
        return self._by_number.get(number)

    def blocks_of(self, word: str) -> Iterator[Block]:
        """The commands that begin with a word, with what belongs to them."""
        return (block for block in self._blocks if block.head.words[0] == word)

    def commands_of(self, word: str) -> Iterator[tuple[str, ...]]:
        """The words of the commands that begin with a word."""
        return (block.head.words for block in self.blocks_of(word))

    def position(self, name: str, number: int) -> int:
        """Which line of an access list stands first from a line of the file on, counting remarks."""
        return 1 + sum(line.number < number for line in self.lists.get(name, ()))

    def all_lines(self) -> Iterable[Line]:
        """The lines that are not empty."""
        return self._by_number.values()

    def body_of(self, head: str) -> list[Line]:
        """The lines below a command, wherever it stands again: a running-config has translations of objects apart."""
        words = tuple(head.split())
        return [line for block in self.blocks_of(words[0]) if block.head.words == words for line in block.body]

    @property
    def global_lists(self) -> tuple[str, ...]:
        """The access lists that are bound to all interfaces."""
        return tuple(words[1] for words in self.commands_of("access-group") if words[2:] == ("global",))

    def list_of(self, interface: str) -> str | None:
        """The access list for what arrives on an interface; None where there is none."""
        found = (words for words in self.commands_of("access-group") if words[2:5] == ("in", "interface", interface))
        return next((words[1] for words in found), None)

    def entries_of(self, name: str) -> list[Line]:
        """The entries of an access list, without its remarks."""
        return [line for line in self.lists.get(name, ()) if not is_remark(line.words)]

    def entry(self, name: str, text: str) -> Line | None:
        """The entry of an access list that matches the same as another one, whatever is logged of it."""
        wanted = identity(tuple(text.split()[2:]))
        return next((line for line in self.entries_of(name) if identity(line.words[2:]) == wanted), None)

    def end_of(self, name: str) -> int:
        """The line of the file behind an access list."""
        return self.lists[name][-1].number + 1

    def above_remarks(self, name: str, number: int) -> int:
        """The line of the file above an entry and above the remarks that stand on it."""
        for line in reversed(self.lists[name]):
            if line.number == number - 1 and is_remark(line.words):
                number -= 1
        return number

    def behind(self, word: str) -> int:
        """The line of the file behind the last command that begins with a word; without one where access lists end."""
        found = [block.head.number for block in self.blocks_of(word)]
        found = found or [lines[-1].number for lines in self.lists.values()]
        return max(found, default=self.end - 1) + 1

    @property
    def end(self) -> int:
        """The line of the file where the configuration ends."""
        ends = (number for number, line in enumerate(self.lines, 1) if line.startswith((": end", "Cryptochecksum")))
        return next(ends, len(self.lines))

    @property
    def start(self) -> int:
        """The line of the file behind the commands for all interfaces, in front of the first definition."""
        levels = [block.head.number + 1 for block in self.blocks_of(LEVELS)]
        words = ("object", "object-group", "access-list", "access-group")
        heads = (block.head.number for block in self._blocks if block.head.words[0] in words)
        return max(levels) if levels else min(heads, default=self.end)

    @property
    def first_list(self) -> int:
        """The line of the file where the access lists begin: objects stand above."""
        return min((lines[0].number for lines in self.lists.values()), default=self.end)

    def with_lines(self, number: int, new: Iterable[str], definitions: Sequence[str]) -> str:
        """The text with new lines in front of a line, and with definitions where they belong."""
        lines = list(self.lines)
        lines[number - 1 : number - 1] = new
        above = min(self.first_list, number) - 1
        lines[above:above] = definitions
        return "\n".join(lines)

    def without_lines(self, first: int, last: int) -> str:
        """The text without the lines from one to another."""
        return "\n".join([*self.lines[: first - 1], *self.lines[last:]])
