"""Reading YAML that somebody else wrote: a tree of text with places, every problem at once, in bounded time and memory.

A scalar stays the text it is written as; what it means is for the reader's schema to say, not for YAML to guess (`no`
is a word, `1.10` keeps its zero). Aliases, tags and merge keys are refused, and depth, size and number of nodes are
bounded before anything is built, so that no small file can become a large tree.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from portwright.errors import InvalidInput, Problem
from portwright.source import Source

MAX_BYTES = 4 * 2**20
MAX_NODES = 400_000
MAX_DEPTH = 24
MAX_PROBLEMS = 200  # a file with more is something else; the rest would not be read

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the parser in C where PyYAML was built with it
_NULLS = ("", "~", "null")  # YAML 1.2 core schema, 10.3.2


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file."""

    line: int  # 1-based
    column: int  # 1-based


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; `plain` when it is written without quotes."""

    mark: Mark
    text: str
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Report whether nothing is written here."""
        return self.plain and self.text in _NULLS


@dataclass(slots=True)
class Mapping:
    """Keys and values in file order; no key twice."""

    mark: Mark
    items: list[tuple[Scalar, "Node"]] = field(default_factory=list)


@dataclass(slots=True)
class Sequence:
    """Values in file order."""

    mark: Mark
    items: list["Node"] = field(default_factory=list)


Node = Scalar | Mapping | Sequence

KIND = {Scalar: "a single value", Mapping: "a mapping", Sequence: "a list"}


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file as read: its tree, and its lines for quoting."""

    file: str
    root: Node
    lines: tuple[str, ...]

    def source(self, mark: Mark) -> Source:
        """The line at a mark."""
        text = self.lines[mark.line - 1].strip() if mark.line <= len(self.lines) else ""
        return Source(self.file, mark.line, text)


def load_document(path: Path, name: str | None = None) -> Document:
    """The file's single document; `name` is what people call the file. Raises InvalidInput."""
    file = name or str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as problem:
        raise InvalidInput.of(f"cannot be read: {problem.strerror or problem}", file=file) from None
    if len(data) > MAX_BYTES:
        raise InvalidInput.of(f"is larger than {MAX_BYTES // 2**20} MiB", file=file, hint="is this the right file?")
    return parse_document(data, file)


def parse_document(data: bytes, file: str) -> Document:
    """The single document in these bytes. Raises InvalidInput with every problem found."""
    text = _decode(data, file)
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_PARSER):
            builder.take(event)
    except yaml.YAMLError as problem:
        builder.problems.append(_syntax(problem, file))
    except _TooMuch:
        pass
    if builder.problems:
        raise InvalidInput(sorted(builder.problems))
    if builder.root is None:
        raise InvalidInput.of("is empty", file=file)
    return Document(file, builder.root, tuple(text.splitlines()))


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        message = f"is not text in UTF-8 (byte 0x{data[problem.start]:02x})"
        raise InvalidInput.of(message, file=file, line=line) from None


def _syntax(problem: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    said = getattr(problem, "problem", None) or getattr(problem, "reason", None) or "cannot be read"
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    hint = "indent with blanks" if "\\t" in said else ""
    return Problem(file, line, column, "", f"is not YAML: {said}", hint)


class _TooMuch(Exception):
    """The file is larger than any that a person writes; reading stops."""


@dataclass(slots=True)
class _Builder:
    """Builds the tree from parser events with a stack of its own, so that depth is bounded by `MAX_DEPTH` alone."""

    file: str
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    _open: list[Mapping | Sequence] = field(default_factory=list)
    _steps: list[str] = field(default_factory=list)  # per open collection: its own key or number in the one around it
    _keys: list[Scalar | None] = field(default_factory=list)  # per open collection: the key that waits for its value
    _seen: list[dict[str, int]] = field(default_factory=list)  # per open collection: line of each key
    _nodes: int = 0
    _documents: int = 0

    def take(self, event: Any) -> None:
        """Take the next event of the parser."""
        if isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            for stack in (self._open, self._steps, self._keys, self._seen):
                stack.pop()
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop(event, "a second document begins here", "one file holds one document: remove the line '---'")

    def _node(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(event, f"has more than {MAX_NODES} values", "is this the right file?")
        node, step = self._read(event), self._step()
        self._place(node, event)
        if isinstance(node, Scalar):
            return
        self._open.append(node)
        self._steps.append(step)
        self._keys.append(None)
        self._seen.append({})
        if len(self._open) > MAX_DEPTH:
            self._stop(event, f"is nested more than {MAX_DEPTH} levels deep")

    def _read(self, event: Any) -> Node:
        mark = _mark(event)
        if isinstance(event, yaml.AliasEvent):
            self._problem(event, f"the alias *{event.anchor} is refused", "write the value out where it is used")
            return Scalar(mark, "")
        if event.anchor is not None:
            self._problem(event, f"the anchor &{event.anchor} is refused", "write the value out where it is used")
        if event.tag is not None and event.tag != "!":
            self._problem(event, f"the tag {event.tag} is refused", "the schema says what a value is")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(mark, event.value, not event.style)  # None in Python's parser, empty in C's
        return Mapping(mark) if isinstance(event, yaml.MappingStartEvent) else Sequence(mark)

    def _place(self, node: Node, event: Any) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif (key := self._keys[-1]) is not None:
            parent.items.append((key, node))
            self._keys[-1] = None
        else:
            self._keys[-1] = self._key(node, event)

    def _key(self, node: Node, event: Any) -> Scalar:
        if not isinstance(node, Scalar):
            self._problem(event, f"{KIND[type(node)]} cannot be a key")
            return Scalar(node.mark, "")
        if node.text == "<<" and node.plain:
            self._problem(event, "the merge key << is refused", "write the values out where they are used")
        elif node.text in self._seen[-1]:
            self._problem(event, f"'{_short(node.text)}' is here twice; first in line {self._seen[-1][node.text]}")
        self._seen[-1].setdefault(node.text, node.mark.line)
        return node

    def _problem(self, event: Any, message: str, hint: str = "") -> None:
        mark = _mark(event)
        self.problems.append(Problem(self.file, mark.line, mark.column, self._path(), message, hint))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _TooMuch

    def _stop(self, event: Any, message: str, hint: str = "") -> None:
        self._problem(event, message, hint)
        raise _TooMuch

    def _step(self) -> str:
        """What leads to the next value: its key, or its number in a list; empty for a key and for the root."""
        if not self._open:
            return ""
        parent, key = self._open[-1], self._keys[-1]
        if isinstance(parent, Sequence):
            return str(len(parent.items))
        return key.text if key is not None else ""

    def _path(self) -> str:
        return ".".join(step for step in (*self._steps, self._step()) if step)[:200]


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
