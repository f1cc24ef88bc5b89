"""The report server's calls and answers come back from SOAP as they were."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.protocols.conversation import Misspoken
from portwright.protocols.report_service import (
    EXECUTION,
    FETCH_DATA,
    MANAGEMENT,
    SQL_DATA,
    CreateReport,
    DataSet,
    Definition,
    DeleteItem,
    GetReportDefinition,
    ListChildren,
    LoadReport,
    Render,
    Rendered,
    SetExecutionCredentials,
    SetExecutionParameters,
    asked,
    call_of,
    definition_of,
    execution_of,
    names_of,
    rdl,
    rendered_of,
    target,
    told,
)
from portwright.protocols.soap import Fault, envelope, opened

REPORT = Definition((DataSet("a", SQL_DATA, "select 1 < 2"), DataSet("b", FETCH_DATA, "<fetch/>")))
CALLS = [
    CreateReport("Accounts", "/Contoso", rdl(REPORT)), DeleteItem("/Contoso/Accounts"), ListChildren("/Contoso"),
    GetReportDefinition("/Contoso/Accounts"), LoadReport("/Contoso/Accounts"),
    SetExecutionCredentials("e1", "user", "organization"), SetExecutionParameters("e1", {"since": "2013"}),
    Render("e1", "CSV"),
]  # fmt: skip


def carried(body, headers=()):
    return opened(envelope(body, headers))


@pytest.mark.parametrize("call", CALLS, ids=lambda one: type(one).__name__)
def test_calls_come_back_as_they_were(call):
    """Each at the end point that takes it."""
    assert call_of(carried(*asked(call))) == call
    assert target(call) == (MANAGEMENT if CALLS.index(call) < 4 else EXECUTION)


def test_answers_come_back_as_they_were():
    """An execution, what was rendered, and the names in a folder."""
    assert execution_of(carried(told(LoadReport("/x"), "e7"))) == "e7"
    assert rendered_of(carried(told(Render("e7"), Rendered(b"a,b\r\n", "text/csv")))) == Rendered(
        b"a,b\r\n", "text/csv"
    )
    assert names_of(carried(told(ListChildren("/"), ["a", "b"]))) == ("a", "b")


def test_a_definition_comes_back_as_it_was():
    """With the data extension of each data set."""
    assert definition_of(rdl(REPORT)) == REPORT


@pytest.mark.parametrize("data", [b"", b"<Report/>", rdl(REPORT).replace(b"Name>MSCRM<", b"Name>other<")])
def test_what_is_no_definition_is_misspoken(data):
    """And a data set without its source."""
    with pytest.raises(Misspoken):
        definition_of(data)


@given(st.sampled_from(CALLS), st.integers(0, 1500), st.integers(0, 40), st.binary(max_size=10))
def test_broken_messages_end_in_a_value_or_say_why_not(call, place, length, noise):
    """With a piece cut out and noise in its place."""
    data = envelope(*asked(call))
    with contextlib.suppress(Misspoken, Fault):
        found = call_of(opened(data[:place] + noise + data[place + length :]))
        if isinstance(found, CreateReport):
            definition_of(found.definition)
