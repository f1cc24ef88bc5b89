"""What SQL Server says to what it does not run, by the numbers of sys.messages."""

import sqlite3

from portwright.rehearse.servers.sql.permissions import PERMISSIONS, Visitor


class SqlProblem(Exception):
    """What SQL Server says to a statement that it cannot run."""

    def __init__(self, number: int, text: str, severity: int = 16) -> None:
        super().__init__(text)
        self.number, self.text, self.severity = number, text, severity


_PROBLEMS = (  # how SQLite's message begins; what SQL Server says in sys.messages
    ("no such table: ", 208, "Invalid object name '{}'.", 16),
    ("no such column: ", 207, "Invalid column name '{}'.", 16),
    ("no such function: ", 195, "'{}' is not a recognized built-in function name.", 15),
    ("ambiguous column name: ", 209, "Ambiguous column name '{}'.", 16),
    ("you did not supply a value for binding", 137, 'Must declare the scalar variable "{}".', 15),
    (
        "unique constraint failed: ",
        2627,
        "Violation of PRIMARY KEY constraint: duplicate key in '{}'.",
        14,
    ),
    ("incomplete input", 102, "Incorrect syntax near the end of the statement.", 15),
    ("near ", 102, "Incorrect syntax near '{}'.", 15),
    ("interrupted", 8649, "The query has been canceled because its cost exceeds the configured threshold.", 17),
)


def as_sql_server_says(problem: sqlite3.Error, visitor: Visitor) -> SqlProblem:
    """What SQL Server says where SQLite says this."""
    if visitor.refused:
        action, table = visitor.refused[0]
        said = f"The {PERMISSIONS[action]} permission was denied on the object '{table}', database '{visitor.database}'"
        return SqlProblem(229, f"{said}, schema 'dbo'.", 14)
    said = str(problem)
    for begins, number, text, severity in _PROBLEMS:
        if said.lower().startswith(begins):
            return SqlProblem(number, text.format(_subject(said, begins)), severity)
    return SqlProblem(50000, said)


def _subject(said: str, begins: str) -> str:
    rest = said[len(begins) :].strip().lstrip(":")
    return rest.partition('"')[2].partition('"')[0] if rest.startswith('"') else rest.rpartition("main.")[2]
