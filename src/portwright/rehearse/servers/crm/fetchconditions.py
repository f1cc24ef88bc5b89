"""The operators of FetchXML's conditions, each as Transact-SQL.

Those that say "not" also hold where there is no value, as in CRM and unlike SQL.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from portwright.protocols.tds.values import Value
from portwright.rehearse.servers.crm.entities import Kind
from portwright.rehearse.servers.crm.fetchxml import Condition, FetchRefused

Parameter = Callable[[Value], str]  # the name under which a value is passed

_COMPARED = {"eq": "=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_TEXTUAL = {"like": "{}", "not-like": "{}", "begins-with": "{}%", "not-begin-with": "{}%",
            "ends-with": "%{}", "not-end-with": "%{}"}  # fmt: skip
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class _Written:
    """A condition on its way to SQL."""

    condition: Condition
    kind: Kind
    column: str
    parameter: Parameter
    user: str
    now: datetime

    def value(self, place: int = 0) -> str:
        return self.parameter(converted(self.condition.values[place], self.kind))

    def unless(self, sql: str) -> str:
        return f"({sql} OR {self.column} IS NULL)"


def condition_sql(condition: Condition, kind: Kind, column: str, parameter: Parameter, user: str, now: datetime) -> str:
    """The condition as SQL. Raises FetchRefused for operators and values that CRM would not take."""
    one, name = _Written(condition, kind, column, parameter, user, now), condition.operator
    write, counts, kinds = _OPERATORS.get(name, (None, (), ()))
    if write is None:
        raise FetchRefused(f"Invalid Fetch Xml: there is no operator {name[:40]!a}")
    many = len(condition.values)
    if not (counts[0] <= many <= counts[-1]):
        raise FetchRefused(f"Invalid Fetch Xml: the operator {name} does not take {many} values")
    if kind not in kinds:
        raise FetchRefused(f"Invalid Fetch Xml: the operator {name} is not for '{condition.attribute}'")
    return write(one)


def converted(text: str, kind: Kind) -> Value:
    """A value as its column holds it. Raises FetchRefused for what is none of that kind."""
    try:
        return _CONVERTERS[kind](text)
    except (ValueError, OverflowError):
        raise FetchRefused(f"Invalid Fetch Xml: {text[:40]!a} is no {kind.value}") from None


def _number(text: str) -> int:
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,10}\s*", text):
        raise ValueError(text)
    return int(text)


def _real(text: str) -> float:
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,15}(\.[0-9]{0,10})?\s*", text):
        raise ValueError(text)
    return float(text)


def _identifier(text: str) -> str:
    if len(text) > 38:
        raise ValueError(text)
    return str(UUID(text.strip()))


def _flag(text: str) -> int:
    words = {"1": 1, "true": 1, "0": 0, "false": 0}
    if (found := words.get(text.strip().lower())) is None:
        raise ValueError(text)
    return found


def _moment(text: str) -> str:
    """A time, or the beginning of a day, as the database holds times."""
    if len(text) > 32:
        raise ValueError(text)
    found = datetime.fromisoformat(text.strip())
    return _time(found.replace(tzinfo=None) - (found.utcoffset() or timedelta()))


def _time(moment: datetime) -> str:
    return moment.strftime(f"{moment.year:04}-%m-%d %H:%M:%S")


_CONVERTERS: Mapping[Kind, Callable[[str], Value]] = {
    Kind.TEXT: str, Kind.NUMBER: _number, Kind.MONEY: _real, Kind.ID: _identifier, Kind.FLAG: _flag,
    Kind.TIME: _moment,
}  # fmt: skip


def _compared(one: _Written) -> str:
    return f"{one.column} {_COMPARED[one.condition.operator]} {one.value()}"


def _unequal(one: _Written) -> str:
    return one.unless(f"{one.column} <> {one.value()}")


def _alike(one: _Written) -> str:
    """LIKE; a value that must begin or end a text is no pattern itself."""
    name, value = one.condition.operator, one.condition.values[0]
    plain = value if name.endswith("like") else "".join(f"[{sign}]" if sign in "%_[" else sign for sign in value)
    found = f"{one.column} LIKE {one.parameter(_TEXTUAL[name].format(plain))}"
    return one.unless(f"NOT ({found})") if name.startswith("not-") else found


def _among(one: _Written) -> str:
    names = ", ".join(one.value(place) for place in range(len(one.condition.values)))
    return f"{one.column} IN ({names})"


def _not_among(one: _Written) -> str:
    return one.unless(f"NOT ({_among(one)})")


def _between(one: _Written) -> str:
    return f"({one.column} >= {one.value(0)} AND {one.column} <= {one.value(1)})"


def _not_between(one: _Written) -> str:
    return one.unless(f"NOT {_between(one)}")


def _own(one: _Written) -> str:
    return f"{one.column} = {one.parameter(one.user)}"


def _not_own(one: _Written) -> str:
    return one.unless(f"{one.column} <> {one.parameter(one.user)}")


Span = tuple[datetime | None, datetime | None]  # from the first, before the second; None: without end


def _within(span: Callable[[_Written], Span]) -> Callable[[_Written], str]:
    def write(one: _Written) -> str:
        try:
            first, last = span(one)
        except OverflowError:
            raise FetchRefused("Invalid Fetch Xml: a date lies outside of time") from None
        parts = [f"{one.column} >= {one.parameter(_time(first))}"] if first else []
        parts += [f"{one.column} < {one.parameter(_time(last))}"] if last else []
        return f"({' AND '.join(parts)})"

    return write


def _today(one: _Written) -> datetime:
    return one.now.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)


def _days(first: int, last: int) -> Callable[[_Written], Span]:
    return lambda one: (_today(one) + timedelta(days=first), _today(one) + timedelta(days=last))


def _day(one: _Written) -> datetime:
    moment = datetime.fromisoformat(str(converted(one.condition.values[0], Kind.TIME)))
    return moment.replace(hour=0, minute=0, second=0)


def _count(one: _Written) -> timedelta:
    days = _number_of(one.condition.values[0])
    return timedelta(days=days)


def _number_of(text: str) -> int:
    found = converted(text, Kind.NUMBER)
    if not isinstance(found, int) or not 0 < found <= _MOST_DAYS:
        raise FetchRefused(f"Invalid Fetch Xml: a count of days is from 1 to {_MOST_DAYS}")
    return found


def _month(one: _Written, offset: int) -> datetime:
    """The first moment of a month, counted from the one that is now."""
    months = one.now.year * 12 + one.now.month - 1 + offset
    return datetime(months // 12, months % 12 + 1, 1)  # noqa: DTZ001


def _year(one: _Written, offset: int) -> datetime:
    return datetime(one.now.year + offset, 1, 1)  # noqa: DTZ001


def _week(one: _Written, offset: int) -> datetime:
    """The first moment of a week, which begins on Sunday, counted from the one that is now."""
    today = _today(one)
    return today - _DAY * ((today.weekday() + 1) % 7) + 7 * offset * _DAY


def _months(one: _Written, sign: int) -> datetime:
    """Today, so many months on or back; where that month is too short, its last day."""
    today, count = _today(one), _number_of(one.condition.values[0])
    months = today.year * 12 + today.month - 1 + sign * count
    year, month = months // 12, months % 12 + 1
    if not 1 <= year <= 9999:
        raise OverflowError
    return today.replace(year=year, month=month, day=min(today.day, monthrange(year, month)[1]))


def _now(one: _Written) -> datetime:
    return one.now.replace(tzinfo=None, microsecond=0) + timedelta(seconds=1)


_DAY = timedelta(days=1)
_SPANS: Mapping[str, tuple[Callable[[_Written], Span], int]] = {  # and how many values each takes
    "on": (lambda one: (_day(one), _day(one) + _DAY), 1),
    "on-or-after": (lambda one: (_day(one), None), 1),
    "on-or-before": (lambda one: (None, _day(one) + _DAY), 1),
    "yesterday": (_days(-1, 0), 0),
    "today": (_days(0, 1), 0),
    "tomorrow": (_days(1, 2), 0),
    "last-seven-days": (lambda one: (_today(one) - 7 * _DAY, _now(one)), 0),
    "next-seven-days": (lambda one: (_now(one), _today(one) + 8 * _DAY), 0),
    "last-x-days": (lambda one: (_today(one) - _count(one), _now(one)), 1),
    "next-x-days": (lambda one: (_now(one), _today(one) + _count(one) + _DAY), 1),
    "last-week": (lambda one: (_week(one, -1), _week(one, 0)), 0),
    "this-week": (lambda one: (_week(one, 0), _week(one, 1)), 0),
    "next-week": (lambda one: (_week(one, 1), _week(one, 2)), 0),
    "last-x-months": (lambda one: (_months(one, -1), _now(one)), 1),
    "next-x-months": (lambda one: (_now(one), _months(one, 1) + _DAY), 1),
    "olderthan-x-months": (lambda one: (None, _months(one, -1)), 1),
    "last-month": (lambda one: (_month(one, -1), _month(one, 0)), 0),
    "this-month": (lambda one: (_month(one, 0), _month(one, 1)), 0),
    "next-month": (lambda one: (_month(one, 1), _month(one, 2)), 0),
    "last-year": (lambda one: (_year(one, -1), _year(one, 0)), 0),
    "this-year": (lambda one: (_year(one, 0), _year(one, 1)), 0),
    "next-year": (lambda one: (_year(one, 1), _year(one, 2)), 0),
}

_EVERY = tuple(Kind)
_TEXT, _ID, _TIME = (Kind.TEXT,), (Kind.ID,), (Kind.TIME,)
_OPERATORS: Mapping[str, tuple[Callable[[_Written], str], tuple[int, ...], tuple[Kind, ...]]] = {
    **dict.fromkeys(_COMPARED, (_compared, (1,), _EVERY)),
    "ne": (_unequal, (1,), _EVERY),
    "neq": (_unequal, (1,), _EVERY),
    **dict.fromkeys(_TEXTUAL, (_alike, (1,), _TEXT)),
    "in": (_among, (1, 500), _EVERY),
    "not-in": (_not_among, (1, 500), _EVERY),
    "null": (lambda one: f"{one.column} IS NULL", (0,), _EVERY),
    "not-null": (lambda one: f"{one.column} IS NOT NULL", (0,), _EVERY),
    "between": (_between, (2,), _EVERY),
    "not-between": (_not_between, (2,), _EVERY),
    "eq-userid": (_own, (0,), _ID),
    "ne-userid": (_not_own, (0,), _ID),
    **{name: (_within(span), (many,), _TIME) for name, (span, many) in _SPANS.items()},
}
