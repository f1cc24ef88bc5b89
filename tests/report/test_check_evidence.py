"""What stands below a finding, and the counts above all of them."""

import pytest
from tests.cli.running import F6, copied, run

from portwright.catalog.model import Break, Effect
from portwright.findings import Finding, Kind, weightiest
from portwright.plan.make import make_plan
from portwright.report.check.evidence import evidence, user_sees
from portwright.site.load import load_site


def breaks(*told):
    """Breaks written as `scenario step effect`; what users see is the effect."""
    return tuple(Break(scenario, step, Effect(effect), effect) for scenario, step, effect in map(str.split, told))


def test_the_weightiest_break_is_what_users_see():
    """Also where it is not the first: the headline of the finding speaks of it, too."""
    found = breaks("time 1 later", "reports 3 degraded", "sign-in 4b broken", "setup 2 broken")
    finding = Finding(Kind.MISSING, "", breaks=found)
    assert user_sees(finding) == ("user sees", "broken")
    assert weightiest(found) == found[2]
    assert weightiest(()) is None


def test_steps_stand_in_their_order():
    """By number, then by letter; with the effect where it is the same for all."""
    found = breaks("a 1 broken", "b 10 broken", "b 4b broken", "b 4 broken", "c 7 later", "c 1 broken")
    finding = Finding(Kind.MISSING, "", breaks=found)
    site = load_site(F6 / "site.yaml")
    plan = make_plan(site.catalog, site)
    [others] = [text for label, text in evidence(finding, plan) if label == "also breaks"]
    assert others == "b (broken at steps 4, 4b, 10); c (at steps 1, 7)"


@pytest.mark.parametrize(
    ("example", "fault", "counted"),
    [
        ("f1", "too-wide", "63 of 63 required flows proved, 1 rule is too wide, 1 test of the site does not hold."),
        ("f2", "marked", "141 of 156 required flows proved, 15 undecided, 1 other answer not known."),
        ("f6", None, "93 of 93 required flows proved."),
    ],
)
def test_the_headline_counts_what_is_listed(tmp_path, example, fault, counted):
    """Flows, rules, tests of the site, and whatever else is not known."""
    out = run("check", copied(tmp_path, fault, example)).out
    assert counted in " ".join(out.split("\n\n")[0].split())
