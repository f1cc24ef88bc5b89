"""chronyd as the clock of a site, asked by chronyd on other hosts."""

import re

import pytest
from tests.rehearse.real.played import ROOT, played

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def seen():
    return played("time", ROOT / "examples/f2/site.yaml")


def test_who_serves_the_time(seen):
    """The source and each domain controller."""
    assert seen["names"] == ["chrony on dc01", "chrony on ntp01"]
    assert seen["services"] == [["dc01", "ad/time"], ["ntp01", "time/external-ntp"]]


@pytest.mark.parametrize("who", ["source", "controller"])
def test_a_real_client_takes_the_time(seen, who):
    """The clocks are the same one, so it finds nothing to correct."""
    status, said = seen[who]
    wrong = re.search(r"System clock wrong by (-?[\d.]+) seconds", said)
    assert status == 0, said
    assert float(wrong[1]) == pytest.approx(0, abs=1)


def test_the_firewall_stands_between(seen):
    """Members may not ask the source: it does not answer them."""
    status, said = seen["not let through"]
    assert status != 0, said
    assert "Timeout reached" in said
