"""The tables of commands: nothing stands in two places, and what is called inert changes no answer."""

import pytest

from portwright.platforms.cisco_asa import draft
from portwright.platforms.cisco_asa.commands import INERT, inert_group
from portwright.platforms.cisco_asa.interfaces import INERT as INERT_IN_INTERFACES

COMMANDS = [command.strip() for commands in INERT.values() for command in commands.split(",")]
PACKETS = (
    "tcp 10.0.0.5 > 8.8.8.8:80",
    "tcp 8.8.8.8 > 10.0.0.5:80",
    "icmp 8.8.8.8 > 10.0.0.5 type 0 code 0 state established",
    "udp 172.16.1.5 > 10.0.0.5:53",
)


def test_no_command_stands_twice():
    """Each inert command has one group."""
    assert sorted(COMMANDS) == sorted(set(COMMANDS))


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_an_inert_command_changes_nothing(command, behind):
    """With the command, and with 'no' before it, every answer is as without."""
    plain = behind("")
    for line in (f"{command} something 1 2 3", f"no {command}"):
        with_it = behind(line)
        assert [with_it(packet) for packet in PACKETS] == [plain(packet) for packet in PACKETS]
        assert with_it.configuration.census.unknown == ()


@pytest.mark.parametrize("command", sorted(" ".join(words) for words in INERT_IN_INTERFACES))
def test_an_inert_line_of_an_interface_changes_nothing(command, behind):
    """Within an interface block that passes packets."""
    answers = behind(f"interface GigabitEthernet0/3\n nameif x\n security-level 70\n {command} 1\n")
    assert answers.configuration.census.unknown == ()
    assert answers.decision("tcp 10.0.0.5 > 8.8.8.8:80 in inside out x") == "accept"


def test_no_command_is_both_modelled_and_inert():
    """A command of the readers' table is found there first; the inert table does not repeat it."""
    assert [words for words in draft._READERS if words[0] != "no" and " ".join(words) in COMMANDS] == []


@pytest.mark.parametrize(
    "line",
    [
        "Cryptochecksum:be38dfaef777a339b9e1c89202572a7d",
        "no logging message 106015",
        "asdm image disk0:/asdm.bin",
        "timeout conn 1:00:00 half-closed 0:10:00",
        "crypto isakmp policy 10",
        "ssh 10.0.0.0 255.0.0.0 inside",
        "aaa authentication ssh console LOCAL",
        "service resetoutside",
        "no service resetinbound interface outside",
        "sysopt connection tcpmss 1350",
        "no failover",
        "threat-detection scanning-threat shun",
        "xlate per-session deny tcp any4 any4",
        "dhcpd enable inside",
        "snmp-server enable traps snmp authentication linkup",
        "flow-export destination inside 10.0.0.9 2055",
        "tftp-server inside 10.0.0.9 /configs",
        "command-alias exec a b",
        "privilege cmd level 3 mode exec command perfmon",
    ],
)
def test_inert_lines(line):
    """Lines as devices print them."""
    assert inert_group(tuple(line.split())) is not None


@pytest.mark.parametrize(
    "line",
    ["flux-capacitor enable", "service-policy x global", "sysopt connection permit-vpn", "ip audit name x"],
)
def test_lines_that_are_not_inert(line):
    """Unknown and modelled lines are in no group."""
    assert inert_group(tuple(line.split())) is None


def test_lines_below_a_command_without_any_are_not_lost(behind):
    """An indented line below a command that has none is read as a command."""
    answers = behind("hostname x\n access-list a extended deny ip any any\n access-group a in interface inside")
    assert answers("tcp 10.0.0.5 > 8.8.8.8:80") == ("drop", 16)


def test_one_unknown_command_is_one_rule(behind):
    """The same command many times makes the point undecided once, naming each line."""
    answers = behind("warp 1\nwarp 2\nwarp 3")
    census = answers.configuration.census
    assert [(found.source.line, found.scope) for found in census.unknown] == [
        (15, "point"),
        (16, "point"),
        (17, "point"),
    ]
    (stage,) = answers.configuration.policy().stages
    doubtful = [rule for rule in stage.chains[stage.base].rules if rule.reason == "unknown command 'warp'"]
    assert [[doubt.source.line for doubt in rule.match.doubts] for rule in doubtful] == [[15, 16, 17]]


@pytest.mark.parametrize(("line", "hostname"), [("hostname edge-fw", "edge-fw"), ("hostname", ""), ("no hostname", "")])
def test_the_device_says_its_name(line, hostname, behind):
    """For whoever compares it with the point whose configuration it is meant to be; it decides about no packet."""
    with_it = behind(line)
    read = with_it.configuration
    assert (read.hostname, read.named_at and read.named_at.line) == (hostname, 15 if hostname else None)
    assert (read.census.inert, read.census.unknown) == (behind("").configuration.census.inert + 1, ())
    assert [with_it(packet) for packet in PACKETS] == [behind("")(packet) for packet in PACKETS]
