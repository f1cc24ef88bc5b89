"""The stories of the scenarios, with packets: what is proved passes, and what is missing does not."""

import shutil
from pathlib import Path

import pytest
from tests.rehearse.rehearsing import rehearse
from tests.scenarios.story import chapters

pytestmark = pytest.mark.kernel
FOLDER = Path(__file__).parents[1] / "scenarios"
# Each has something that a lab could get wrong: who answers for an address, by which way packets come back.
TOLD = (
    "declared-nat", "dual-stack", "ipsec", "load-balancer", "one-network", "pat-asa", "source-nat-nft",
    "virtual-addresses",
)  # fmt: skip
CHAPTERS = [chapter for name in TOLD for chapter in chapters(FOLDER / f"{name}.md")]


def told(chapter, folder):
    """The rehearsal of a chapter: its flows by id, and the document."""
    shutil.copytree(FOLDER / "products", folder / "products")
    for name, text in chapter.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    _, document, said = rehearse(folder / "site.yaml", "--patience", "1")
    return {one["id"]: one for one in document["flows"]}, document, said


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: f"{chapter.story}: {chapter.title}")
def test_packets_agree_with_the_proof(chapter, tmp_path):
    """Nothing that is proved is stopped, nothing that is missing passes, and what is not played is not said to pass."""
    flows, _, said = told(chapter, tmp_path)
    wrong = {("proved", "blocked"), ("missing", "passes")}
    assert flows, said
    assert [one for one in flows.values() if (one["static"], one["rehearsed"]) in wrong] == []
    assert all(one["exchanges"] or one["reason"] for one in flows.values())


def chapter_of(story, title):
    """The chapter with this beginning."""
    return next(one for one in chapters(FOLDER / f"{story}.md") if one.title.startswith(title))


def test_each_member_has_its_turn_and_the_rules_behind_decide(tmp_path):
    """The customer's own flow is decided by the outer firewall, the way on to each member by the inner one."""
    flows, document, _ = told(chapter_of("load-balancer", "Right with dnat"), tmp_path)
    asked, *behind = (flows[f"shop.buy/customers>shop{member}"] for member in ("", ">web01", ">web02"))
    assert [one["rehearsed"] for one in (asked, *behind)] == ["passes"] * 3
    assert asked["decided_by"]["point"] == "outer"
    assert {one["decided_by"]["point"] for one in behind} == {"inner"}
    assert document["unplanned"] == []


def test_with_snat_the_members_see_the_address_of_the_device(tmp_path):
    """So it is a flow of its own, and the rule that names the device's address decides."""
    flows, _, _ = told(chapter_of("load-balancer", "Right with snat"), tmp_path)
    on = flows["shop.buy/shop>web01"]
    assert on["rehearsed"] == "passes"
    assert "10.20.0.10" in on["decided_by"]["text"]


def test_one_member_that_is_out_of_reach_does_not_hide_the_other(tmp_path):
    """The way to it is blocked by its rule; the customer is served all the same."""
    flows, _, _ = told(chapter_of("load-balancer", "Wrong with dnat: the inner firewall knows one"), tmp_path)
    found = {name.rpartition(">")[2]: one["rehearsed"] for name, one in flows.items()}
    assert sorted(found.values()) == ["blocked", "passes", "passes"]
    assert found["shop"] == "passes"


def test_an_address_behind_which_nobody_can_be_reached_is_neither_open_nor_blocked(tmp_path):
    """The first firewall lets packets pass; nobody answers, so nothing is known of the way back."""
    flows, _, _ = told(chapter_of("load-balancer", "Wrong with dnat: the inner firewall names"), tmp_path)
    asked = flows.pop("shop.buy/customers>shop")
    assert (asked["rehearsed"], asked["exchanges"]) == ("not-tried", [])
    assert "not known" in asked["reason"]
    assert {one["rehearsed"] for one in flows.values()} == {"blocked"}


def test_with_direct_return_both_members_answer(tmp_path):
    """From the shared address, by their own way: the device sees no reply."""
    flows, _, _ = told(chapter_of("virtual-addresses", "Right with direct server return"), tmp_path)
    (asked,) = flows.values()
    assert [one["outcome"] for one in asked["exchanges"]] == ["answered"] * 2
    assert {via["point"] for one in asked["exchanges"] for via in one["via"]} == {"fw", "fw-web01"}


def test_a_translation_that_only_the_site_knows_is_made_and_told(tmp_path):
    """The customer asks for the published address and port, and the server has the connection."""
    flows, document, _ = told(chapter_of("declared-nat", "Right"), tmp_path)
    (asked,) = flows.values()
    assert asked["exchanges"][0]["packet"].endswith("> 203.0.113.10:8443")
    assert asked["rehearsed"] == "passes"
    assert any("declares: its configuration does not say so" in note for note in document["notes"])


def test_esp_is_sent_and_answered(tmp_path):
    """As packets without ports; the rule for them decides."""
    flows, _, _ = told(chapter_of("ipsec", "Right"), tmp_path)
    esp = flows["shop.esp/stock01>copy01"]
    assert esp["rehearsed"] == "passes"
    assert esp["exchanges"][0]["packet"].startswith("esp ")
    assert esp["decided_by"]["text"].find("esp") >= 0
