"""Realistic configurations: for each packet the decision and the line that makes it, also from nft's own listings."""

import subprocess
from pathlib import Path

import pytest
from tests.platforms.decisions import decided_as, decision, expectations
from tests.platforms.nftables.rulesets import CASES, read

from portwright.platforms import load

NOT_LOADABLE = {"not-understood", "container-host"}  # words that nft refuses; extensions that only iptables makes
LOSSY = {("before-tracking", "-j list ruleset")}  # the JSON of nft 1.0.6 does not name the devices of ingress chains


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_packet_is_decided_by_its_line(case: Path) -> None:
    """Every packet of the table gets its decision from the line that the table names."""
    configuration = read(case)
    assert decided_as(configuration, case) == expectations(case)


@pytest.mark.kernel
@pytest.mark.parametrize("arguments", ["list ruleset", "-j list ruleset"])
@pytest.mark.parametrize("case", [case for case in CASES if case.name not in NOT_LOADABLE], ids=lambda case: case.name)
def test_listings_of_the_kernel_decide_alike(case: Path, arguments: str) -> None:
    """What nft prints after loading a configuration gives the same decisions, as text and as JSON."""
    (file,) = case.glob("ruleset.*")
    if file.suffix == ".json":
        pytest.skip("it is a listing already")
    listing = in_kernel(file, arguments)
    configuration = load("nftables").parse(listing, "listing")
    lost = {"undecided"} if (case.name, arguments) in LOSSY else set()
    for expected in expectations(case):
        assert decision(configuration, expected).decided.value in {expected.decided} | lost, expected


def in_kernel(file: Path, arguments: str) -> str:
    """The listing of a ruleset loaded into a network namespace of its own."""
    script = f"ip link add wan0 type veth peer name lan0 && nft -f {file} && nft {arguments}"
    return subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, check=True).stdout
