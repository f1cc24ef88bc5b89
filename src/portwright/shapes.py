"""What a value in a file may be: one definition that reads it, names every problem, and gives its JSON Schema.

A shape reads a node of a `yamlfile.Document` into a value. When the node is wrong it notes a problem in the `Ledger`
and raises `Wrong`; a collection goes on without the wrong part, so that one run finds every problem, those too that
show only when the parts are put together. In the end `Ledger.settle` raises if there was any, and nothing half-read
gets out. Names that refer to something are noted in the ledger too, and looked up when all files are read.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

from portwright.errors import InvalidInput, Problem
from portwright.source import Source
from portwright.yamlfile import KIND, MAX_PROBLEMS, Document, Node, Scalar, Sequence
from portwright.yamlfile import Mapping as MappingNode

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Json = dict[str, Any]


class Wrong(Exception):
    """The node is not of the shape; the problem has been noted."""


@dataclass(slots=True)
class Ledger:
    """What reading has noted so far, over all files: problems, the names that are declared, the names that are used."""

    problems: list[Problem] = field(default_factory=list)
    declared: dict[str, dict[str, "Use | None"]] = field(default_factory=dict)  # kind -> name -> where, if in a file
    used: list["Use"] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Report whether there are so many problems that no more are noted."""
        return len(self.problems) >= MAX_PROBLEMS

    def settle(self) -> None:
        """Note every name that is used but declared nowhere. Raises InvalidInput if anything at all is wrong."""
        for use in self.used:
            if self.is_full:
                break
            known = [self.declared.get(kind, {}) for kind in use.kinds]
            if not any(use.name in names for names in known):
                message = f"there is no {' or '.join(use.kinds)} '{shorten(use.name)}'"
                use.note(message, suggestion(use.name, chain.from_iterable(known)))
        if self.problems:
            raise InvalidInput(sorted(set(self.problems))[:MAX_PROBLEMS])

    def use(self, kinds: tuple[str, ...], name: str, node: Node, place: "Place") -> None:
        """Note that a name is used that must be declared as one of these kinds."""
        self.used.append(Use(kinds, name, node, place))

    def declare(self, kind: str, names: Iterable[str]) -> None:
        """Make names known that no file declares."""
        self.declared.setdefault(kind, {}).update(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reader is: the document and the path to the node."""

    document: Document
    ledger: Ledger
    path: tuple[str, ...] = ()

    def under(self, step: str) -> "Place":
        """The place one step deeper."""
        return replace(self, path=(*self.path, step))

    def note(self, node: Node, message: str, hint: str = "") -> None:
        """Note a problem with a node. Past `MAX_PROBLEMS` the rest is not noted."""
        if not self.ledger.is_full:
            path = ".".join(self.path)[:200]
            self.ledger.problems.append(Problem(self.document.file, *_at(node), path, message, hint))

    def wrong(self, node: Node, message: str, hint: str = "") -> Wrong:
        """Note a problem with a node, and the exception to raise."""
        self.note(node, message, hint)
        return Wrong(message)


@dataclass(frozen=True, slots=True)
class Use:
    """A name that must be declared somewhere as one of these kinds."""

    kinds: tuple[str, ...]
    name: str
    node: Node
    place: Place

    def note(self, message: str, hint: str = "") -> None:
        """Note a problem with it."""
        self.place.note(self.node, message, hint)

    def __str__(self) -> str:
        return f"{self.place.document.file}:{self.node.mark.line}"


class Shape(Protocol[T_co]):
    """What a value may be."""

    def read(self, node: Node, at: Place) -> T_co:
        """The value of the node. Raises Wrong after noting every problem in it."""
        ...

    def schema(self) -> Json:
        """The same as JSON Schema, draft-07."""
        ...


@dataclass(frozen=True, slots=True)
class Located(Generic[T]):
    """A value that was read, and where it stands: for problems that show only later."""

    value: T
    node: Node
    place: Place

    @property
    def source(self) -> Source:
        """The line it stands in."""
        return self.place.document.source(self.node.mark)

    def note(self, message: str, hint: str = "") -> None:
        """Note a problem with it."""
        self.place.note(self.node, message, hint)


def read(shape: Shape[T], document: Document, ledger: Ledger) -> T | None:
    """The document as a value of the shape; None when something is wrong, which the ledger then holds."""
    try:
        return shape.read(document.root, Place(document, ledger))
    except Wrong:
        return None


_MANY = 500  # names; comparing a word with more takes too long
_FEW = 4  # names that one hint offers
_SHORTEST = 3  # letters by which a word is looked for inside names


def suggestion(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or else all of them when they are few. Capitals do not matter."""
    names = sorted(set(known))
    asked = word[:60].casefold()
    if len(names) > _MANY:
        names = [name for name in names if name[:2].casefold() == asked[:2]][:_MANY]
    folded = {name.casefold(): name for name in names}
    near = get_close_matches(asked, folded, n=1, cutoff=0.6)
    family = [name for name in folded if "/" in asked and name.partition("/")[0] == asked.partition("/")[0]]
    holding = [name for name in folded if len(asked) >= _SHORTEST and asked in name]
    if near and (not family or near[0] in family):
        return f"did you mean {folded[near[0]]}?"
    if meant := family or near or holding:
        return f"did you mean {' or '.join(folded[name] for name in meant[:_FEW])}?"
    if 0 < len(names) <= 12:
        return f"known: {', '.join(names)}"
    return ""


def shorten(text: str) -> str:
    """A text for a message, cut where it is long."""
    return text if len(text) <= 60 else text[:57] + "..."


def _at(node: Node) -> tuple[int, int]:
    return node.mark.line, node.mark.column


def _scalar(node: Node, at: Place, what: str) -> Scalar:
    if not isinstance(node, Scalar):
        raise at.wrong(node, f"expected {what}, found {KIND[type(node)]}")
    if node.is_null:
        raise at.wrong(node, f"expected {what}, found nothing")
    return node


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A text that a function turns into a value, or refuses with ValueError and a sentence."""

    what: str
    parse: Callable[[str], T]
    json: Json = field(default_factory=lambda: {"type": "string"})

    def read(self, node: Node, at: Place) -> T:
        """The parsed text."""
        scalar = _scalar(node, at, self.what)
        try:
            return self.parse(scalar.text)
        except ValueError as problem:
            raise at.wrong(node, str(problem) or f"'{shorten(scalar.text)}' is not {self.what}") from None

    def schema(self) -> Json:
        """A string, or what `json` says."""
        return dict(self.json)


def _choice(values: tuple[str, ...], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"'{shorten(text)}' is not {what}: {', '.join(values)}")
        return text

    return parse


def choice(what: str, *values: str) -> Parsed[str]:
    """One of a few words."""
    return Parsed(what, _choice(values, what), {"enum": list(values)})


def _parse_switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"'{shorten(text)}' is neither true nor false")
    return text == "true"


def _parse_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{shorten(text)}' is not a date; write 2027-06-30") from None


def _parse_text(text: str) -> str:
    if not text.strip():
        raise ValueError("expected text, found nothing")
    return " ".join(text.split())


TEXT = Parsed("text", _parse_text)
VALUE = Parsed("a value", _parse_text, {"type": ["string", "number", "boolean"]})
SWITCH = Parsed("true or false", _parse_switch, {"type": "boolean"})
DATE = Parsed("a date", _parse_date, {"type": "string", "format": "date"})


def number(what: str, first: int, last: int) -> Parsed[int]:
    """A decimal number from `first` to `last`, both inclusive."""

    def parse(text: str) -> int:
        value = int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else first - 1
        if not first <= value <= last:
            raise ValueError(f"'{shorten(text)}' is not {what} ({first} to {last})")
        return value

    return Parsed(what, parse, {"type": "integer", "minimum": first, "maximum": last})


@dataclass(frozen=True, slots=True)
class Name:
    """A name that must be declared somewhere, in this or another file, as one of `kinds`."""

    kinds: tuple[str, ...]

    @classmethod
    def of(cls, *kinds: str) -> "Name":
        """A name of one of these kinds."""
        return cls(kinds)

    def read(self, node: Node, at: Place) -> str:
        """The name; `Ledger.settle` looks it up."""
        name = _scalar(node, at, f"the name of a {self.kinds[0]}").text
        at.ledger.use(self.kinds, name, node, at)
        return name

    def schema(self) -> Json:
        """A string."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Declared:
    """The key of something that the file declares. No kind has a name twice, over all files."""

    kind: str
    key: Parsed[str]

    def read(self, node: Node, at: Place) -> str:
        """The name, now known to the ledger."""
        name = self.key.read(node, at)
        here = Use((self.kind,), name, node, at)
        first = at.ledger.declared.setdefault(self.kind, {}).setdefault(name, here)
        if first is not here:
            raise at.wrong(node, f"{self.kind} '{name}' is declared twice", f"first in {first}" if first else "")
        return name

    def schema(self) -> Json:
        """That of the key."""
        return self.key.schema()


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """A shape whose value keeps its place in the file."""

    of: Shape[T]

    def read(self, node: Node, at: Place) -> Located[T]:
        """The value and its place."""
        return Located(self.of.read(node, at), node, at)

    def schema(self) -> Json:
        """That of the shape inside."""
        return self.of.schema()


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list; with `or_one`, a single value stands for a list of one."""

    of: Shape[T]
    or_one: bool = False

    def read(self, node: Node, at: Place) -> tuple[T, ...]:
        """The values, every wrong one noted."""
        if self.or_one and not isinstance(node, Sequence):
            return (self.of.read(node, at),)
        if not isinstance(node, Sequence):
            raise at.wrong(node, f"expected a list, found {_found(node)}", _in_brackets(node))
        return tuple(_gather(self.of, ((str(i), item) for i, item in enumerate(node.items)), at).values())

    def schema(self) -> Json:
        """An array, or one item."""
        array: Json = {"type": "array", "items": self.of.schema()}
        return {"anyOf": [self.of.schema(), array]} if self.or_one else array


@dataclass(frozen=True, slots=True)
class MapOf(Generic[T]):
    """A mapping from names of the author's own to values of one shape."""

    key: Shape[str]
    of: Shape[T]

    def read(self, node: Node, at: Place) -> dict[str, T]:
        """The values by name, every wrong one noted."""
        if not isinstance(node, MappingNode):
            raise at.wrong(node, f"expected a mapping, found {_found(node)}")
        known = _gather(self.key, ((key.text, key) for key, _ in node.items), at)
        values = _gather(self.of, ((key.text, item) for key, item in node.items), at)
        return {name: value for name, value in values.items() if name in known}

    def schema(self) -> Json:
        """An object with any properties of the one kind."""
        names = {"propertyNames": self.key.schema()} if "pattern" in self.key.schema() else {}
        return {"type": "object", "additionalProperties": self.of.schema(), **names}


def _found(node: Node) -> str:
    return "nothing" if isinstance(node, Scalar) and node.is_null else KIND[type(node)]


def _in_brackets(node: Node) -> str:
    """How the one value would be written as a list."""
    return f"write it in brackets: [{shorten(node.text)}]" if isinstance(node, Scalar) and not node.is_null else ""


def _gather(shape: Shape[T], parts: Iterable[tuple[str, Node]], at: Place) -> dict[str, T]:
    """Every part that is of the shape. What is wrong with the others has been noted."""
    values: dict[str, T] = {}
    for step, node in parts:
        with suppress(Wrong):
            values[step] = shape.read(node, at.under(step))
    return values


_NOTHING: Any = object()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a record: the shape of its value, and what stands when it is left out (nothing: it must be there)."""

    shape: Shape[Any]
    default: Any = _NOTHING
    about: str = ""  # for people, in the JSON Schema
    name: str = ""  # the argument of `build` when it differs from the key


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """A mapping with known keys. `build` gets the values as keyword arguments."""

    what: str
    build: Callable[..., T]
    keys: Mapping[str, Key]
    named: str = ""  # the argument of `build` that gets the record's own key in the mapping around it
    sourced: str = ""  # the argument of `build` that gets its Source
    check: Callable[[T], str] | None = None  # what is wrong with the whole, in a sentence; empty: nothing

    def read(self, node: Node, at: Place) -> T:
        """The built value. Notes unknown and missing keys, and every wrong value."""
        if not isinstance(node, MappingNode):
            raise at.wrong(node, f"expected {self.what}, a mapping, found {_found(node)}")
        before = len(at.ledger.problems)
        values = self._values(node, at)
        if self._missing(node, at) or len(values) < len(self.keys):
            raise Wrong
        if self.named:
            values[self.named] = at.path[-1]
        if self.sourced:
            values[self.sourced] = at.document.source(node.mark)
        built = self.build(**values)
        is_whole = len(at.ledger.problems) == before
        if self.check and is_whole and (message := self.check(built)):
            raise at.wrong(node, message)
        return built

    def _values(self, node: MappingNode, at: Place) -> dict[str, Any]:
        values = {key.name or name: key.default for name, key in self.keys.items() if key.default is not _NOTHING}
        for name, item in node.items:
            key = self.keys.get(name.text)
            if key is None:
                self._note_unknown(name, at)
                continue
            with suppress(Wrong):
                values[key.name or name.text] = key.shape.read(item, at.under(name.text))
        return values

    def _note_unknown(self, name: Scalar, at: Place) -> None:
        if not at.ledger.is_full:
            hint = suggestion(name.text, self.keys)
            at.under(name.text).note(name, f"{self.what} has no '{shorten(name.text)}'", hint)

    def _missing(self, node: MappingNode, at: Place) -> bool:
        present = {name.text for name, _ in node.items}
        missing = [name for name, key in self.keys.items() if key.default is _NOTHING and name not in present]
        for name in missing:
            at.note(node, f"{self.what} needs '{name}'", self.keys[name].about)
        return bool(missing)

    def schema(self) -> Json:
        """An object with exactly these properties."""
        properties = {}
        for name, key in self.keys.items():
            about = {"description": key.about} if key.about else {}
            properties[name] = {**about, **key.shape.schema()}
        required = [name for name, key in self.keys.items() if key.default is _NOTHING]
        schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**schema, "required": required} if required else schema
