"""Files that are no host's, or were made to do harm: every problem told at once, and no more time than they deserve."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.platforms.windows_firewall.hosts import CASES, NAME, decided, host, text_of

from portwright.errors import InvalidInput
from portwright.files import read_text
from portwright.platforms import read, recognize
from portwright.platforms.windows_firewall.jsontext import DEPTH, read_json
from portwright.policy.answer import Answerer

PACKET = "tcp 10.0.0.9:40000 > 10.0.0.1:80"


def problems(text):
    with pytest.raises(InvalidInput) as refused:
        read(NAME, text, "host.json")
    return [(problem.line, problem.path, problem.message) for problem in refused.value.problems]


NAMES = st.text('ab"\\\u20ac\n', max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_is_read_as_python_reads_it(value, indent, is_ascii):
    """Whatever the layout."""
    assert read_json(json.dumps(value, indent=indent, ensure_ascii=is_ascii), "x") == value


@given(st.text('{}[],:"\\ \n0123456789-+.eEtrufalsn\u0000\u2028', max_size=40))
def test_text_that_is_no_json_is_refused_where_python_refuses_it(text):
    """Never a traceback; twice the same member is a problem here, and so is a number longer than any port."""
    try:
        found = read_json(text, "x")
    except InvalidInput:
        return
    assert found == json.loads(text)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('{"a": 1,\n "a": 2}', 2, "the member 'a' is there twice"),
        ('{"a":\n 1', 2, "the file ends too early"),
        ('{"a" 1}', 1, "expected ':' in front of this"),
        ("[1, 2", 1, "the file ends too early"),
        ("[1 2]", 1, "expected ',' in front of this"),
        ('{"a": 1}\n{}', 2, "there is more behind the end"),
        ("[NaN]", 1, "this is no JSON"),
        ('["\\x"]', 1, "an escape in this text is not one of JSON"),
        ("[" * (DEPTH + 1), 1, "nested too deeply"),
        ("{1: 2}", 1, "a member of an object begins with its name in quotation marks"),
    ],
)
def test_what_is_wrong_with_the_json(text, line, message):
    """With its line."""
    with pytest.raises(InvalidInput) as refused:
        read_json(text, "x")
    [problem] = refused.value.problems
    assert (problem.line, problem.message) == (line, message)


@pytest.mark.parametrize(
    "text",
    ["[" * 2_000_000, '{"a":' * 500_000, '{"rules": ' + "[" * 1_000_000, '"' * 999_999],
    ids=["lists", "objects", "rules", "quotes"],
)
def test_depth_costs_nothing(text):
    """Neither stack nor time."""
    start = time.process_time()
    with pytest.raises(InvalidInput):
        read_json(text, "x")
    assert time.process_time() - start < 2


def test_another_version_is_refused():
    """With what could be done."""
    text = host().replace("windows-host/1", "windows-host/2")
    assert recognize(text) == NAME
    assert problems(text) == [(0, "schema", "its schema is not portwright.windows-host/1")]


def test_every_problem_is_told_at_once():
    """With its place in the file."""
    wrong = {
        "computer": 7,
        "profiles": [{"Name": "Office"}],
        "interfaces": [{"Addresses": ["10.0.0.300/24"], "DnsServers": ["dns.example"]}, {}],
        "listeners": [{"Protocol": "SCTP", "LocalPort": 1}, {"Protocol": "TCP", "LocalPort": 70000}, 5],
        "rules": ["all"],
    }
    found = problems(host(**wrong))
    assert [(path, message) for _, path, message in found] == [
        ("computer", "is no object"),
        ("listeners[2]", "is no object"),
        ("rules[0]", "is no object"),
        ("interfaces[0].Addresses", "'10.0.0.300/24' is no address"),
        ("interfaces[0].DnsServers", "'dns.example' is no address"),
        ("interfaces[1].Addresses", "an interface has Addresses, in a list that may be empty"),
        ("listeners[0]", "a listener has a Protocol, TCP or UDP, and a LocalPort"),
        ("listeners[1]", "a listener has a Protocol, TCP or UDP, and a LocalPort"),
        ("profiles[0].Name", "'Office' is no profile"),
    ]


def test_a_profile_that_no_host_has():
    """Named by the site, it is the site's mistake."""
    with pytest.raises(InvalidInput, match="has no profile 'dmz'"):
        read(NAME, host(), "host.json", "dmz")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_encoding_of_powershell_is_read(encoding, tmp_path):
    """With or without a byte order mark."""
    file = tmp_path / "host.json"
    file.write_text(host({"DisplayName": "Funktion „Wiedergabe“"}), encoding=encoding)
    configuration = read(NAME, read_text(str(file)), str(file))
    assert "„Wiedergabe“" in configuration.policy("input").stages[0].chains["rules inbound"].rules[2].source.text


@given(st.data())
def test_a_file_that_was_changed_is_read_or_refused(data):
    """Never a traceback, whatever value stands where."""
    made = json.loads(text_of(data.draw(st.sampled_from(CASES))))
    part = made[data.draw(st.sampled_from(sorted(made)))]
    entry = part[0] if isinstance(part, list) and part else part
    if isinstance(entry, dict) and entry:
        entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(JSON)
    try:
        configuration = read(NAME, json.dumps(made), "host.json")
    except InvalidInput:
        return
    assert Answerer(configuration, "input").configuration is configuration


@given(st.sampled_from(["Protocol", "LocalPort", "RemoteAddress", "Profile", "Service", "New"]), st.text(max_size=8))
def test_a_value_that_is_not_understood_is_never_a_verdict(member, value):
    """It may make a permit undecided, never certain where it does not say Any."""
    noise = f"~{value}~"
    assert decided(host({member: noise}), PACKET) == "undecided"


def test_thousands_of_rules_are_read_in_time():
    """As terminal servers have them, two for each app of each user."""
    rules = [
        {"DisplayName": f"app {n}", "LocalPort": str(n % 60000 + 1), "Program": f"C:\\{n}.exe"} for n in range(5000)
    ]
    start = time.process_time()
    assert decided(host(*rules), PACKET) == "undecided"
    assert time.process_time() - start < 20


def test_too_many_listeners_are_not_looked_at():
    """Rules for programs are then uncertain, and that is told; time and memory stay bounded."""
    rules = [{"Program": f"C:\\{number}.exe", "LocalPort": "80"} for number in range(200)]
    entry = {"Protocol": "TCP", "LocalAddress": "0.0.0.0", "Services": []}
    listeners = [entry | {"LocalPort": port, "Program": f"C:\\{port}.exe"} for port in range(1, 20_001)]
    text = host(*rules, listeners=listeners)
    assert decided(text, PACKET) == "undecided"
    [remark] = read(NAME, text, "host.json").remarks
    assert remark.message.endswith("who listens is not looked at")
    assert decided(host(*rules[:81], listeners=listeners[:100]), PACKET) == "accept"
