"""A directory answers who may ask: our client, Debian's ldapsearch, and ldap3."""

import asyncio
import dataclasses
import shutil
import socket
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.certificate import certified
from tests.protocols.kerberos.contoso import ALICE, NAME, NOW, REALM, Programs, clock, present
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols import der
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, send, some, under_tls
from portwright.protocols.kerberos import Flag, Principal, gss, kdc, realm_of, sign_in, ticket_for
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
    SimpleBind,
    Ticket,
    directory_of,
    domain_root,
    equal,
    locate,
    locator,
    look_up,
    root_dse,
    server,
)
from portwright.protocols.ldap.filters import BITS_ALL, Rule
from portwright.protocols.ldap.messages import EXTENDED_DONE, SEARCH_DONE, Bind, Ended, Result, Search, all_of, message
from portwright.protocols.ldap.netlogon import read_located
from portwright.protocols.ldap.sasl import Gssapi

DOMAIN, HOST, BASE = "contoso.example", "dc1.contoso.example", "DC=contoso,DC=example"
LDAP = "ldap/localhost"
KNOWN = realm_of(NAME, {"alice": "rose garden", "dc1$": "machine"}, {LDAP: "dc1$"})
ENTRIES = {
    BASE: {"objectClass": ("domain",), "dc": ("contoso",)},
    f"CN=Users,{BASE}": {"objectClass": ("container",), "cn": ("Users",)},
    f"CN=Alice,CN=Users,{BASE}": {
        "objectClass": ("user", "person"),
        "cn": ("Alice",),
        "sAMAccountName": ("alice",),
        "mail": ("alice@contoso.example", "a@contoso.example"),
        "userAccountControl": ("66048",),
        "objectGUID": (bytes(range(16)),),
    },
    f"CN=Bob,CN=Users,{BASE}": {
        "objectClass": ("user", "person"),
        "cn": ("Bob",),
        "sAMAccountName": ("bob",),
        "userAccountControl": ("514",),
    },
}
DIRECTORY = directory_of(ENTRIES, domain_root(DOMAIN, HOST))
SIGNED_IN = Password(f"CN=Alice,CN=Users,{BASE}", "rose garden")


def judge(question):
    assert isinstance(question, SimpleBind)
    assert "garden" not in repr(question)
    return (question.name, question.password) == (SIGNED_IN.name, SIGNED_IN.secret)


def serve(now=clock, directory=DIRECTORY):
    return server(directory, now, KNOWN.keys(LDAP))


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
        control = der.sequence(der.octets(b"1.2.3"), der.boolean(insists))
        search = der.sequence(der.integer(1), Search("DC=x").encoded, der.sequence(control, tag=0xA0))
        open_directory = dataclasses.replace(directory_of({"DC=x": {}}, {}), open=True)
        (ended,) = asked(said(search), open_directory)
        assert Ended.read(ended, SEARCH_DONE).code == code


@pytest.mark.parametrize("choice", [b"", b"\0\0\0\0", b"\3\0\0\0", b"\1"])
def test_a_layer_that_nobody_offered_is_refused(choice):
    """Of the mechanism GSSAPI."""
    began, service = gss.initiate(ticket(), NOW), Gssapi(KNOWN.keys(LDAP), clock)
    context = began.finished(service.step(began.token))
    assert context.unwrap(service.step(b"")) == b"\7\x10\0\0"
    with pytest.raises(Misspoken):
        service.step(context.wrap(choice, seal=False))
    assert service.accepted is None


@pytest.mark.parametrize("names", [b"\xc0\x18", b"\x01a\xc0\x18", b"\x3f" + b"a" * 70, b"\x01a" * 200 + b"\0", b""])
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


@pytest.mark.skipif(not shutil.which("ldapsearch"), reason="ldapsearch is not installed (Debian: ldap-utils)")
def test_ldapsearch_finds_by_password(tmp_path):
    """And says the refusal of a wrong one."""
    with served(partial(serve, present), judge) as port:
        debian = Programs(tmp_path, 1)
        simple = ["ldapsearch", "-x", "-LLL", "-H", f"ldap://localhost:{port}", "-b", BASE]
        said = debian.well(
            *simple, "-D", SIGNED_IN.name, "-w", "rose garden", "(&(cn=al*)(mail=*))", "mail", "objectGUID"
        )
        wrong, status = debian.run(*simple, "-D", SIGNED_IN.name, "-w", "wrong")
        root = debian.well("ldapsearch", "-x", "-LLL", "-H", f"ldap://localhost:{port}", "-s", "base", "-b", "")
    assert said.startswith(f"dn: CN=Alice,CN=Users,{BASE}\nmail: alice@contoso.example\nmail: a@contoso.example\n")
    assert "objectGUID:: AAEC" in said
    assert (status, "Invalid credentials" in wrong) == (49, True)
    assert f"dnsHostName: {HOST}" in root


