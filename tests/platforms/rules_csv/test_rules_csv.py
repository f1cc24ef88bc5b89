"""Tables of rules: what they mean, and what is wrong with them."""

from pathlib import Path

import pytest

from portwright.errors import InvalidInput
from portwright.packets.packet import Packet
from portwright.platforms import read, recognize
from portwright.policy.answer import Answerer

TABLE = """\
order,action,from,to,source,destination,service,remark
20,deny,any,any,any,10.30.0.21,any,nobody else
10,permit,app,data,10.20.0.11; 10.20.0.16-10.20.0.17,10.30.0.21,"tcp/1433,1435; udp/1434",databases
30,Allow,,,any,10.9.0.0/24,icmp/echo,
40,reject,any,any,any,any,tcp/113,
50,permit,any,any,fd00:1::/64,fd00:2::5,tcp/443,
60,permit,any,any,any,10.8.0.1,esp,
"""


@pytest.mark.parametrize(
    ("packet", "decision", "line"),
    [
        ("tcp 10.20.0.11:40000 > 10.30.0.21:1433 in app out data", "accept", 3),
        ("tcp 10.20.0.17:40000 > 10.30.0.21:1435 in app out data", "accept", 3),
        ("udp 10.20.0.16:40000 > 10.30.0.21:1434 in app out data", "accept", 3),
        ("tcp 10.20.0.12:40000 > 10.30.0.21:1433 in app out data", "drop", 2),
        ("tcp 10.20.0.11:40000 > 10.30.0.21:1433 in users out data", "drop", 2),
        ("icmp 10.1.0.1 > 10.9.0.7 type 8 code 0", "accept", 4),
        ("icmp 10.1.0.1 > 10.9.0.7 type 13 code 0", "drop", 0),
        ("tcp 10.1.0.1:40000 > 10.1.0.2:113", "reject", 5),
        ("tcp [fd00:1::1]:40000 > [fd00:2::5]:443", "accept", 6),
        ("esp 10.1.0.1 > 10.8.0.1", "accept", 7),
        ("udp 10.1.0.1:1 > 10.1.0.2:2", "drop", 0),
        ("udp 10.1.0.1:1 > 10.1.0.2:2 state established", "accept", 0),
    ],
)
def test_the_first_row_that_matches_decides(packet, decision, line):
    """By its number, wherever it stands; what no row permits is dropped, and replies pass."""
    answer = Answerer(read("rules-csv", TABLE, "rules.csv")).decide(Packet.parse(packet))
    assert answer.decided.value == decision
    assert answer.rule.source.line == line


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_signs_between_cells_are_understood(delimiter):
    """As spreadsheets of other countries write them; a list in a cell is then quoted."""
    text = TABLE.replace(",", delimiter).replace(f"1433{delimiter}1435", "1433,1435")
    text = text.replace("10.20.0.11; 10.20.0.16-10.20.0.17", '"10.20.0.11; 10.20.0.16-10.20.0.17"')
    assert recognize(text) == "rules-csv"
    assert len(read("rules-csv", text, "x").policy().stages[0].chains["rules"].rules) == 8


def test_every_problem_is_told_at_once():
    """With its line and column; nothing is judged."""
    wrong = (
        "order,action,from,to,source,destination,service,remark\n"
        "x,permit,a,b,any,any,any,\n"
        "10,perhaps,a,b,any,any,any,\n"
        "10,permit,a,b,10.0.0.300,any,any,\n"
        "11,permit,a,b,,any,any,\n"
        "12,permit,a,b,any,any,esp/50,\n"
        "13,permit,a,b,any,any,,\n"
        "14,permit,a\n"
    )
    with pytest.raises(InvalidInput) as refused:
        read("rules-csv", wrong, "rules.csv")
    found = {(problem.line, problem.path) for problem in refused.value.problems}
    assert found == {
        (2, "order"), (3, "action"), (4, "order"), (4, "source"), (5, "source"),
        (6, "service"), (7, "service"), (8, ""),
    }  # fmt: skip


def test_hostile_tables_are_refused_and_not_followed():
    """A cell beyond what the csv module takes, and quotes that never end."""
    huge = TABLE + '70,permit,any,any,any,any,"' + "x" * 200_000
    with pytest.raises(InvalidInput):
        read("rules-csv", huge, "rules.csv")


CASES = sorted((Path(__file__).parent / "cases").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_packet_of_a_realistic_table_is_decided_by_its_row(case):
    """Every line `PACKET -> decision line`, where line 0 is what nobody wrote."""
    text = (case / "rules.csv").read_bytes().decode("utf-8")
    answer = Answerer(read("rules-csv", text, "rules.csv"))
    expected = [line for line in (case / "decisions.txt").read_text().splitlines()[1:] if line]
    found = []
    for line in expected:
        packet = line.partition(" -> ")[0]
        got = answer.decide(Packet.parse(packet))
        found.append(f"{packet} -> {got.decided.value} {got.rule.source.line if got.rule else 0}")
    assert found == expected
