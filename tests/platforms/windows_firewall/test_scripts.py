"""The scripts: what ships and what is written are PowerShell; what is written is read back, or refused if changed."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell
from hypothesis import given
from hypothesis import strategies as st
from tests.platforms.windows_firewall.hosts import CASES, NAME

from portwright.errors import InvalidInput
from portwright.packets.addresses import parse_addresses
from portwright.packets.packet import Packet
from portwright.platforms import read, recognize
from portwright.platforms.windows_firewall.host import PROFILES
from portwright.platforms.windows_firewall.members import INERT, MODELED, OF_PROFILE, OPTIONAL
from portwright.platforms.windows_firewall.powershell import QUOTED, quoted, unquoted
from portwright.platforms.windows_firewall.reading import SECTIONS
from portwright.platforms.windows_firewall.render import context, render
from portwright.platforms.windows_firewall.script import CALL, PARAMETERS
from portwright.policy.answer import Answerer
from portwright.policy.intent import Intended, Intent, Named, Redirection, Traffic

SHIPPED = sorted(Path(str(files("portwright.platforms.windows_firewall"))).glob("*.ps1"))
PARTS = sorted(Path(str(files("portwright.report.plan"))).glob("powershell/*.ps1"))  # what sets hosts
COLLECTOR = next(path for path in SHIPPED if path.name == "collect.ps1").read_text(encoding="ascii")
SQL, CRM = Named("sql01", parse_addresses("10.30.0.21")), Named("crm01", parse_addresses("10.30.0.11"))
RULE = Intended("input", None, "", (CRM,), (SQL,), (Traffic(6, ((1433, 1433),)),), ("crm.database",), ())
INTENT = Intent("fw-sql01", "office", {}, True, (RULE,), (), "domain")
PACKET = "tcp 10.30.0.11:40000 > 10.30.0.21:1433"


def is_powershell(text):
    """Report whether a grammar of PowerShell that others have written takes a script."""
    powershell = tree_sitter.Language(tree_sitter_powershell.language())
    return not tree_sitter.Parser(powershell).parse(text.encode()).root_node.has_error


def decided(text, packet=PACKET, hook="input"):
    return Answerer(read(NAME, text, "fw.ps1", "domain"), hook).decide(Packet.parse(packet)).decided.value


@pytest.mark.parametrize("path", [*SHIPPED, *PARTS], ids=lambda path: path.name)
def test_what_ships_is_powershell(path):
    """By a grammar that was not made by us; ASCII, so that no code page matters, and no tabs."""
    text = path.read_text(encoding="ascii").replace("@calls", "").replace("@group", "'x'")
    assert is_powershell(text)
    assert "\t" not in text


def test_the_grammar_notices_a_mistake():
    """Else the tests around it would say nothing."""
    assert not is_powershell(COLLECTOR.replace("foreach ($rule in", "foreach $rule in", 1))
    assert not is_powershell(render(INTENT).replace("-LocalPort '1433'", "-LocalPort '1433"))


@pytest.mark.parametrize("name", ["fw", "a'b", "x\u2019y", "$(Remove-Item C:)", 'q"q', "`n"])
def test_what_is_written_is_powershell(name):
    """Whatever the names of hosts hold; curly quotes end a text, too."""
    odd = Intended("input", None, "", (Named(name, CRM.addresses),), (SQL,), RULE.traffic, (name,), ())
    text = render(Intent("fw", "site", {}, True, (odd,)))
    assert is_powershell(text)
    assert decided(context(INTENT) + text) == "accept"


@given(st.text())
def test_a_text_in_quotes_is_read_back(text):
    """One line, one pair of quotes, and inside it what was meant."""
    found = quoted(text)
    assert re.fullmatch(QUOTED, found)
    assert unquoted(found) == "".join(one if one.isprintable() else " " for one in text)


def test_the_collector_writes_what_the_reader_knows():
    """Every part of the file, and every member of rules and profiles that decides, by the same names."""
    parts = re.findall(r'^    "  `"(\w+)`":|^    \'  "(\w+)":', COLLECTOR, re.MULTILINE)
    assert tuple(one or other for one, other in parts) == SECTIONS
    lists = re.search(r"\$ofRule = (.*?)\n\nfunction Get-Filters", COLLECTOR, re.DOTALL)
    members = set(re.findall(r"'(\w+)'", lists[1]))
    assert set(MODELED) <= members <= set(MODELED) | set(INERT)
    of_profile = re.search(r"\$ofProfile = (.*?)\n\$profiles", COLLECTOR, re.DOTALL)
    assert set(re.findall(r"'(\w+)'", of_profile[1])) == set(OF_PROFILE)


def test_the_cases_look_as_the_collector_writes_them():
    """A rule on two lines, the first with what people look for."""
    at_first = re.findall(r"'(\w+)'", re.search(r"\$atFirst = (.*?)\n\$filters", COLLECTOR, re.DOTALL)[1])
    for case in (one for one in CASES if one.name != "ad-fs"):
        text = (case / "host.json").read_text(encoding="utf-8")
        rules = [line for line in text.splitlines() if line.startswith('    {"DisplayName"') and '"Direction"' in line]
        assert len(rules) == len(json.loads(text)["rules"])
        assert all(re.findall(r'"(\w+)": ', line) == at_first for line in rules)


@pytest.mark.parametrize("word", ["Set-", "New-Net", "Remove-", "Stop-", "Restart-", "Start-", "Invoke-", "password"])
def test_the_collector_changes_nothing(word):
    """It holds no command that does; `Set-StrictMode` is about the script itself."""
    code = "\n".join(line for line in COLLECTOR.splitlines() if not line.lstrip().startswith("#"))
    assert word not in code.replace("Set-StrictMode", "")


def test_what_was_written_is_read_back():
    """With what it takes for granted, what is not permitted is blocked, both ways; alone it proves nothing."""
    text = render(INTENT)
    assert recognize(text) == NAME
    assert decided(context(INTENT) + text) == "accept"
    assert decided(context(INTENT) + text, PACKET.replace("1433", "1434")) == "drop"
    assert decided(context(INTENT) + text, "tcp 10.30.0.21:40000 > 10.30.0.10:53", "output") == "drop"
    assert decided(text) == "undecided"
    assert decided(text, PACKET.replace("1433", "1434")) == "undecided"


def test_the_lines_of_windows_are_read_too():
    """CR LF, as an editor there leaves them, and a byte order mark."""
    text = "\ufeff" + (context(INTENT) + render(INTENT)).replace("\n", "\r\n")
    assert decided(text) == "accept"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-LocalPort '1433'", "-LocalPort 1433"),
        ("-LocalPort '1433'", "-LocalPort '1433' -Program 'x.exe'"),
        ("-LocalPort '1433'", "-LocalPort '1433' -LocalPort '80'"),
        ("-LocalPort '1433'", "-LocalPort $(Get-Random)"),
        ("-LocalPort '1433'", "-LocalPort '1433'; Remove-Item C:"),
        ("-LocalPort '1433'", "-LocalPort '1433' | Disable-NetFirewallRule"),
        (" -DisplayName 'crm01 > sql01: crm.database'", ""),
        (CALL, f"#{CALL}; {CALL}"),
        ("    throw", "    exit"),
        ("$old | Remove", "$new | Remove"),
        ("Preference\nWrite", "Preference\nGet-NetFirewallRule | Remove-NetFirewallRule\nWrite"),
        ("$group = 'Portwright: fw-sql01'", "$group = $env:GROUP"),
        ("try {", "if ($false) {"),
        ('Write-Host "', 'Write-Host ("'),
    ],
)  # fmt: skip
def test_a_script_that_was_changed_is_refused(old, new):
    """Only what is known line by line is taken for what it does; a comment may say anything."""
    text = context(INTENT) + render(INTENT)
    assert old in text
    if new.startswith("#"):
        assert decided(text.replace(old, new)) == "drop"  # a call that is a comment makes no rule
        return
    with pytest.raises(InvalidInput):
        read(NAME, text.replace(old, new), "fw.ps1")


def test_calls_stand_in_their_place():
    """Behind the frame, or in front of it, they would run whatever happens."""
    lines = render(INTENT).splitlines()
    [call] = [line for line in lines if CALL in line]
    rest = [line for line in lines if CALL not in line]
    assert decided("\n".join([context(INTENT).strip(), *rest])) == "drop"
    for changed in ([*rest, call], [*rest[:9], call, *rest[9:]]):
        with pytest.raises(InvalidInput):
            read(NAME, "\n".join(changed), "fw.ps1")


def test_every_parameter_is_one_of_the_command():
    """Those that a call may have are members that the reader models."""
    assert set(PARAMETERS) - {"DisplayName"} <= set(MODELED) - OPTIONAL
    assert PROFILES == ("Domain", "Private", "Public")


@pytest.mark.parametrize(
    ("intent", "message"),
    [
        (Intent("fw", "site", {}, False, (RULE,)), "guards one host"),
        (
            Intent("fw", "site", {}, True, (RULE,), (Redirection(None, None, SQL, None, CRM, None, (6,)),)),
            "cannot express the site's translations",
        ),
    ],
)
def test_what_it_cannot_express(intent, message):
    """It says so and writes nothing."""
    with pytest.raises(InvalidInput, match=message):
        render(intent)


def test_long_lists_become_several_rules():
    """As many addresses as a rule of Windows takes well."""
    many = Named("many", parse_addresses("10.0.0.0"))
    for number in range(2, 1300, 2):
        many = Named("many", many.addresses | parse_addresses(f"10.0.{number // 256}.{number % 256}"))
    rule = Intended("input", None, "", (many,), (SQL,), RULE.traffic, ("r",), ())
    text = context(INTENT) + render(Intent("fw", "site", {}, True, (rule,)))
    assert text.count(CALL) == 2
    assert decided(text, "tcp 10.0.4.0:40000 > 10.30.0.21:1433") == "accept"
    assert decided(text, "tcp 10.0.4.1:40000 > 10.30.0.21:1433") == "drop"
