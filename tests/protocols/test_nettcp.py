"""net.tcp: our two sides against each other, pynettcp against our server, hostile bytes against both."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynettcp.channel import Channel as TheirChannel
from pynettcp.framing import FramingFault
from pynettcp.nbfx import SessionStr
from tests.protocols.kerberos.contoso import ALICE, NAME, NOW, REALM, clock
from tests.protocols.serving import served
from tests.protocols.spoken import talked

from portwright.protocols import soap, xmltree
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, send, take
from portwright.protocols.kerberos import Principal, kdc, sign_in, ticket_for
from portwright.protocols.nettcp import framing
from portwright.protocols.nettcp.binaryxml import Strings, from_text, int31, int31_bytes, to_text
from portwright.protocols.nettcp.channel import Call, Endpoint, Failure, Via, opened, probe, server
from portwright.protocols.nettcp.dictionary import STATIC
from portwright.protocols.nettcp.framing import FramingRefused, Preamble
from portwright.protocols.nettcp.security import Secured, initiate
from portwright.protocols.spnego import Acceptor, Initiator
from portwright.protocols.tds.octets import Octets
from portwright.protocols.xmltree import Element, SubElement

VIA = "net.tcp://fe01.contoso.test:808/CrmSdkListener"
ECHO = "urn:test/IEcho/Echo"
KEYS = REALM.keys("host/fe01")


def question(text="hello"):
    body = Element("{urn:test}Echo")
    SubElement(body, "{urn:test}text").text = text
    return body


def echo(asked, acceptor=None):
    """Answers what it is asked, and who asked; there is but one service."""
    match asked:
        case Via(address):
            return Endpoint(acceptor) if address.endswith("/CrmSdkListener") else None
        case Call(message=message, action=action, user=user):
            if message.operation != "Echo" or action != ECHO:
                return Failure("There is no such operation.")
            answer = Element("{urn:test}EchoResponse")
            SubElement(answer, "{urn:test}EchoResult").text = xmltree.text_of(message.body, "text") + user
            return answer


def secure_echo(asked):
    return echo(asked, lambda: Acceptor(KEYS, clock))


def ticket():
    tgt = talked(sign_in(ALICE, "rose garden", NOW), kdc.server(REALM, clock))
    return talked(ticket_for(tgt, Principal.of("host/fe01", NAME), NOW), kdc.server(REALM, clock))


TICKET = ticket()


def asked(*texts, via=VIA, package=None, action=ECHO):
    channel = yield from opened(via, package)
    found = []
    for text in texts:
        message = yield from channel.call(action, question(text))
        found.append(xmltree.text_of(message.body, "EchoResult"))
    yield from channel.close()
    return found


def test_one_connection_takes_many_calls():
    """Each is answered in its turn."""
    long = "ö" * 70_000
    assert talked(asked("one", "", long), server(), echo) == ["one", "", long]


def test_who_calls_is_known_by_a_ticket():
    """And nothing of it can be read on the way."""
    seen = []

    def overheard(talk):
        act = next(talk)
        with contextlib.suppress(StopIteration):
            while True:
                seen.append(getattr(act, "data", b""))
                act = talk.send((yield act))

    found = talked(asked("hello", "again", package=Initiator(TICKET, NOW)), overheard(server()), secure_echo)
    assert found == [f"helloalice@{NAME}", f"againalice@{NAME}"]
    assert b"EchoResult" not in b"".join(seen)


def test_what_cannot_be_done_is_said_as_a_fault():
    """The connection goes on."""

    def talk():
        channel = yield from opened(VIA)
        with pytest.raises(soap.Fault, match="no such operation"):
            yield from channel.call("urn:other", question())
        return xmltree.text_of((yield from channel.call(ECHO, question())).body, "EchoResult")

    assert talked(talk(), server(), echo) == "hello"


REFUSED = [
    (asked(via="net.tcp://fe01/Other"), echo, "EndpointNotFound"),
    (asked(package=Initiator(TICKET, NOW)), echo, "UpgradeInvalid"),
    (asked(), secure_echo, "UpgradeInvalid"),
]


@pytest.mark.parametrize(("talk", "answer", "fault"), REFUSED)
def test_a_connection_that_does_not_fit_is_refused(talk, answer, fault):
    """By the fault of the standard."""
    with pytest.raises(FramingRefused, match=f"^{fault}$"):
        talked(talk, server(), answer)


@pytest.mark.parametrize(
    ("first", "fault"), [(Preamble(VIA, mode=1), "UnsupportedMode"), (Preamble(VIA, encoding=3), "ContentTypeInvalid")]
)
def test_a_preamble_that_is_not_spoken_here_is_refused(first, fault):
    """Whatever else it says."""

    def client():
        yield from send(first.packed())
        yield from framing.expect(framing.Record.PREAMBLE_ACK)

    with pytest.raises(FramingRefused, match=fault):
        talked(client(), server(), echo)


def test_a_probe_learns_that_it_is_net_tcp():
    """Whether there is such a service or not."""
    assert talked(probe(VIA), server(), echo) == "accepted"
    assert talked(probe("net.tcp://fe01/"), server(), echo) == "refused: EndpointNotFound"


def test_a_bad_ticket_is_refused_by_both():
    """The client hears it, the server ends."""
    other = Acceptor(REALM.keys("alice"), clock)

    def patient():
        with pytest.raises(Refused):
            yield from server()

    with pytest.raises(Refused, match="refuses the negotiation"):
        talked(asked(package=Initiator(TICKET, NOW)), patient(), lambda one: echo(one, lambda: other))


def test_frames_under_a_context_are_cut_and_joined():
    """As the bytes need it, and an end between them is heard by who waits."""
    client, service = Initiator(TICKET, NOW), Acceptor(KEYS, clock)
    client.step(service.step(client.token))
    data = bytes(range(256)) * 600

    def reads():
        secured = Secured(client.context)
        first = yield from secured.run(take(100_000))
        rest = yield from secured.run(take(len(data) - 100_000))
        with pytest.raises(EndOfStream):
            yield from secured.run(take(1))
        return first + rest

    assert talked(reads(), Secured(service.accepted.context).run(send(data))) == data


# -- another maker's client, which leaves its sockets to be found

LEAVES_SOCKETS = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@LEAVES_SOCKETS
@pytest.mark.parametrize("texts", [["hello", "again"], ["ü" * 1000], ["&<>\"'", ""]])
def test_pynettcp_is_answered(texts):
    """With strings of the session, which it names once and then by number."""
    found = []
    with served(server, echo) as port:
        via = f"net.tcp://127.0.0.1:{port}/CrmSdkListener"
        with TheirChannel(via, timeout=60) as channel:
            for text in texts:

                def body(writer, text=text):
                    writer.start_element("", SessionStr("Echo"), SessionStr("urn:test"))
                    writer.start_element("", SessionStr("text"), SessionStr("urn:test"))
                    writer.value(text)
                    writer.end_element()
                    writer.end_element()

                envelope = channel.call(action=ECHO, body=body)
                assert envelope.action == f"{ECHO}Response"
                found.append("".join(event[1] for event in envelope.body_events if event[0] == "text"))
    assert found == texts


@LEAVES_SOCKETS
def test_pynettcp_understands_our_faults():
    """Of framing, and of SOAP."""
    with served(server, echo) as port:
        with TheirChannel(f"net.tcp://127.0.0.1:{port}/CrmSdkListener", timeout=60) as channel:
            assert channel.call(action="urn:none").is_fault
        with pytest.raises(FramingFault, match="EndpointNotFound"):
            TheirChannel(f"net.tcp://127.0.0.1:{port}/Other", timeout=60).call(action=ECHO)


class TheirContext:
    """Our ticket, as pynettcp wants to have it: its own packages want a library of the system."""

    def __init__(self, initiator):
        self.initiator = initiator

    @property
    def complete(self):
        return self.initiator.context is not None

    def step(self, token):
        return self.initiator.step(token) if token else self.initiator.token

    def wrap(self, data):
        return self.initiator.context.wrap(data)

    def unwrap(self, data):
        return self.initiator.context.unwrap(data)


@LEAVES_SOCKETS
def test_pynettcp_secures_its_connection(monkeypatch):
    """By a ticket; preamble, calls and end travel in its frames."""
    monkeypatch.setattr("pynettcp.security.create_context", lambda *_, **__: TheirContext(Initiator(TICKET, NOW)))

    def body(writer):
        writer.start_element("", SessionStr("Echo"), SessionStr("urn:test"))
        writer.start_element("", SessionStr("text"), SessionStr("urn:test"))
        writer.value("I am:")
        writer.end_element()
        writer.end_element()

    with served(server, secure_echo) as port:
        via = f"net.tcp://127.0.0.1:{port}/CrmSdkListener"
        with TheirChannel(via, timeout=60, security="transport") as channel:
            envelope = channel.call(action=ECHO, body=body)
    assert [event[1] for event in envelope.body_events if event[0] == "text"] == [f"I am:alice@{NAME}"]


# -- binary XML

DOCUMENTS = [
    "<a/>", "<a>text</a>", '<a xmlns="urn:x" b="1"><b xmlns="">&amp;</b></a>',
    f'<s:Envelope xmlns:s="{STATIC[4]}"><s:Body s:mustUnderstand="1">é</s:Body></s:Envelope>',
    f"<a>{'x' * 70000}</a>",
]  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_comes_back_as_it_was(document):
    """Through binary and back."""
    there_and_back = xmltree.parsed(to_text(from_text(document.encode()), Strings()))
    assert xmltree.written(there_and_back) == xmltree.written(xmltree.parsed(document.encode()))


VALUES = [
    ("80", "0"), ("82", "1"), ("84", "false"), ("86", "true"), ("88 de", "-34"), ("8a 00 80", "-32768"),
    ("8c 15 cd 5b 07", "123456789"), ("8e 00 00 00 80 00 00 00 00", "2147483648"),
    ("90 cd cc 8c 3f", "1.100000023841858"),
    ("92 74 57 14 8b 0a bf 05 40", "2.71828182845905"),
    ("94 00 00 06 00 00 00 00 00 80 2d 4e 00 00 00 00 00", "5.123456"),
    ("96 ff 3f 37 f4 75 28 ca 2b", "9999-12-31T23:59:59.999999"), ("98 05 68 65 6c 6c 6f", "hello"),
    ("9e 08 00 01 02 03 04 05 06 07", "AAECAwQFBgc="), ("a4 88 7b 98 05 68 65 6c 6c 6f 86 a6", "123 hello true"),
    ("a8", ""), ("aa 08", "Header"), ("ac 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff",
    "urn:uuid:33221100-5544-7766-8899-aabbccddeeff"), ("ae 00 c4 f5 32 ff ff ff ff", "-PT344S"),
    ("b0 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f", "03020100-0504-0706-0809-0a0b0c0d0e0f"),
    ("b2 ff ff ff ff ff ff ff ff", "18446744073709551615"), ("b4 01", "true"), ("b6 06 75 00 6e 00 69 00", "uni"),
    ("bc 08 0e", "i:Body"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "text"), VALUES)
def test_a_value_is_read_by_its_type(record, text):
    """Each as the standard writes it."""
    data = b"\0\x40\x01a" + bytes.fromhex(record) + b"\x01"
    assert to_text(data, Strings()).decode() == f"<a>{text}</a>"


def test_an_array_is_its_elements():
    """One after the other."""
    data = bytes.fromhex("00 40 01 61 03 40 01 62 01 8b 02 01 00 ff ff 01")
    assert to_text(data, Strings()) == b"<a><b>1</b><b>-1</b></a>"


def test_strings_of_a_session_are_kept():
    """A later message names them by number; another session does not know them."""
    strings = Strings()
    assert to_text(bytes.fromhex("04 03") + b"abc" + bytes.fromhex("42 01 01"), strings) == b"<abc></abc>"
    assert to_text(bytes.fromhex("00 42 01 01"), strings) == b"<abc></abc>"
    with pytest.raises(Misspoken, match="string 1 is not known"):
        to_text(bytes.fromhex("00 42 01 01"), Strings())


@given(st.integers(0, 2**31 - 1))
def test_a_number_has_seven_bits_a_byte(number):
    """And comes back."""
    assert int31(Octets(int31_bytes(number))) == number


TRUE = [from_text(one.encode()) for one in DOCUMENTS[:4]] + [
    b"\0\x40\x01a" + bytes.fromhex(r) + b"\x01" for r, _ in VALUES
]


@given(st.sampled_from(TRUE) | st.binary(max_size=40).map(lambda data: b"\0" + data), st.data())
def test_whatever_comes_is_a_document_or_misspoken(data, drawn):
    """True messages, cut short and changed, and other bytes; the document is one that a parser reads."""
    if data and drawn.draw(st.booleans()):
        at = drawn.draw(st.integers(0, len(data) - 1))
        data = data[:at] + drawn.draw(st.binary(max_size=4)) + data[at + drawn.draw(st.integers(0, 4)) :]
    with contextlib.suppress(Misspoken):
        xmltree.parsed(to_text(data, Strings()))


def test_what_could_grow_without_end_is_misspoken():
    """A long string named again and again, and a session of many strings."""
    long = b"x" * 10_000
    named = bytes.fromhex("40 01 61") + b"\xaa\x01" * 2_000
    data = int31_bytes(len(long) + 2) + int31_bytes(len(long)) + long + named
    with pytest.raises(Misspoken, match="too large"):
        to_text(data, Strings())
    strings, more = Strings(), int31_bytes(len(long) + 2) + int31_bytes(len(long)) + long + b"\x40\x01a\x01"
    for _ in range(6):
        to_text(more, strings)
    with pytest.raises(Misspoken, match="bytes of strings"):
        to_text(more, strings)


@given(st.binary(max_size=80), st.booleans())
def test_whatever_a_server_says_ends_the_conversation_orderly(data, accepted):
    """As misspoken, refused or ended too early."""
    with pytest.raises((Misspoken, Refused, EndOfStream)):
        talked(asked("hello"), send((framing.PREAMBLE_ACK if accepted else b"") + data))


@given(st.binary(max_size=80), st.sampled_from([b"", Preamble(VIA).packed(), Preamble(VIA, upgrade="x").packed()]))
def test_whatever_a_client_says_ends_the_conversation_orderly(data, start):
    """As misspoken, refused or at its end."""
    ended = []

    def patient():
        with contextlib.suppress(Misspoken, Refused, EndOfStream):
            yield from server()
        ended.append(True)

    talked(send(start + data), patient(), echo)
    assert ended


@given(st.binary(max_size=80))
def test_whatever_comes_in_a_negotiation_ends_it_orderly(data):
    """As misspoken, refused or ended too early."""
    with pytest.raises((Misspoken, Refused, EndOfStream)):
        talked(initiate(Initiator(TICKET, NOW)), send(data))
