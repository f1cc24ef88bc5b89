"""FetchXML: what is no query is refused, and what is one finds what a plain walk over the records finds."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rehearse.servers.contoso import REALM, Computer

from portwright.protocols.tds.login import Login
from portwright.protocols.tds.requests import Query
from portwright.rehearse.servers.crm.entities import ENTITIES
from portwright.rehearse.servers.crm.fetchsql import statement
from portwright.rehearse.servers.crm.fetchxml import FetchRefused, read_fetch
from portwright.rehearse.servers.sql.database import Database
from portwright.rehearse.servers.sql.records import identifier, user_id

ORGANIZATION = "CONTOSO_MSCRM"
NOW = datetime(2013, 10, 15, 12, 30, 0, tzinfo=UTC)
ALICE = user_id("alice")


NAMES = ["Ada", "ADA", "bob", "Bo%b", "b_b", "[x]", "", "Zoë", None]
MOMENTS = [
    None,
    *(f"{NOW + timedelta(days=n, hours=n):%Y-%m-%d %H:%M:%S}" for n in (-400, -40, -7, -1, 0, 1, 7, 31, 366)),
]
CONTACTS = [
    {"contactid": identifier("c", str(n)), "fullname": NAMES[n % 9], "firstname": NAMES[n * 5 % 9],
     "birthdate": MOMENTS[n % 10], "statecode": n % 3, "ownerid": [ALICE, user_id("bob"), None][n % 3],
     "parentcustomerid": identifier("a", str(n % 4)) if n % 5 else None}
    for n in range(18)
]  # fmt: skip
ACCOUNTS = [
    {"accountid": identifier("a", str(n)), "name": NAMES[n], "revenue": [1.5, None, -2.0, 10.0, 1.5][n],
     "numberofemployees": [5, 0, None, 5, 7][n], "ownerid": ALICE, "donotemail": n % 2}
    for n in range(5)
]  # fmt: skip
RECORDS = {"contact": CONTACTS, "account": ACCOUNTS}


@pytest.fixture(scope="module")
def ask():
    """Asks the database, which holds these records and no others."""
    database, loop = Database(Computer()), asyncio.new_event_loop()
    answer = database.connection()

    def run(text, parameters=None):
        results = loop.run_until_complete(answer(Query(text, parameters or {})))
        assert not hasattr(results[-1], "number"), results[-1]
        return results[-1]

    loop.run_until_complete(answer(Login("svc-fe01", REALM.accounts["svc-fe01"].password, ORGANIZATION)))
    for entity, rows in RECORDS.items():
        run(f"delete from {entity}")
        for row in rows:
            marks = ", ".join(f"@{name}" for name in row)
            run(f"insert into {entity} ({', '.join(row)}) values ({marks})", {f"@{k}": v for k, v in row.items()})
    yield run
    database.close()
    loop.close()


# -- the plain walk: conditions as Python has them; None where a value is missing

DAY = timedelta(days=1)


def moment(text):
    return datetime.fromisoformat(text)


def spans():
    today, now = NOW.replace(tzinfo=None, hour=0, minute=0, second=0), NOW.replace(tzinfo=None)
    return {
        "today": lambda at: today <= at < today + DAY,
        "yesterday": lambda at: today - DAY <= at < today,
        "tomorrow": lambda at: at.date() == (today + DAY).date(),
        "last-seven-days": lambda at: today - 7 * DAY <= at <= now,
        "last-week": lambda at: "2013-10-06" <= at.isoformat() < "2013-10-13",
        "this-week": lambda at: "2013-10-13" <= at.isoformat() < "2013-10-20",
        "next-week": lambda at: "2013-10-20" <= at.isoformat() < "2013-10-27",
        "this-month": lambda at: (at.year, at.month) == (2013, 10),
        "next-month": lambda at: (at.year, at.month) == (2013, 11),
        "last-year": lambda at: at.year == 2012,
        "this-year": lambda at: at.year == 2013,
        "next-year": lambda at: at.year == 2014,
    }


def holds(operator, value, wanted):
    """Whether a condition holds for a value, by what it is called."""
    if operator in ("ne", "not-in", "not-begin-with", "not-end-with", "ne-userid", "not-between", "not-like"):
        opposite = {"ne": "eq", "not-begin-with": "begins-with", "not-end-with": "ends-with", "ne-userid": "eq-userid"}
        return value is None or not holds(opposite.get(operator, operator.removeprefix("not-")), value, wanted)
    if operator in ("null", "not-null"):
        return (value is None) == (operator == "null")
    if value is None:
        return False
    if operator in spans():
        return spans()[operator](moment(value))
    one, others = _folded(value), [_folded(other) for other in wanted]
    match operator:
        case "eq-userid":
            return value == ALICE
        case "in":
            return one in others
        case "between":
            return others[0] <= one <= others[1]
        case "begins-with":
            return one.startswith(others[0])
        case "ends-with":
            return one.endswith(others[0])
        case "like":
            return others[0].strip("%") in one
        case "on":
            return moment(value).date() == moment(wanted[0]).date()
        case "on-or-after":
            return moment(value).date() >= moment(wanted[0]).date()
        case "on-or-before":
            return moment(value).date() <= moment(wanted[0]).date()
    return {"eq": one == others[0], "gt": one > others[0], "ge": one >= others[0], "lt": one < others[0],
            "le": one <= others[0]}[operator]  # fmt: skip


def _folded(value):
    return value.lower() if isinstance(value, str) else value


def passes(tree, row):
    """Whether a row passes a filter: (operator, attribute, values), or ("and" | "or", [...])."""
    if tree[0] in ("and", "or"):
        found = [passes(one, row) for one in tree[1]]
        return (all(found) if tree[0] == "and" else any(found)) if found else True
    operator, attribute, wanted = tree
    return holds(operator, row.get(attribute), wanted)


# -- filters, drawn

COMPARED = ["eq", "ne", "gt", "ge", "lt", "le"]
PLAIN = ["null", "not-null"]
TEXTUAL = ["begins-with", "ends-with", "not-begin-with", "not-end-with"]
TEXTS = st.sampled_from([name for name in NAMES if name is not None] + ["b", "%", "_", "[", "]", "ë"])


def condition(attribute, operators, values, count=1):
    return st.tuples(st.sampled_from(operators), st.just(attribute), st.lists(values, min_size=count, max_size=count))


def texts(attribute):
    word = st.sampled_from(["%a%", "%O%", "%x%"])
    return (
        condition(attribute, COMPARED + TEXTUAL, TEXTS) | condition(attribute, PLAIN, TEXTS, 0)
        | condition(attribute, ["in", "not-in"], TEXTS, 3) | condition(attribute, ["between", "not-between"], TEXTS, 2)
        | condition(attribute, ["like", "not-like"], word)
    )  # fmt: skip


def numbers(attribute, values):
    return (
        condition(attribute, COMPARED, values) | condition(attribute, ["between", "not-between"], values, 2)
        | condition(attribute, ["in", "not-in"], values, 2)
    )  # fmt: skip


DAYS = st.sampled_from([one[:10] for one in MOMENTS if one])
CONTACT_CONDITIONS = (
    texts("fullname") | texts("firstname") | numbers("statecode", st.integers(-1, 3))
    | condition("birthdate", ["on", "on-or-after", "on-or-before"], DAYS)
    | condition("birthdate", [*spans(), *PLAIN], DAYS, 0) | condition("ownerid", ["eq-userid", "ne-userid"], TEXTS, 0)
)  # fmt: skip
ACCOUNT_CONDITIONS = (
    texts("name") | numbers("numberofemployees", st.integers(-1, 8))
    | numbers("revenue", st.sampled_from([1.5, -2.0, 3.0]))
)  # fmt: skip


def filters(conditions):
    return st.recursive(
        conditions,
        lambda inner: st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, max_size=3)),
        max_leaves=5,
    ).map(lambda tree: tree if tree[0] in ("and", "or") else ("and", [tree]))


def xml(tree):
    if tree[0] in ("and", "or"):
        return f'<filter type="{tree[0]}">{"".join(map(xml, tree[1]))}</filter>'
    operator, attribute, wanted = tree
    values = "".join(f"<value>{_escaped(one)}</value>" for one in wanted)
    return f'<condition attribute="{attribute}" operator="{operator}">{values}</condition>'


def _escaped(value):
    return str(value).replace("&", "&amp;").replace("<", "&lt;")


def found(ask, text):
    """The rows of a query, by the names of its columns."""
    asked = statement(read_fetch(text, ENTITIES), ENTITIES, ALICE, NOW)
    rows = ask(asked.text, asked.parameters)
    assert tuple(one.name for one in rows.columns) == asked.columns
    return [dict(zip(asked.columns, row, strict=True)) for row in rows.rows]


# -- the law


@given(tree=filters(CONTACT_CONDITIONS))
def test_a_filter_finds_what_a_walk_finds(ask, tree):
    """Whatever the conditions, and however they are nested."""
    text = f'<fetch><entity name="contact"><attribute name="contactid"/>{xml(tree)}</entity></fetch>'
    expected = {row["contactid"] for row in CONTACTS if passes(tree, row)}
    assert {row["contactid"] for row in found(ask, text)} == expected


@given(tree=filters(CONTACT_CONDITIONS), link=filters(ACCOUNT_CONDITIONS), outer=st.booleans())
def test_a_link_joins_as_a_walk_does(ask, tree, link, outer):
    """Its filter belongs to the join; an outer link keeps the record without one."""
    kind = "outer" if outer else "inner"
    text = (
        f'<fetch><entity name="contact"><attribute name="contactid"/>{xml(tree)}<link-entity name="account" alias="a"'
        f' from="accountid" to="parentcustomerid" link-type="{kind}"><attribute name="name"/>{xml(link)}</link-entity>'
        "</entity></fetch>"
    )
    expected = []
    for row in filter(lambda row: passes(tree, row), CONTACTS):
        partners = [a for a in ACCOUNTS if a["accountid"] == row["parentcustomerid"] and passes(link, a)]
        expected += [(row["contactid"], partner["name"]) for partner in partners or ([{"name": None}] if outer else [])]
    assert sorted(map(repr, expected)) == sorted(repr((row["contactid"], row["a.name"])) for row in found(ask, text))


@given(count=st.integers(1, 7), descending=st.booleans())
def test_pages_follow_each_other(ask, count, descending):
    """Each record is on one page, and the order is kept from page to page."""
    seen = []
    for page in range(1, 20):
        text = (
            f'<fetch count="{count}" page="{page}"><entity name="contact"><attribute name="contactid"/>'
            f'<attribute name="fullname"/><order attribute="fullname" descending="{str(descending).lower()}"/>'
            "</entity></fetch>"
        )
        rows = found(ask, text)
        seen += rows[:count]
        if len(rows) <= count:
            break
    assert sorted(row["contactid"] for row in seen) == sorted(row["contactid"] for row in CONTACTS)
    keys = [(row["fullname"] is not None, (row["fullname"] or "").lower()) for row in seen]
    assert all((one >= other) if descending else (one <= other) for one, other in pairwise(keys))


@given(tree=filters(ACCOUNT_CONDITIONS))
def test_aggregates_are_calculated_as_by_hand(ask, tree):
    """In groups, without those that have no value."""
    text = (
        '<fetch aggregate="true"><entity name="account"><attribute name="numberofemployees" groupby="true" alias="of"/>'
        '<attribute name="accountid" aggregate="count" alias="many"/>'
        '<attribute name="revenue" aggregate="countcolumn" alias="known"/>'
        '<attribute name="revenue" aggregate="sum" alias="sum"/><attribute name="revenue" aggregate="avg" alias="avg"/>'
        '<attribute name="revenue" aggregate="min" alias="min"/><attribute name="revenue" aggregate="max" alias="max"/>'
        f'<order alias="of"/>{xml(tree)}</entity></fetch>'
    )
    chosen = [row for row in ACCOUNTS if passes(tree, row)]
    groups = sorted({row["numberofemployees"] for row in chosen}, key=lambda of: (of is not None, of or 0))
    expected = []
    for of in groups:
        rows = [row for row in chosen if row["numberofemployees"] == of]
        known = [row["revenue"] for row in rows if row["revenue"] is not None]
        numbers = [sum(known), sum(known) / len(known), min(known), max(known)] if known else [None] * 4
        expected.append([of, len(rows), len(known), *numbers])
    assert [list(row.values()) for row in found(ask, text)] == expected


def test_distinct_shows_each_once(ask):
    """Whatever the case of the letters."""
    text = '<fetch distinct="true"><entity name="contact"><attribute name="fullname"/></entity></fetch>'
    names = [row["fullname"] for row in found(ask, text)]
    assert len(names) == len({name and name.lower() for name in NAMES})


@pytest.mark.parametrize(
    ("operator", "value", "now", "bounds"),
    [
        ("last-x-months", "1", (2013, 3, 31), ("2013-02-28 00:00:00", "2013-03-31 00:00:01")),
        ("next-x-months", "2", (2013, 12, 31), ("2013-12-31 00:00:01", "2014-03-01 00:00:00")),
        ("olderthan-x-months", "13", (2013, 10, 15), ("2012-09-15 00:00:00",)),
        ("last-x-days", "3", (2013, 3, 1), ("2013-02-26 00:00:00", "2013-03-01 00:00:01")),
        ("next-x-days", "1", (2013, 12, 31), ("2013-12-31 00:00:01", "2014-01-02 00:00:00")),
    ],
)
def test_days_and_months_are_counted_from_today(operator, value, now, bounds):
    """Where a month is too short its last day is meant."""
    text = entity(f'<filter><condition attribute="createdon" operator="{operator}" value="{value}"/></filter>')
    asked = statement(read_fetch(text, ENTITIES), ENTITIES, ALICE, datetime(*now, tzinfo=UTC))
    assert tuple(asked.parameters.values()) == bounds


def test_top_is_the_first(ask):
    """By the order that is asked for."""
    text = (
        '<fetch top="2"><entity name="account"><attribute name="revenue"/>'
        '<order attribute="revenue" descending="true"/></entity></fetch>'
    )
    assert [row["revenue"] for row in found(ask, text)] == [10.0, 1.5]


def test_all_attributes_and_aliases_name_the_columns(ask):
    """As CRM does: those of a link after its alias."""
    text = (
        '<fetch><entity name="account"><all-attributes/>'
        '<link-entity name="systemuser" from="systemuserid" to="ownerid">'
        '<attribute name="fullname"/><attribute name="domainname" alias="login"/></link-entity></entity></fetch>'
    )
    row = found(ask, text)[0]
    assert set(row) == {*ENTITIES["account"].attributes, "systemuser1.fullname", "login"}
    assert row["login"] == "CONTOSO\\alice"


@pytest.mark.parametrize(("alias", "named"), [('alias="c"', "c"), ("", "contact")])
def test_a_condition_may_ask_about_a_link(ask, alias, named):
    """Accounts without contacts; the link is meant by its alias, or by its entity."""
    text = (
        f'<fetch><entity name="account"><attribute name="name"/><filter><condition entityname="{named}"'
        f' attribute="contactid" operator="null"/></filter><link-entity name="contact" {alias} from="parentcustomerid"'
        ' to="accountid" link-type="outer"/></entity></fetch>'
    )
    taken = {row["parentcustomerid"] for row in CONTACTS}
    assert [row["name"] for row in found(ask, text)] == [a["name"] for a in ACCOUNTS if a["accountid"] not in taken]


def test_values_never_stand_in_the_statement():
    """Only names of the entities, and of parameters."""
    text = (
        '<fetch><entity name="account"><attribute name="name"/><filter><condition attribute="name" operator="eq"'
        ' value="\'; drop table account --"/></filter></entity></fetch>'
    )
    asked = statement(read_fetch(text, ENTITIES), ENTITIES, ALICE, NOW)
    assert "drop" not in asked.text
    assert asked.parameters == {"@p0": "'; drop table account --"}
    assert asked.text == (
        "SELECT [account].[name] AS [name] FROM [dbo].[Filteredaccount] AS [account] WHERE ([account].[name] = @p0)"
        " ORDER BY [account].[accountid] OFFSET 0 ROWS FETCH NEXT 5001 ROWS ONLY"
    )


def entity(inside, name="account"):
    return f'<fetch><entity name="{name}">{inside}</entity></fetch>'


def calculated(inside):
    return entity(inside).replace("<fetch", '<fetch aggregate="true"')


REFUSED = [
    ("", "no XML"),
    ("<fetch/>", "holds one entity"),
    ('<!DOCTYPE fetch [<!ENTITY a "a">]><fetch><entity name="account"/></fetch>', "document type"),
    (entity("<x/>"), "something unknown"),
    (entity("", "nothing"), "'nothing' was not found"),
    (entity('<attribute name="x"/>'), "doesn't contain attribute with Name = 'x'"),
    (entity('<attribute name="name" alias="a]; drop"/>'), "is no new name"),
    (entity('<attribute name="name"/><attribute name="name"/>'), "asked for twice"),
    (entity('<attribute name="name" aggregate="count" alias="a"/>'), "neither grouped by nor aggregated"),
    (entity('<order attribute="x"/>'), "Name = 'x'"),
    (entity('<filter type="xor"/>'), "of type and"),
    (entity("<filter><x/></filter>"), "conditions and filters"),
    (entity('<filter><condition attribute="name" operator="is" value="a"/></filter>'), "no operator 'is'"),
    (entity('<filter><condition attribute="name" operator="eq"/></filter>'), "does not take 0 values"),
    (entity('<filter><condition attribute="name" operator="null" value="a"/></filter>'), "does not take 1 values"),
    (entity('<filter><condition attribute="name" operator="today"/></filter>'), "is not for 'name'"),
    (entity('<filter><condition attribute="revenue" operator="eq" value="many"/></filter>'), "'many' is no float"),
    (entity('<filter><condition attribute="accountid" operator="eq" value="1"/></filter>'), "is no uniqueidentifier"),
    (entity('<filter><condition attribute="donotemail" operator="eq" value="2"/></filter>'), "is no bit"),
    (entity('<filter><condition attribute="createdon" operator="on" value="soon"/></filter>'), "is no datetime"),
    (entity('<filter><condition attribute="createdon" operator="on" value="9999-12-31"/></filter>'), "outside of time"),
    (entity('<filter><condition attribute="createdon" operator="last-x-days" value="0"/></filter>'), "count of days"),
    (entity('<filter><condition attribute="createdon" operator="last-x-months" value="36500"/></filter>'), "outside"),
    (entity('<filter><condition entityname="x" attribute="name" operator="null"/></filter>'), "is called 'x'"),
    (entity('<link-entity name="contact" from="x" to="accountid"/>'), "Name = 'x'"),
    (entity('<link-entity name="contact" from="contactid" to="x"/>'), "Name = 'x'"),
    (entity('<link-entity name="contact" from="contactid" to="accountid" link-type="any"/>'), "each inner or outer"),
    (entity('<link-entity name="contact" from="contactid" to="accountid" alias="account"/>'), "is no new name"),
    (entity('<link-entity name="contact" from="contactid" to="accountid"/>' * 11), "at most 10 links"),
    ("<fetch>" * 13 + "</fetch>" * 13, "12 levels"),
    (entity('<attribute name="name"/>' * 501), "500 elements"),
    ("<" * 70_000, "65536 characters"),
    ('<fetch count="0"><entity name="account"/></fetch>', "count is a number"),
    ('<fetch count="99999999999"><entity name="account"/></fetch>', "count is a number"),
    (calculated(""), "asks for nothing"),
    (calculated("<all-attributes/>"), "name their attributes"),
    (calculated('<attribute name="name" alias="a" aggregate="sum"/>'), "sum is not for 'name'"),
    (calculated('<attribute name="name" alias="a" aggregate="mode"/>'), "no aggregate 'mode'"),
    (entity('<attribute name="name"/><order attribute="revenue"/>').replace("<fetch", '<fetch distinct="true"'),
     "put in order by what is asked for"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_is_no_query_is_refused(text, said):
    """With a reason."""
    with pytest.raises(FetchRefused, match=said):
        statement(read_fetch(text, ENTITIES), ENTITIES, ALICE, NOW)


PIECES = [
    "<fetch>", "</fetch>", '<entity name="account">', "</entity>", "<filter>", "</filter>", '<attribute name="name"/>',
    '<condition attribute="name" operator="eq" value="', '"/>', "<", "&", "]]>", "\0", "é", 'aggregate="true"',
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5)).map("".join))
def test_any_text_is_a_query_or_refused(text):
    """And nothing else happens."""
    try:
        asked = statement(read_fetch(text, ENTITIES), ENTITIES, str(UUID(int=0)), NOW)
    except FetchRefused:
        return
    assert asked.text.startswith("SELECT ")
