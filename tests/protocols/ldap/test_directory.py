"""A directory answers who may ask: as the standard and Active Directory have it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.kerberos.contoso import ALICE, NAME, NOW, REALM, clock
from tests.protocols.ldap.corporation import BASE, DIRECTORY, DOMAIN, HOST, KNOWN, LDAP, SIGNED_IN, judge, serve
from tests.protocols.spoken import talked

from portwright.protocols import der
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, send, some
from portwright.protocols.kerberos import Flag, Principal, gss, kdc, sign_in, ticket_for
from portwright.protocols.ldap import (
    EVERYTHING,
    NOBODY,
    All,
    Any,
    Compared,
    Located,
    Not,
    NotDone,
    Parts,
    Password,
    Present,
    Role,
    Scope,
    Ticket,
    directory_of,
    equal,
    locate,
    locator,
    look_up,
    root_dse,
    server,
)
from portwright.protocols.ldap.filters import BITS_ALL, Rule
from portwright.protocols.ldap.messages import (
    EXTENDED_DONE,
    SEARCH_DONE,
    Bind,
    Control,
    Ended,
    Result,
    Search,
    all_of,
    message,
)
from portwright.protocols.ldap.netlogon import read_located
from portwright.protocols.ldap.paging import PAGED
from portwright.protocols.ldap.sasl import Gssapi


def asked(talk, directory=DIRECTORY):
    return talked(talk, serve(directory=directory), judge)


def names(found):
    return [entry.name.partition(",")[0] for entry in found]


def ticket():
    tgt = talked(sign_in(ALICE, "rose garden", NOW), kdc.server(KNOWN, clock))
    return talked(ticket_for(tgt, Principal.of(LDAP, NAME), NOW), kdc.server(KNOWN, clock))


def test_a_server_tells_everybody_what_it_is():
    """Without any sign-in."""
    root = asked(root_dse())
    assert (root.first("dnshostname"), root.first("defaultNamingContext")) == (HOST, BASE)
    assert root.first("currentTime") == "20260504093001.0Z"


def test_the_rest_is_for_who_signs_in():
    """As on a domain controller; another directory may be open to all."""
    with pytest.raises(NotDone, match="bind must be completed"):
        asked(look_up(NOBODY, BASE))
    assert len(asked(look_up(NOBODY, BASE), dataclasses.replace(DIRECTORY, open=True))) == 4


@pytest.mark.parametrize(
    ("who", "complaint"),
    [
        (Password(SIGNED_IN.name, "wrong"), "invalid credentials"),
        (Password("mallory", "x"), "invalid credentials"),
        (Password(SIGNED_IN.name, ""), "without a password"),
    ],
    ids=["password", "name", "empty"],
)
def test_a_wrong_sign_in_is_refused(who, complaint):
    """With what is wrong, as the standard numbers it."""
    with pytest.raises(NotDone, match=complaint):
        asked(look_up(who, BASE))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (EVERYTHING, ["DC=contoso", "CN=Users", "CN=Alice", "CN=Bob"]),
        (equal("samaccountname", "ALICE"), ["CN=Alice"]),
        (Present("mail"), ["CN=Alice"]),
        (Not(Present("mail")), ["DC=contoso", "CN=Users", "CN=Bob"]),
        (All((equal("objectClass", "user"), Not(equal("cn", "bob")))), ["CN=Alice"]),
        (Any((equal("cn", "bob"), equal("dc", "contoso"))), ["DC=contoso", "CN=Bob"]),
        (Parts("mail", b"al", (b"@",), b"example"), ["CN=Alice"]),
        (Parts("cn", b"", (b"o",)), ["CN=Bob"]),
        (Parts("cn", b"bo", (), b"ob"), []),
        (Compared("userAccountControl", b"1000", ">="), ["CN=Alice"]),
        (Compared("userAccountControl", b"1000", "<="), ["CN=Bob"]),
        (Rule(BITS_ALL, "userAccountControl", b"2"), ["CN=Bob"]),
        (Not(Rule("1.2.3", "userAccountControl", b"2")), []),  # undefined: neither it nor its contrary
    ],
    ids=str,
)
def test_filters_find_what_they_say(wanted, found):
    """Whatever the case of names and values."""
    assert names(asked(look_up(SIGNED_IN, BASE, wanted))) == found


@pytest.mark.parametrize(
    ("base", "scope", "found"),
    [
        (BASE, Scope.BASE, ["DC=contoso"]),
        (" dc=Contoso , DC = example", Scope.ONE, ["CN=Users"]),
        (f"CN=Users,{BASE}", Scope.SUBTREE, ["CN=Users", "CN=Alice", "CN=Bob"]),
        ("", Scope.SUBTREE, ["DC=contoso", "CN=Users", "CN=Alice", "CN=Bob"]),
    ],
    ids=["base", "one", "subtree", "everywhere"],
)
def test_a_search_goes_as_far_as_its_scope(base, scope, found):
    """From wherever it begins; a global catalog is asked everywhere."""
    assert names(asked(look_up(SIGNED_IN, base, scope=scope))) == found


def test_a_search_gets_the_attributes_and_the_number_it_asks_for():
    """And no error for a size that it set itself."""
    (alice,) = asked(look_up(SIGNED_IN, BASE, equal("cn", "alice"), attributes=("MAIL", "objectguid")))
    assert alice.attributes == {
        "mail": (b"alice@contoso.example", b"a@contoso.example"),
        "objectGUID": bytes(range(16)) and (bytes(range(16)),),
    }
    assert len(asked(look_up(SIGNED_IN, BASE, most=2))) == 2
    with pytest.raises(NotDone, match="no such object"):
        asked(look_up(SIGNED_IN, "DC=fabrikam"))


@pytest.mark.parametrize("flags", [None, Flag.MUTUAL | Flag.SIGN, Flag.MUTUAL, Flag.SIGN])
def test_who_has_a_ticket_signs_in_and_seals_or_signs_or_neither(flags):
    """As a domain controller expects it."""
    who = Ticket(ticket(), NOW) if flags is None else Ticket(ticket(), NOW, flags)
    assert names(asked(look_up(who, BASE, equal("cn", "bob")))) == ["CN=Bob"]


def test_a_ticket_for_another_service_is_refused():
    """The reason is the service's."""
    with pytest.raises(NotDone, match="KRB_AP_ERR_MODIFIED"):
        talked(look_up(Ticket(ticket(), NOW), BASE), server(DIRECTORY, clock, REALM.keys("alice")), judge)


