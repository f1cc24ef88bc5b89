"""NTP: our client and chronyd ask, our server answers."""

import contextlib
import re
import shutil
import socket
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.asking import asked
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.samba import SERVER
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols.conversation import Misspoken, Refused, send, some
from portwright.protocols.ntp import client, server

NOON = 1_700_000_000.0  # seconds since 1970
IN_ERA_1 = 2_085_978_496.0 + 86_400  # a day after the count of seconds begins again, in 2036


def noon():
    """A clock that stands still."""
    return NOON


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (NOON + 0.25, "NTP: stratum 3, within a second of our clock"),
        (NOON + 301, "NTP: stratum 3, 301 s ahead of our clock"),
        (NOON - 3600, "NTP: stratum 3, 3600 s behind our clock"),
    ],
)
def test_a_server_says_its_stratum_and_how_its_clock_differs(theirs, said):
    """What Kerberos allows is five minutes, so it is worth saying."""
    assert str(talked(client(noon), server(theirs), datagrams=True)) == said


@pytest.mark.parametrize(("theirs", "ahead"), [(-3, -3), (0, 0), (5, 0), (10, 0), (14, 4)])
def test_the_time_that_an_answer_takes_makes_no_clock_wrong(theirs, ahead):
    """It comes after ten seconds: whatever was the time meanwhile may be right."""
    ours = iter((NOON, NOON + 10))
    assert talked(client(lambda: next(ours)), server(NOON + theirs), datagrams=True).ahead == ahead


@given(ours=st.floats(0, 2**32), ahead=st.floats(-1e6, 1e6))
def test_the_difference_is_right_in_every_era(ours, ahead):
    """Clocks within a few days of another are compared rightly when the count begins again."""
    said = talked(client(lambda: ours), server(ours + ahead), datagrams=True)
    assert said.ahead == pytest.approx(ahead, abs=1e-3)


def changed(at, octet):
    """A server that changes one octet of its answer."""
    said = []
    talk = recorded(server(NOON), said)

    def other():
        next(talk)
        asked = yield from some()
        answer = bytearray(talk.send(asked).data)
        answer[at] = octet
        yield from send(bytes(answer))

    return other()


@pytest.mark.parametrize(
    ("at", "octet", "what"),
    [
        (0, 0x23, Misspoken),  # its mode is a client's
        (24, 0xFF, Misspoken),  # the origin is not what we sent, or is by one chance in 256
        (1, 0, Refused),  # the kiss of death
    ],
)
def test_what_is_no_answer_or_a_no_is_told(at, octet, what):
    """RFC 5905, 8: bogus packets; 7.4: kiss codes."""
    outcomes = []
    for _ in range(3):
        try:
            outcomes.append(talked(client(noon), changed(at, octet), datagrams=True))
        except (Misspoken, Refused) as problem:
            outcomes.append(problem)
    assert any(isinstance(one, what) for one in outcomes)


def test_a_clock_that_follows_none_says_so():
    """Stratum 16, or the leap indicator 3."""
    for at, octet in ((1, 16), (0, 0xE4)):
        assert str(talked(client(noon), changed(at, octet), datagrams=True)) == "NTP: not synchronized"


@given(st.binary(max_size=120))
def test_any_datagram_ends_well_on_both_sides(data):
    """With a value, with Misspoken, or with silence."""
    hears(client(noon), [data], datagrams=True)
    assert hears(server(NOON), [data], datagrams=True) is None


def answers():
    said = []
    talked(client(noon), recorded(server(NOON), said), datagrams=True)
    return said


@given(broken(answers()))
def test_a_broken_answer_to_our_own_question_ends_well(messages):
    """The origin is the one that was sent."""
    hears(client(noon), messages, datagrams=True, fitted=lambda sent, one: one[:24] + sent[40:48] + one[32:])


@pytest.mark.skipif(not shutil.which("chronyd"), reason="chronyd is not installed")
def test_chronyd_takes_the_time(tmp_path):
    """It says by how much its own clock is wrong, and sets none."""
    with served(lambda: server(time.time() + 77), datagrams=True) as port:
        settings = (
            f"server {HOME} port {port} iburst maxsamples 1",
            "port 0",
            "cmdport 0",
            "bindcmdaddress /",
            f"pidfile {tmp_path}/chronyd.pid",
            "user root",
        )
        command = ["chronyd", "-x", "-Q", "-t", "60", *settings]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    wrong = re.search(r"System clock wrong by (-?[\d.]+) seconds", ran.stdout + ran.stderr)
    assert wrong, ran.stderr
    assert float(wrong[1]) == pytest.approx(77, abs=10)


@pytest.mark.skipif(not shutil.which("chronyd"), reason="chronyd is not installed")
def test_chronyd_tells_our_client_the_time(tmp_path):
    """It serves its own clock, which is ours, on a port of its own, and sets none."""
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind((SERVER, 0))
        port = free.getsockname()[1]
    settings = (
        f"port {port}",
        f"bindaddress {SERVER}",
        "allow 127.0.0.0/8",
        "local stratum 5",
        "cmdport 0",
        "bindcmdaddress /",
        f"pidfile {tmp_path}/chronyd.pid",
        "user root",
    )
    with subprocess.Popen(["chronyd", "-x", "-d", *settings], stderr=subprocess.PIPE, text=True) as daemon:
        try:
            _waited(daemon)
            said = _answered(port)
        finally:
            daemon.terminate()
    assert str(said) == "NTP: stratum 5, within a second of our clock"


def _answered(port):
    """What it says, as soon as it listens."""
    for _ in range(300):
        with contextlib.suppress(ConnectionRefusedError):
            return asked(client(time.time), SERVER, port, datagrams=True)
        time.sleep(0.1)
    raise TimeoutError("chronyd does not listen")


def _waited(daemon):
    """Until it serves; skips where it says that it may not."""
    for line in daemon.stderr:
        if "Fatal" in line:
            pytest.skip(f"chronyd cannot run here: {line.strip()}")
        if "x control" in line or "Disabled control" in line:
            return