@pytest.mark.skipif(
    not (shutil.which("ldapsearch") and shutil.which("kinit")), reason="needs Debian's ldap-utils and krb5-user"
)
@pytest.mark.parametrize(
    ("mechanism", "strength", "layer"),
    [
        ("GSSAPI", "maxssf=0", "SSF: 0"),
        ("GSSAPI", "maxssf=1", "SSF: 1\n"),
        ("GSSAPI", "minssf=2", "SSF: 256"),
        ("GSS-SPNEGO", "maxssf=0", "SSF: 0"),
        ("GSS-SPNEGO", "minssf=2", "SSF: 256"),
    ],
)
def test_ldapsearch_finds_by_kerberos(tmp_path, mechanism, strength, layer):
    """In the open, signed, and sealed."""
    with served(partial(kdc.server, KNOWN, present)) as center, served(partial(serve, present), judge) as port:
        debian = Programs(tmp_path, center)
        debian.well("kinit", "alice", says="rose garden\n")
        said, status = debian.run(
            "ldapsearch", "-Y", mechanism, "-N", "-O", strength, "-LLL", "-H", f"ldap://localhost:{port}",
            "-b", BASE, "(cn=bob)", "cn",
        )  # fmt: skip
    if "No worthy mechs" in said:
        pytest.skip("Debian's libsasl2-modules-gssapi-mit is not installed")
    assert status == 0, said
    assert f"dn: CN=Bob,CN=Users,{BASE}\ncn: Bob\n" in said
    assert layer in said


def test_ldapsearch_finds_under_tls(tmp_path):
    """On the port of LDAPS: TLS first, then the same conversation."""
    if not shutil.which("ldapsearch"):
        pytest.skip("ldapsearch is not installed (Debian: ldap-utils)")
    tls, _ = certified(tmp_path)
    with served(lambda: under_tls(serve(present)), judge, tls=tls) as port:
        debian = Programs(tmp_path, 1)
        debian.environment["LDAPTLS_CACERT"] = str(tmp_path / "server.pem")
        said = debian.well(
            "ldapsearch", "-x", "-LLL", "-H", f"ldaps://{HOME}:{port}", "-b", BASE,
            "-D", SIGNED_IN.name, "-w", "rose garden", "(cn=bob)", "cn",
        )  # fmt: skip
    assert said == f"dn: CN=Bob,CN=Users,{BASE}\ncn: Bob\n\n"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what ldap3 imports
def test_ldap3_finds_by_password():
    """Another client, of another maker."""
    ldap3 = pytest.importorskip("ldap3")
    with served(partial(serve, present), judge) as port:
        there = ldap3.Server(HOME, port=port, get_info=ldap3.DSA)
        with ldap3.Connection(there, SIGNED_IN.name, "rose garden") as connection:
            assert there.info.other["dnsHostName"] == [HOST]
            assert connection.search(BASE, "(|(cn=bob)(mail=*contoso*))", attributes=["cn"])
            assert [str(entry.cn) for entry in connection.entries] == ["Alice", "Bob"]
            assert not connection.delete(BASE)
            assert connection.result["description"] == "unwillingToPerform"
            assert connection.extend.standard.who_am_i() == f"u:{SIGNED_IN.name}"


def test_the_locator_answers_over_real_datagrams():
    """On loopback, whose address it tells."""
    from portwright.rehearse.wire import Datagrams

    async def ask(port):
        made = socket.socket(type=socket.SOCK_DGRAM)
        made.setblocking(False)
        made.connect((HOME, port))
        wire = Datagrams(made)
        try:
            return await asyncio.wait_for(wire.run(locate(DOMAIN, "fe01")), 5)
        finally:
            await wire.close()

    with served(partial(locator, Located.of(DOMAIN, HOST), HOME), datagrams=True) as port:
        assert asyncio.run(ask(port)).host == HOST
