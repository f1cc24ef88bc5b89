"""The organization service's calls and answers come back from SOAP as they were."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.protocols.conversation import Misspoken
from portwright.protocols.organization_service import (
    Create,
    Created,
    Delete,
    Done,
    Execute,
    Executed,
    Record,
    Records,
    Reference,
    Retrieve,
    RetrieveMultiple,
    Update,
    answer_of,
    asked,
    call_of,
    told,
)
from portwright.protocols.soap import Fault, envelope, opened

ID = "5e2d63d5-0d3c-4d3a-8d83-6a1c2f0f2a11"
RECORD = Record("account", ID, {"name": "Fabrikam <&>", "revenue": 1.5, "employees": 7, "active": True, "fax": None,
                                "primarycontactid": Reference("contact", ID)})  # fmt: skip
CALLS = [
    (Create(RECORD), Created(ID)),
    (Retrieve("account", ID, ("name", "revenue")), RECORD),
    (Retrieve("account", ID), RECORD),
    (Update(RECORD), Done()),
    (Delete("account", ID), Done()),
    (RetrieveMultiple("<fetch><entity name='account'/></fetch>"), Records("account", (RECORD, Record("account")))),
    (Execute("SendEmail", {"EmailId": ID, "IssueSend": True}), Executed("SendEmail", {"Subject": "x"})),
    (Execute("WhoAmI"), Executed("WhoAmI")),
]


@pytest.mark.parametrize(("call", "answer"), CALLS)
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_calls_and_answers_come_back_as_they_were(call, answer, version):
    """Through an envelope of either version."""
    assert call_of(opened(envelope(asked(call), version=version))) == call
    assert answer_of(opened(envelope(told(call, answer), version=version))) == answer


def test_an_unknown_operation_is_misspoken():
    """And so is a number that is none."""
    data = envelope(asked(Create(RECORD)))
    with pytest.raises(Misspoken, match="no Associate"):
        call_of(opened(data.replace(b"Create", b"Associate")))
    with pytest.raises(Misspoken, match="no int"):
        call_of(opened(data.replace(b">7<", b">seven<")))


@given(st.sampled_from(CALLS), st.integers(0, 3000), st.integers(0, 40), st.binary(max_size=10))
def test_broken_messages_end_in_a_value_or_say_why_not(pair, place, length, noise):
    """Both ways, with a piece cut out and noise in its place."""
    for data, read in ((envelope(asked(pair[0])), call_of), (envelope(told(*pair)), answer_of)):
        with contextlib.suppress(Misspoken, Fault):
            read(opened(data[:place] + noise + data[place + length :]))
