"""A policy written as rules of nftables does what it did, as far as nothing is left out."""

import subprocess
from random import Random

import pytest
from tests.platforms.corpus import SAMPLES, Sample
from tests.platforms.test_laws import edge_headers, moved

from portwright.platforms import ON_HOSTS, read
from portwright.policy.walk import Decided, Walker
from portwright.rehearse.rules.translate import translated

FORWARDING = [sample for sample in SAMPLES if sample.platform not in ON_HOSTS]


def policy_of(configuration):
    """The policy of what passes through, with the whole path where there is one, and its name."""
    name = "forward/path" if "forward/path" in configuration.policies else "forward"
    return name, configuration.policies[name]


@pytest.mark.parametrize("sample", FORWARDING, ids=str)
def test_the_translation_read_back_decides_alike(sample: Sample):
    """Packets at the edges of the rules, where the original is sure and no line of it is left out."""
    configuration = sample.configuration()
    name, policy = policy_of(configuration)
    made = translated(policy, configuration.interfaces, {})
    back = read("nftables", made.text, "translated.nft")
    old, new = Walker(policy), Walker(back.policies["forward/path"])
    for header in edge_headers(configuration, name, Random(str(sample))):
        was, now = old.decide(header).decided, new.decide(moved(header, configuration, back)).decided
        assert made.left_out or was in (now, Decided.UNDECIDED)


def test_enough_of_them_leave_nothing_out():
    """So that the law above says something."""
    whole = [
        sample
        for sample in FORWARDING
        if not translated(policy_of(sample.configuration())[1], sample.configuration().interfaces, {}).left_out
    ]
    assert len(whole) > 15


@pytest.mark.kernel
@pytest.mark.parametrize("sample", FORWARDING, ids=str)
def test_the_kernel_takes_the_translation(sample: Sample):
    """Whatever is in it, nft loads it."""
    configuration = sample.configuration()
    made = translated(policy_of(configuration)[1], configuration.interfaces, {})
    done = subprocess.run(
        ["unshare", "--net", "nft", "-f", "-"], input=made.text, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
