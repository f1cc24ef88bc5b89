"""The example F6 and its faults: complete, and each fault a small change to the right configuration."""

import re
import subprocess
from pathlib import Path

import pytest

import patches

F6 = Path(__file__).parents[2] / "examples" / "f6"
FAULTS = sorted((F6 / "faults").glob("*.patch"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda path: path.stem)
def test_a_fault_changes_one_configuration_a_little(fault, tmp_path):
    """It applies to the right configuration and touches at most five lines of it."""
    [written] = patches.apply_to(F6, fault, tmp_path)
    right, wrong = ((folder / written.name).read_text(encoding="utf-8").splitlines() for folder in (F6, tmp_path))
    assert 0 < len(set(right) ^ set(wrong)) <= 5


def test_every_fault_is_explained():
    """faults/README.md has a line for each patch, and for nothing else."""
    text = (F6 / "faults" / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(.*?)` \|", text, re.MULTILINE)) == [fault.name for fault in FAULTS]


def listed(ruleset):
    """What the kernel lists after it has loaded the ruleset, in a network namespace of its own."""
    script = "ip link set lo up && nft -f - && nft list ruleset"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], input=ruleset, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.kernel
@pytest.mark.parametrize("fault", [None, *FAULTS], ids=lambda path: path.stem if path else "right")
def test_the_linux_firewall_is_what_the_kernel_lists(fault, tmp_path):
    """data-fw.nft loads and lists to itself, with and without each fault."""
    folder = F6
    if fault is not None:
        patches.apply_to(F6, fault, tmp_path)
        folder = tmp_path if (tmp_path / "data-fw.nft").exists() else F6
    text = (folder / "data-fw.nft").read_text(encoding="utf-8")
    assert listed(text) == text