def test_a_locator_finds_the_controller_of_its_domain_alone():
    """By one datagram each way."""
    here = Located.of(DOMAIN, HOST)
    for address in ("10.1.2.3", "fd00::1", ""):
        assert talked(locate(DOMAIN), locator(here, address), datagrams=True) == here
    assert (here.netbios_domain, here.netbios_host) == ("CONTOSO", "DC1")
    assert Role.KDC in here.roles
    with pytest.raises(NotDone, match="no controller of fabrikam"):
        talked(locate("fabrikam.example"), locator(here), datagrams=True)


def wire(talk):
    """What a client's first word is."""
    return next(talk).data


TRUE = [Search(BASE, 2, All((equal("a", "b"), Not(Parts("c", b"d"))))).encoded, wire(root_dse()), wire(locate(DOMAIN))]


@given(
    st.binary(max_size=60)
    | st.sampled_from(TRUE).flatmap(lambda true: st.integers(0, len(true)).map(lambda end: true[:end]))
    | st.tuples(st.sampled_from(TRUE), st.integers(0, 500), st.integers(1, 255)).map(
        lambda change: bytes(
            octet ^ (change[2] if at == change[1] % len(change[0]) else 0) for at, octet in enumerate(change[0])
        )
    )
)
def test_any_octets_end_in_order(octets):
    """For the server, the locator and the client."""

    def say():
        yield from send(octets)

    for client, other, datagrams in (
        (say(), serve(), False),
        (say(), locator(Located.of(DOMAIN, HOST)), True),
        (root_dse(), say(), False),
        (look_up(SIGNED_IN, BASE), say(), False),
        (locate(DOMAIN), say(), True),
    ):
        try:
            talked(client, other, judge, datagrams=datagrams)
        except (Misspoken, Refused, EndOfStream):
            continue


