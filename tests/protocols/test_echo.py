"""What was sent comes back, and nothing else is taken for it."""

import pytest
from tests.protocols.spoken import talked

from portwright.protocols import echo
from portwright.protocols.conversation import Misspoken, send, some


@pytest.mark.parametrize("datagrams", [False, True])
def test_an_echo_is_heard(datagrams):
    """Over streams and over datagrams."""
    assert talked(echo.client(), echo.server(), datagrams=datagrams) == "an echo"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_another_answer_is_no_echo(answer):
    """Somebody else may sit on the port."""

    def other():
        yield from some()
        yield from send(answer)

    with pytest.raises(Misspoken):
        talked(echo.client(), other())
