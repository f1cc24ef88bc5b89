"""The configurations of the example sites and their faults: each fault is a small change to a right configuration."""

import re
import subprocess
from pathlib import Path

import pytest

import patches

EXAMPLES = Path(__file__).parents[2] / "examples"
FAULTS = sorted(EXAMPLES.glob("*/faults/*.patch"))
LISTINGS = sorted(EXAMPLES.glob("*/*.nft"))


def named(path):
    """f6-data-fw for a listing, f6-too-wide for a patch."""
    return f"{path.parent.parent.name}-{path.stem}" if path.suffix == ".patch" else f"{path.parent.name}-{path.stem}"


@pytest.mark.parametrize("fault", FAULTS, ids=named)
def test_a_fault_changes_one_configuration_a_little(fault, tmp_path):
    """It applies to the right configuration and touches at most five lines of it."""
    example = fault.parent.parent
    [written] = patches.apply_to(example, fault, tmp_path)
    right, wrong = ((folder / written.name).read_text(encoding="utf-8").splitlines() for folder in (example, tmp_path))
    assert 0 < len(set(right) ^ set(wrong)) <= 5


@pytest.mark.parametrize("folder", sorted({fault.parent for fault in FAULTS}), ids=lambda path: path.parent.name)
def test_every_fault_is_explained(folder):
    """faults/README.md has a line for each patch, and for nothing else."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(.*?)` \|", text, re.MULTILINE)
    assert sorted(explained) == sorted(path.name for path in folder.glob("*.patch"))


@pytest.mark.parametrize("folder", sorted({path.parent for path in LISTINGS}), ids=lambda path: path.name)
def test_a_configuration_of_an_example_is_used(folder):
    """Its site file names every configuration that lies beside it."""
    site = (folder / "site.yaml").read_text(encoding="utf-8")
    configurations = sorted(path.name for path in folder.iterdir() if path.suffix in (".cfg", ".nft"))
    assert sorted(re.findall(r"^    config: (\S+)$", site, re.MULTILINE)) == configurations


def listed(ruleset):
    """What the kernel lists after it has loaded the ruleset, in a network namespace of its own."""
    script = "ip link set lo up && nft -f - && nft list ruleset"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], input=ruleset, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.kernel
@pytest.mark.parametrize("listing", LISTINGS, ids=named)
def test_a_linux_firewall_is_what_the_kernel_lists(listing):
    """It loads and lists to itself."""
    text = listing.read_text(encoding="utf-8")
    assert listed(text) == text


@pytest.mark.kernel
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if ".nft" in fault.read_text()], ids=named)
def test_a_linux_firewall_with_a_fault_is_what_the_kernel_lists(fault, tmp_path):
    """A fault is one that an administrator could have made: what it leaves loads and lists to itself."""
    [written] = patches.apply_to(fault.parent.parent, fault, tmp_path)
    text = written.read_text(encoding="utf-8")
    assert listed(text) == text
