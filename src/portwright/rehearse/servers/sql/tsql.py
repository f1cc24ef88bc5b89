"""Transact-SQL as SQLite runs it: the statements of a batch, told apart and put into other words.

Only what the servers and clients of a rehearsal need is known; the rest is refused by name, never guessed at.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from portwright.rehearse.servers.sql.problems import SqlProblem

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
      | (?P<text>[Nn]?'(?:[^']|'')*')
      | (?P<name>\[(?:[^\]]|\]\])*\]|"(?:[^"]|"")*")
      | (?P<number>0[xX][0-9A-Fa-f]*|[0-9]+(?:\.[0-9]*)?)
      | (?P<variable>@@?[A-Za-z_0-9#$]+)
      | (?P<word>[A-Za-z_\#][A-Za-z_0-9\#$@]*)
      | (?P<sign><>|<=|>=|!=|\|\||[^\s'"\[])
    """,
    re.VERBOSE,
)
_LONGEST = 1 << 20  # characters of a batch
_STARTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "SET", "USE", "PRINT", "CREATE")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement."""

    kind: str  # text, name, number, variable, word or sign
    text: str

    @property
    def upper(self) -> str:
        """A word in capitals; of other pieces nothing, so that they are never taken for a word."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def identifier(self) -> str:
        """The name that it stands for; empty where it is none."""
        if self.kind == "name":
            return self.text[1:-1].replace("]]", "]") if self.text[0] == "[" else self.text[1:-1].replace('""', '"')
        return self.text if self.kind == "word" else ""


Statement = tuple[Token, ...]


def statements(batch: str) -> tuple[Statement, ...]:
    """The statements of a batch. Raises SqlProblem."""
    found: list[Statement] = []
    current: list[Token] = []
    for token in _tokens(batch):
        if token.text == ";" or (token.upper in _STARTS and _ends_before(current, token)):
            found.append(tuple(current))
            current = []
        if token.text != ";":
            current.append(token)
    return tuple(one for one in (*found, tuple(current)) if one)


def _tokens(batch: str) -> Iterator[Token]:
    if len(batch) > _LONGEST:
        raise SqlProblem(103, f"The batch is longer than {_LONGEST} characters.")
    at = 0
    while at < len(batch):
        match = _TOKEN.match(batch, at)
        if match is None:
            raise SqlProblem(105, "Unclosed quotation mark after the character string.", 15)
        at = match.end()
        if match.lastgroup != "space":
            yield Token(match.lastgroup or "", match.group())


def _ends_before(current: Sequence[Token], token: Token) -> bool:
    """Report whether a statement without a semicolon ends where another could begin."""
    if not current or token.upper in ("USE", "PRINT"):
        return bool(current)
    if current[0].upper in ("USE", "PRINT"):
        return len(current) > 1
    return current[0].upper == "SET" and len(current) > 2 and token.upper != "SET"


def run_by_sqlite(statement: Statement, database: str, databases: Iterable[str]) -> str:
    """A statement in the words of SQLite. Raises SqlProblem for a database that is not there."""
    known = {one.lower(): one for one in databases}
    return _pages(list(_renamed(list(statement), database, known)))


def _renamed(tokens: list[Token], database: str, known: dict[str, str]) -> Iterator[Token]:
    """Names of tables without their schema, values and functions of SQL Server as SQLite has them."""
    place = 0
    while place < len(tokens):
        if tokens[place].upper == "WITH":
            place += _hint(tokens, place)
            continue
        taken, database_name = _qualified(tokens, place)
        if taken:
            place += taken
            if database_name and database_name.lower() != database.lower():
                if database_name.lower() not in known:
                    raise SqlProblem(911, f"Database '{database_name[:128]}' does not exist.")
                yield Token("name", f"[{known[database_name.lower()]}]")
                yield Token("sign", ".")
            continue
        token = tokens[place]
        following = tokens[place + 1].text if place + 1 < len(tokens) else ""
        yield _WORDS.get(token.kind, _same)(token, following)
        place += 1


