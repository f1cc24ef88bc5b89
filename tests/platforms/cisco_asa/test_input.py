"""What is refused, and how: every problem with its line, no traceback, bounded time."""

import time

import pytest

from portwright.errors import InvalidInput
from portwright.platforms import cisco_asa

HEAD = "ASA Version 9.8(2)\ninterface GigabitEthernet0/0\n nameif inside\n security-level 100\n"


def problems(text):
    """The problems for which a text is refused, as (line, message)."""
    with pytest.raises(InvalidInput) as caught:
        cisco_asa.parse(text, "config.cfg")
    assert all(problem.file == "config.cfg" and problem.hint for problem in caught.value.problems)
    return [(problem.line, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("ASA Version 8.2(5)\n", 1, "ASA release 8.2 is older than 8.3"),
        ("ASA Version 7.0(1)\n", 1, "ASA release 7.0 is older than 8.3"),
        (": Saved\nPIX Version 6.3(5)\n", 2, "'PIX Version 6.3(5)' is not an ASA release"),
        ("FWSM Version 4.1(5)\n", 1, "'FWSM Version 4.1(5)' is not an ASA release"),
        ("NGFW Version 6.4.0\n", 1, "this is Firepower Threat Defense, not ASA"),
        (
            HEAD + "static (inside,outside) 1.1.1.1 10.0.0.5 netmask 255.255.255.255\n",
            5,
            "'static' is a command of releases before 8.3",
        ),
        (HEAD + "nat (inside) 1 0.0.0.0 0.0.0.0\n", 5, "'nat' is a command of releases before 8.3"),
        (HEAD + "global (outside) 1 interface\n", 5, "'global' is a command of releases before 8.3"),
        (
            HEAD + "access-list A advanced permit ip any any rule-id 1\n",
            5,
            "an advanced access list belongs to Threat Defense",
        ),
        ("ASA Version 9.8(2) <system>\n", 1, "this is the system space of multiple context mode: it filters nothing"),
        (
            HEAD + "context admin\n  allocate-interface Management0/0\n",
            5,
            "this is the system space of multiple context mode: it filters nothing",
        ),
        (HEAD + "access-group A in\n: end\n", 5, "an access-group that is not understood"),
        (HEAD + "interface GigabitEthernet0/1\n nameif inside\n", 5, "two interfaces have the name inside"),
    ],
)
def test_other_releases_and_products(text, line, message):
    """Where translated addresses, or rules kept elsewhere, would make every answer wrong, the file is refused."""
    assert problems(text) == [(line, message)]


def test_every_problem_at_once():
    """All lines of an old release are named, in the order of the file."""
    text = "ASA Version 8.0(4)\nglobal (outside) 1 interface\nnat (inside) 1 0 0\n"
    assert [line for line, _ in problems(text)] == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "hello world",
        '{"nftables": [{"metainfo": {}}]}',
        "[1, 2]",
        "<?xml version='1.0'?>\n<config/>",
        "table inet filter {\n chain forward {\n }\n}",
        "config firewall policy\n edit 1\n next\nend",
        "version 15.2\nhostname r\nip access-list extended A\n permit ip any any\naccess-list 101 permit ip any any",
        "version 15.2\nobject-group network G\n host 10.0.0.1",
        "set security policies from-zone trust to-zone untrust",
    ],
)
def test_other_texts(text):
    """Another platform's configuration is none of this one."""
    assert not cisco_asa.recognizes(text)
    assert problems(text) == [(0, "this is not the running-config of a Cisco ASA")]


@pytest.mark.parametrize("text", [HEAD + "\x00", HEAD + "\x01\x02\x03" * 10, "\x7fELF\x00\x00" + HEAD])
def test_binary(text):
    """A binary file is not read at all."""
    assert problems(text) == [(0, "this is not text")]


@pytest.mark.parametrize(
    "text",
    [
        "ASA Version 9.8(2)\n",
        ": Saved\n:\nASA Version 9.1(2)\n",
        " nameif outside\n",
        "object network a\n host 1.1.1.1\n",
        "access-list a extended permit ip any any\n",
        "nat (inside,outside) source dynamic any interface\n",
        "ASA Version 8.2(1)\n",
        "NGFW Version 6.4.0\n",
        "\ufeffASA Version 9.8(2)\n",
    ],
)
def test_what_is_recognized(text):
    """Running-configs, parts of them, and the relatives that are refused with a better message."""
    assert cisco_asa.recognizes(text)


def test_group_loops():
    """Groups that contain one another are named with the lines that say so."""
    text = HEAD + (
        "object-group network A\n group-object B\n"
        "object-group network B\n network-object host 10.0.0.1\n group-object C\n"
        "object-group network C\n group-object A\nobject-group network D\n group-object A\n"
    )
    assert problems(text) == [
        (6, "object-group A contains object-group B, which leads back to A"),
        (9, "object-group B contains object-group C, which leads back to B"),
        (11, "object-group C contains object-group A, which leads back to C"),
    ]


