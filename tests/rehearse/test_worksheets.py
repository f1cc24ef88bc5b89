"""Worksheets come back as they were, and what is none is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.protocols import deployment_service as deployment
from portwright.protocols.conversation import Misspoken
from portwright.protocols.organization_service import Record, Records, Reference
from portwright.protocols.soap import Fault, envelope, opened
from portwright.rehearse.servers.crm.worksheets import Worksheet, dynamic, static, worksheet_of

SHEET = Worksheet("sql01.contoso.test,14330", "CONTOSO_MSCRM", "SELECT * FROM FilteredAccount WHERE a < 1")
FOUND = (deployment.Organization("1", "CONTOSO", "CONTOSO_MSCRM"), deployment.Organization("2", "A", "A_MSCRM"))


def test_a_dynamic_worksheet_comes_back():
    """Server, database and query; one without a server is none."""
    assert worksheet_of(dynamic(SHEET)) == SHEET
    with pytest.raises(Misspoken):
        worksheet_of(dynamic(SHEET).replace(b"Data Source", b"Source"))


def test_a_static_worksheet_has_the_rows():
    """With empty cells where a record has nothing."""
    records = (
        Record("account", attributes={"name": "a,b"}),
        Record("account", attributes={"owner": Reference("u", "7")}),
    )
    assert static(Records("account", records)).decode("utf-8-sig").split() == ["name,owner", '"a,b",', ",7"]


def test_organizations_of_a_deployment_come_back():
    """Through an envelope."""
    assert deployment.organizations_of(opened(envelope(deployment.told(FOUND)))) == FOUND
    deployment.check(opened(envelope(deployment.asked())))


@given(st.integers(0, 900), st.integers(0, 40), st.binary(max_size=10))
def test_broken_documents_end_in_a_value_or_say_why_not(place, length, noise):
    """With a piece cut out and noise in its place."""
    for data, read in (
        (dynamic(SHEET), worksheet_of),
        (envelope(deployment.told(FOUND)), lambda one: deployment.organizations_of(opened(one))),
        (envelope(deployment.asked()), lambda one: deployment.check(opened(one))),
    ):
        with contextlib.suppress(Misspoken, Fault):
            read(data[:place] + noise + data[place + length :])