def _qualified(tokens: Sequence[Token], place: int) -> tuple[int, str]:
    """How many pieces before a table's name are its database and schema, and the database."""
    if place and tokens[place - 1].text == ".":
        return 0, ""
    first, *rest = [*tokens[place : place + 4], *[Token("sign", "")] * 4][:4]
    if not first.identifier or rest[0].text != ".":
        return 0, ""
    if first.identifier.lower() == "dbo":
        return 2, ""
    if rest[1].text == ".":
        return 3, first.identifier
    return (4, first.identifier) if rest[1].identifier.lower() == "dbo" and rest[2].text == "." else (0, "")


def _hint(tokens: Sequence[Token], place: int) -> int:
    """How many pieces a table's hint, such as WITH (NOLOCK), has. Queries with names of their own are refused:

    they could take the name of a filtered view.
    """
    pieces = [one.text for one in tokens[place + 1 : place + 4]]
    if len(pieces) < 3 or pieces[0] != "(" or pieces[2] != ")":
        raise SqlProblem(40510, "Statement 'WITH' is not supported in this version of SQL Server.")
    return 4


def _same(token: Token, _: str) -> Token:
    return token


def _text(token: Token, _: str) -> Token:
    return Token("text", token.text.lstrip("Nn"))


def _number(token: Token, _: str) -> Token:
    is_binary = token.text[:2] in ("0x", "0X")
    return Token("number", f"x'{token.text[2:]}'") if is_binary else token


def _variable(token: Token, _: str) -> Token:
    return Token("word", f"{token.text[2:].lower()}_()") if token.text.startswith("@@") else token


def _word(token: Token, following: str) -> Token:
    changed = {"ISNULL": "IFNULL", "LEN": "LENGTH", "DATALENGTH": "LENGTH"} if following == "(" else {}
    changed |= {"SYSTEM_USER": "suser_sname()", "CURRENT_TIMESTAMP": "getdate()"} if following != "(" else {}
    return Token("word", changed.get(token.upper, token.text))


_WORDS: dict[str, Callable[[Token, str], Token]] = {
    "text": _text, "number": _number, "variable": _variable, "word": _word,
}  # fmt: skip


def _pages(tokens: list[Token]) -> str:
    """TOP and OFFSET ... FETCH as LIMIT, at the end of the SELECT that they belong to."""
    written: list[str] = []
    limits: list[str] = [""]
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.text == "(":
            limits.append("")
        elif token.text == ")":
            if len(limits) == 1:
                raise SqlProblem(102, "Incorrect syntax near ')'.", 15)
            written.append(limits.pop())
        elif (count := _top(tokens, place)) is not None:
            limits[-1] = f"LIMIT {count}"
            place += 4 if tokens[place + 1].text == "(" else 2
            continue
        elif (page := _page(tokens, place)) is not None:
            written.append(page)
            place += 8
            continue
        written.append(token.text)
        place += 1
    return " ".join(part for part in (*written, limits[-1]) if part)


def _top(tokens: Sequence[Token], place: int) -> str | None:
    """The count of a TOP that stands after SELECT, SELECT DISTINCT or SELECT ALL."""
    if tokens[place].upper != "TOP" or not place or tokens[place - 1].upper not in ("SELECT", "DISTINCT", "ALL"):
        return None
    rest = [one.text for one in tokens[place + 1 : place + 4]]
    count = rest[1] if len(rest) == 3 and rest[0] == "(" and rest[2] == ")" else rest[0] if rest else ""
    if not re.fullmatch(r"[0-9]{1,9}|@[A-Za-z_0-9]+", count):
        raise SqlProblem(102, "Incorrect syntax near 'TOP'.", 15)
    return count


def _page(tokens: Sequence[Token], place: int) -> str | None:
    """A page: OFFSET n ROWS FETCH NEXT m ROWS ONLY."""
    words = [one.text.upper() for one in tokens[place : place + 8]]
    if len(words) < 8 or [words[at] for at in (0, 2, 3, 4, 6, 7)] != [
        "OFFSET", "ROWS", "FETCH", "NEXT", "ROWS", "ONLY"
    ]:  # fmt: skip
        return None
    return f"LIMIT {words[5]} OFFSET {words[1]}"
