"""The calls and answers of Exchange Web Services come back as they were."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.ews import (
    CreateItem,
    DeleteItem,
    FindItem,
    Folder,
    GetFolder,
    GetItem,
    Item,
    SendItem,
    asked,
    call_of,
    ews_address,
    found_at,
    items_of,
    parts_of,
    server_header,
    told,
    version_header,
    where_is,
    whose,
)
from portwright.protocols.soap import Fault, envelope, opened

ITEM = Item("7", "ada@contoso.test", ("bob@contoso.test",), "Hi & bye", "text", b"Subject: x\r\n\r\n\xff")
CALLS = [
    (GetFolder(("inbox",)), (Folder("inbox", 3),)),
    (FindItem("inbox"), ((ITEM, Item("8", subject="y")),)),
    (GetItem(("7", "9")), ((ITEM,), "ErrorItemNotFound")),
    (CreateItem(ITEM, "SendAndSaveCopy"), ((),)),
    (SendItem(("7",)), ((),)),
    (DeleteItem(("7", "8")), ((), ())),
]


@pytest.mark.parametrize(("call", "parts"), CALLS, ids=[type(call).__name__ for call, _ in CALLS])
def test_calls_and_answers_come_back_as_they_were(call, parts):
    """Through an envelope."""
    assert call_of(opened(envelope(asked(call), [version_header()]))) == call
    assert parts_of(opened(envelope(told(call, parts), [server_header()]))) == parts


def test_what_exchange_refuses_is_told():
    """By its own code."""
    with pytest.raises(Refused, match="ErrorItemNotFound"):
        items_of(opened(envelope(told(*CALLS[2]))))
    assert items_of(opened(envelope(told(*CALLS[1]))))[0] == ITEM


def test_autodiscover_says_where_a_mailbox_is():
    """To whoever asks for an address."""
    assert whose(where_is("ada@contoso.test").body) == "ada@contoso.test"
    assert ews_address(found_at("ada@contoso.test", "https://mail/EWS").body) == "https://mail/EWS"


@given(st.sampled_from(CALLS), st.integers(0, 1500), st.integers(0, 40), st.binary(max_size=10))
def test_broken_messages_end_in_a_value_or_say_why_not(pair, place, length, noise):
    """Both ways, with a piece cut out and noise in its place."""
    for data, read in ((envelope(asked(pair[0])), call_of), (envelope(told(*pair)), items_of)):
        with contextlib.suppress(Misspoken, Fault, Refused):
            read(opened(data[:place] + noise + data[place + length :]))