def said(*messages):
    """Say this, and hear all that is answered."""
    for octets in messages:
        yield from send(octets)
    heard = b""
    while more := (yield from some()):
        heard += more
        if len(all_of(heard)) == len(messages):
            return [one.operation for one in all_of(heard)]
    return heard


def test_who_signs_in_anew_is_who_signed_in_last():
    """Nobody, where that was for nobody."""
    search = Search(BASE, Scope.BASE)
    wanted = [message(1, Bind(SIGNED_IN.name, b"rose garden").encoded), message(2, Bind().encoded)]
    *_, ended = asked(said(*wanted, message(3, search.encoded)))
    assert Ended.read(ended, SEARCH_DONE).code == Result.OPERATIONS_ERROR


def test_what_a_client_insists_on_and_is_unknown_is_refused():
    """By the standard's code; where it does not insist, it is passed over."""
    for insists, code in ((True, Result.UNAVAILABLE_CRITICAL_EXTENSION), (False, Result.SUCCESS)):
        search = message(1, Search("DC=x").encoded, Control("1.2.3", insists))
        open_directory = dataclasses.replace(directory_of({"DC=x": {}}, {}), open=True)
        (ended,) = asked(said(search), open_directory)
        assert Ended.read(ended, SEARCH_DONE).code == code


@pytest.mark.parametrize("choice", [b"", b"\0\0\0\0", b"\3\0\0\0", b"\1"])
def test_a_layer_that_nobody_offered_is_refused(choice):
    """Of the mechanism GSSAPI."""
    began, service = gss.initiate(ticket(), NOW), Gssapi(KNOWN.keys(LDAP), clock)
    context = began.finished(service.step(began.token))
    assert context.unwrap(service.step(b"")) == b"\7\1\0\0"
    with pytest.raises(Misspoken):
        service.step(context.wrap(choice, seal=False))
    assert service.accepted is None


@pytest.mark.parametrize(
    "names",
    [
        b"\xc0\x18",
        b"\x01a\xc0\x18",
        b"\x3f" + b"a" * 70,
        b"\x01a" * 200 + b"\0",
        (b"\x3f" + b"a" * 63) * 5 + bytes(8),
        b"",
    ],
)
def test_a_name_that_leads_nowhere_is_misspoken(names):
    """To itself, on and on, beyond the end."""
    with pytest.raises(Misspoken):
        read_located(b"\x17" + bytes(23) + names)


def test_a_message_that_is_too_long_is_not_waited_for():
    """By either side."""
    long = b"\x30\x84\xff\xff\xff\xff"
    with pytest.raises(Misspoken, match="too long"):
        talked(root_dse(), send(long))
    (goodbye,) = asked(said(long))
    assert "too long" in Ended.read(goodbye, EXTENDED_DONE).text


def test_a_filter_without_bottom_is_no_filter():
    """However deep somebody nests."""
    wanted = EVERYTHING
    for _ in range(40):
        wanted = Not(wanted)
    with pytest.raises(Refused, match="more than 16 levels"):
        asked(look_up(NOBODY, BASE, wanted))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        der.sequence(),
        der.sequence(der.integer(-1), der.octets(b"")),
        der.sequence(der.integer(2), der.octets(b"x")),
    ],
    ids=["nothing", "empty", "size", "cookie"],
)
def test_a_page_of_no_sense_is_misspoken(value):
    """And ends the connection in order."""
    (goodbye,) = asked(said(message(1, Search("").encoded, Control(PAGED, True, value))))
    assert "page" in (text := Ended.read(goodbye, EXTENDED_DONE).text) or "element" in text
