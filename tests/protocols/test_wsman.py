"""WS-Management: identify, and shells whose calls and answers come back as they were."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.spoken import talked

from portwright.protocols import soap
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.http import Request, Response, server
from portwright.protocols.wsman import (
    CloseShell,
    OpenShell,
    Output,
    Receive,
    RunCommand,
    Signal,
    asked,
    call_of,
    command_line,
    id_of,
    identified,
    is_identify,
    output_of,
    probe,
    told,
)

CALLS = [
    (OpenShell(), "s1"), (RunCommand("s1", "ipconfig", ("/all", "a & b")), "c1"),
    (Receive("s1", "c1"), Output(b"out\r\n", b"err", 7)), (Signal("s1", "c1"), ""), (CloseShell("s1"), ""),
]  # fmt: skip


@pytest.mark.parametrize(("call", "answer"), CALLS, ids=[type(call).__name__ for call, _ in CALLS])
def test_calls_and_answers_come_back_as_they_were(call, answer):
    """And each answer says which message it answers."""
    request = soap.opened(asked(call, "http://dep/wsman").body)
    assert call_of(request) == call
    reply = soap.result(told(request, call, answer))
    assert reply.header("RelatesTo") == request.header("MessageID")
    if isinstance(call, (OpenShell, RunCommand)):
        assert id_of(reply) == answer
    if isinstance(call, Receive):
        assert output_of(reply) == answer


def test_identify_says_which_service_this_is():
    """To whoever asks; another service is none."""

    def application(request):
        return identified() if is_identify(soap.opened(request.body)) else None

    assert talked(probe("dep"), server(), application).startswith("Microsoft Corporation OS: 6.3")
    with pytest.raises(Misspoken):
        talked(probe("dep"), server(), lambda _: Response(200, b"<html/>"))


def test_what_was_typed_is_told():
    """That of PowerShell where it comes encoded."""
    encoded = base64.b64encode("Get-CrmOrganization".encode("utf-16-le")).decode()
    assert command_line(RunCommand("s", f"powershell -encodedcommand {encoded}")) == "Get-CrmOrganization"
    assert command_line(RunCommand("s", "ipconfig", ("/all",))) == "ipconfig /all"
    with pytest.raises(Misspoken):
        command_line(RunCommand("s", "powershell", ("-enc", "???")))


@given(st.sampled_from(CALLS), st.integers(0, 2000), st.integers(0, 40), st.binary(max_size=10))
def test_broken_messages_end_in_a_value_or_say_why_not(pair, place, length, noise):
    """Both ways, with a piece cut out and noise in its place."""
    request = asked(pair[0], "http://dep/wsman")
    reply = told(soap.opened(request.body), *pair).body
    with contextlib.suppress(Misspoken, Refused):
        call_of(soap.opened(request.body[:place] + noise + request.body[place + length :]))
    for read in (id_of, output_of):
        with contextlib.suppress(Misspoken, Refused):
            read(soap.opened(reply[:place] + noise + reply[place + length :]))
    assert isinstance(request, Request)