def test_a_group_in_itself():
    """The shortest loop."""
    text = HEAD + "object-group service S tcp\n group-object S\n"
    assert problems(text) == [(6, "object-group S contains object-group S, which leads back to S")]


BOUND = HEAD + "access-list a extended permit tcp any any eq 80\naccess-group a in interface inside\n"


@pytest.mark.parametrize(
    "last",
    [
        "access-list a extended permit tcp any",
        "access-list a extended permit tcp any any eq",
        "access-list a extended",
        "object network w\n host",
        "object-group network g\n network-object",
        "object-group service s tcp\n port-object range 1",
        "nat (inside,any) source static",
        "route inside 10.5.0.0",
        "access-group a in interface insi",
        "access-group a",
    ],
)
def test_a_last_line_that_is_cut_off(last):
    """An incomplete line at the end of a file without end is an error, not a doubt."""
    ((line, message),) = problems(BOUND + last)
    assert line == (BOUND + last).count("\n") + 1
    assert message


@pytest.mark.parametrize("end", ["", ": end\n", "Cryptochecksum:0f2c6e22\n: end\n"])
def test_a_missing_end(end):
    """A file without ': end' is read, with a note."""
    notes = [remark.message for remark in cisco_asa.parse(BOUND + end, "config.cfg").remarks]
    assert notes == ([] if end else ["the file does not end in ': end': it may be cut off"])


def test_a_file_that_stops_before_its_access_groups(answers):
    """Access lists that nothing applies, and no end: the rest may be missing, so nothing is proved."""
    text = (
        HEAD
        + "interface GigabitEthernet0/1\n nameif outside\n security-level 0\naccess-list a extended deny ip any any\n"
    )
    assert answers(text).decision("tcp 10.0.0.5 > 8.8.8.8:80 in inside out outside") == "undecided"
    assert answers(text + ": end\n").decision("tcp 10.0.0.5 > 8.8.8.8:80 in inside out outside") == "accept"


def test_deep_groups_take_no_recursion():
    """Ten thousand groups, each in the next."""
    chain = "".join(f"object-group network G{n}\n group-object G{n + 1}\n" for n in range(10_000))
    text = HEAD + chain + "object-group network G10000\n network-object host 10.0.0.1\n"
    text += "access-list a extended permit ip object-group G0 any\naccess-group a in interface inside\n: end\n"
    assert cisco_asa.parse(text, "config.cfg").census.unknown == ()


def test_groups_that_grow_without_end():
    """Groups that each repeat all before them are refused before they eat the memory."""
    members = "".join(
        f" network-object host 10.{n // 256}.{n % 256}.{m}\n" for n in range(20) for m in range(0, 256, 2)
    )
    text = HEAD + "object-group network G0\n" + members
    for n in range(1, 3000):
        text += f"object-group network G{n}\n group-object G{n - 1}\n network-object host 11.{n // 256}.{n % 256}.7\n"
    ((_, message),) = problems(text)
    assert message == "the object groups expand to more than 2,000,000 ranges of addresses"


@pytest.mark.parametrize(
    "line",
    [
        "access-list a extended permit ip any any" + " log" * 5,
        "x" * 100_000,
        "access-list " + "a " * 50_000,
        "banner motd " + "(" * 100_000,
        " " * 100_000 + "nameif x",
        '"' * 99_999,
        "object network " + "o" * 100_000,
    ],
)
def test_long_lines(line):
    """A line of any length is read in time."""
    start = time.process_time()
    cisco_asa.parse(HEAD + line + "\n: end\n", "config.cfg")
    assert time.process_time() - start < 2


def test_ten_thousand_entries():
    """A large access list with groups is read in a few seconds."""
    groups = "".join(
        f"object-group network G{n}\n" + "".join(f" network-object host 10.{n}.{m}.1\n" for m in range(100))
        for n in range(100)
    )
    rows = "".join(
        f"access-list a extended permit tcp object-group G{n % 100} object-group G{n * 7 % 100} eq {n}\n"
        for n in range(10_000)
    )
    start = time.process_time()
    found = cisco_asa.parse(HEAD + groups + rows + "access-group a in interface inside\n: end\n", "config.cfg")
    assert time.process_time() - start < 5
    assert len(found.policy().stages[0].chains["a"].rules) == 10_000


def test_secrets_are_not_kept():
    """No remark, unknown line or rule holds a password."""
    text = (
        HEAD
        + "frobnicate password S3cret\nusername a password S3cret\ncrypto map M 1 set pre-shared-key S3cret\n: end\n"
    )
    found = cisco_asa.parse(text, "config.cfg")
    assert "frobnicate" in str(found.census)
    assert "S3cret" not in str((found.census, found.remarks, [rule for stage in found.policy().stages
                                for chain in stage.chains.values() for rule in chain.rules]))  # fmt: skip
