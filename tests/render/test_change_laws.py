"""What holds of every change, of configurations written on every platform, whatever they have lost."""

import random
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cli.running import F6, copied, run

from portwright import platforms
from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.cli.site import load
from portwright.render.change import Mending, missing
from portwright.render.effect import Effect

POINTS = {"core-fw": "core-fw.cfg", "data-fw": "data-fw.nft"}
SUFFIX = {"cisco-asa": "cfg", "nftables": "nft", "iptables": "rules", "rules-csv": "csv"}


_RULES = re.compile(
    r"(access-list \S+ extended |\s*(ip|tcp|udp|icmp|meta|ct|iifname).* accept|\d+,permit|(-[46] )?-A .* -j ACCEPT)"
)


def damaged(text, chance):
    """A text some of whose rules are gone, or deny."""
    lines = text.split("\n")
    rules = [number for number, line in enumerate(lines) if _RULES.match(line) and "deny ip any any" not in line]
    for number in sorted(chance.sample(rules, chance.randint(1, min(4, len(rules)))), reverse=True):
        if chance.random() < 0.5:
            del lines[number]
        else:
            lines[number] = _DENIED.sub(lambda found: _OPPOSITE[found[0]], lines[number], count=1)
    return "\n".join(lines)


_DENIED = re.compile(r"\b(permit|accept|ACCEPT)\b")
_OPPOSITE = {"permit": "deny", "accept": "drop", "ACCEPT": "DROP"}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Configurations that were written for the example site, on every platform, beside those made by hand."""
    folder = tmp_path_factory.mktemp("rendered")
    site = copied(folder)
    found = [(point, None, (F6 / file).read_text(encoding="utf-8")) for point, file in POINTS.items()]
    for point in POINTS:
        for platform, suffix in SUFFIX.items():
            target = folder / f"{point}-{platform}"
            done = run("render", site, "--point", point, "--platform", platform, "-o", target)
            assert done.status == 0
            text = (target / f"{point}.{suffix}").read_text(encoding="utf-8")
            if platform == "cisco-asa":
                head = "".join(
                    f"interface GigabitEthernet0/{n}\n nameif {name}\n security-level 0\n"
                    for n, name in enumerate(dict.fromkeys(interfaces_of(site, point)))
                )
                text = f"ASA Version 9.8(4)\n{head}{text}"
            found.append((point, platform, text))
    return site, Texts(found)


class Texts(list):
    """Long texts, which nobody wants to see."""

    def __repr__(self):
        return f"{len(self)} texts"


def interfaces_of(site, point):
    plan, _ = load(str(site), (), None)
    return plan.site.points[point].interfaces.values()


@settings(max_examples=16, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_change_restores_what_was_lost_and_nothing_else(rendered, seed):
    """Whatever rules are taken out or turned: what is required passes again, nothing new does."""
    site, texts = rendered
    chance = random.Random(seed)
    point, platform, text = chance.choice(texts)
    plan = plan_with(site, point, platform)
    mending = mending_of(plan, point, damaged(text, chance))
    change = mending.change(tighten=False)
    assert (change.proof.failures, change.remaining) == ((), ())
    original = mending.stand(text)
    before, after = (Effect.of(original, stand).gained for stand in (mending.old, mending.stand(change.after)))
    assert all(packets <= before.get(hook, packets - packets) for hook, packets in after.items())
    assert blocked(plan, point, change.after) == []


def plan_with(site, point, platform):
    """The plan of a site one of whose points is of another platform."""
    plan, _ = load(str(site), (), None)
    if platform is None:
        return plan
    points = {**plan.site.points, point: replace(plan.site.points[point], platform=platform)}
    return replace(plan, site=replace(plan.site, points=points))


def reading_of(plan, point, text):
    return Reading(platforms.read(plan.site.points[point].platform, text, "x"), text)


def mending_of(plan, point, text):
    """The work on a text, the other points not being given."""
    readings = {point: reading_of(plan, point, text)}
    judge = Check(plan, readings).judge
    return Mending(plan, readings, point, missing([judge.result(flow) for flow in plan.required], point))


def blocked(plan, point, text):
    """What required flows still meet at a point with a text."""
    judge = Check(plan, {point: reading_of(plan, point, text)}).judge
    return [one for flow in plan.required for one in judge.result(flow).obstacles if one.point == point]


def test_a_table_of_rules_keeps_its_line_ends(rendered):
    """Whatever is written of it anew."""
    site, texts = rendered
    point, platform, text = next(one for one in texts if one[1] == "rules-csv")
    plan = plan_with(site, point, platform)
    lines = text.split("\n")
    change = mending_of(plan, point, "\r\n".join([*lines[:2], *lines[3:]])).change(tighten=False)
    assert change.steps
    assert change.after.count("\n") == change.after.count("\r\n")
