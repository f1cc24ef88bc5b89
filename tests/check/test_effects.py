"""What a proposed configuration means for a site: what it loses, gains, opens and closes, and what is not known."""

import pytest
from tests.cli.running import F6, copied, edit, line_of, run

EQUAL, DIFFERENT, UNDECIDED = 0, 1, 3
DEFAULT = "policy drop;\n\t\tct state vmap"
FETCH = "access-list reports_in extended permit object crm-sdk-listener object ssrs01 object fe01 \n"


class Change:
    """The right site, and a proposed configuration of one of its points."""

    def __init__(self, folder):
        self.site = copied(folder)
        self.new = {}

    def propose(self, name, old, new):
        """Replace a text in a copy of a point's configuration."""
        file = self.site.with_name(name)
        proposed = self.new.setdefault(name, file.with_name(f"new-{name}"))
        if not proposed.exists():
            proposed.write_bytes(file.read_bytes())
        edit(proposed, old, new)
        return self

    def compared(self, *options, back=False):
        """Compare the proposed configuration with the one in force, or the other way round."""
        [(name, new)] = self.new.items()
        sides = [self.site.with_name(name), new]
        done = run("diff", *(reversed(sides) if back else sides), "--site", self.site, *options, "--format", "json")
        return done.status, done.document["site"], done.document


@pytest.fixture
def change(tmp_path):
    return Change(tmp_path)


# ---------------------------------------------------------------------- nothing changes for the site


def test_the_same_is_equal(change):
    """Whatever its lines mean."""
    status, site, document = change.propose("core-fw.cfg", "access-list", "access-list").compared()
    assert (status, site["verdict"], document["verdict"]) == (EQUAL, "equal", "equal")


def test_what_does_not_concern_the_site_is_equal_in_effect(change):
    """The packets differ, between addresses that are none of the site's; the difference stays listed."""
    rule = "ip saddr 192.0.2.0/24 ip daddr 203.0.113.0/24 tcp dport 80 accept\n\t\t"
    change.propose("data-fw.nft", "iifname . oifname vmap", f"{rule}iifname . oifname vmap")
    status, site, document = change.compared()
    assert (status, site["verdict"], document["verdict"]) == (EQUAL, "equal", "different")
    assert document["differences"]


def test_a_rule_that_permits_the_same_otherwise_is_equal(change):
    """Two rules in the place of one."""
    two = FETCH.replace("object crm-sdk-listener", "tcp").replace("object fe01", "object fe01 eq 808")
    status, site, _ = change.propose("core-fw.cfg", FETCH, two).compared()
    assert (status, site["verdict"]) == (EQUAL, "equal")


# ---------------------------------------------------------------------- lost and gained


def test_a_lost_flow_comes_with_the_line_and_what_the_user_sees(change):
    """The line is one of the new configuration; the scenario and the test that need the flow are named."""
    status, site, _ = change.propose("core-fw.cfg", FETCH, "").compared()
    assert (status, site["verdict"], site["point"]) == (DIFFERENT, "loses", "core-fw")
    [lost] = site["lost"]
    assert (lost["flow"], lost["kind"]) == ("crm.fetch-report/ssrs01>fe01", "missing")
    new = change.new["core-fw.cfg"]
    assert (lost["decided_by"]["file"], lost["decided_by"]["line"]) == (
        str(new),
        line_of(new, "reports_in extended deny"),
    )
    assert "Fetch-based reports" in lost["breaks"][0]["user_sees"]
    [scenario] = site["scenarios"]
    assert (scenario["scenario"], scenario["before"], scenario["after"]) == ("run-fetch-report", "works", "broken")
    assert "Fetch-based reports" in scenario["user_sees"]
    assert [test["message"][:20] for test in site["tests_broken"]] == ["tcp ssrs01 > fe01:80"]


def test_what_one_direction_loses_the_other_gains(change):
    """The same pair the other way round."""
    status, site, _ = change.propose("core-fw.cfg", FETCH, "").compared(back=True)
    assert (status, site["verdict"], site["lost"]) == (DIFFERENT, "differs", [])
    assert [(one["flow"], one["before"], one["after"]) for one in site["gained"]] == [
        ("crm.fetch-report/ssrs01>fe01", "missing", "proved")
    ]
    assert [one["after"] for one in site["scenarios"]] == ["works"]
    assert len(site["tests_mended"]) == 1


def test_lost_replies_are_lost_flows(change):
    """Every connection through the point breaks."""
    change.propose("data-fw.nft", "established : accept, related : accept", "related : accept")
    status, site, _ = change.compared()
    assert (status, site["verdict"]) == (DIFFERENT, "loses")
    assert {one["kind"] for one in site["lost"]} == {"reply"}
    assert len(site["lost"]) > 20


def test_a_flow_that_another_point_blocks_is_not_gained(change):
    """End to end nothing changes for it."""
    edit(change.site.with_name("data-fw.nft"), "10.40.0.11 . 10.30.0.21 . 1433", "10.40.0.12 . 10.30.0.21 . 1433")
    rule = "access-list reports_in extended permit tcp object ssrs01 object-group SQL-SERVERS eq 1433 \n"
    _, site, _ = change.propose("core-fw.cfg", rule, "").compared(back=True)
    assert [one["flow"] for one in site["gained"]] == ["ssrs.database/ssrs01>sql02"]


def test_a_test_that_fails_is_a_loss(change):
    """Nothing that is needed is lost, and something is open that a test denies."""
    rule = "access-list users_in extended permit tcp object staff-net object sql01 eq 1433 \n"
    place = "access-list users_in remark"
    text = change.site.with_name("core-fw.cfg").read_text()
    first = next(line for line in text.splitlines() if line.startswith(place))
    edit(change.site.with_name("data-fw.nft"), 'counter name "dropped_forward"', "ip saddr 10.10.0.0/16 accept")
    status, site, _ = change.propose("core-fw.cfg", f"{first}\n", f"{rule}{first}\n").compared()
    assert (status, site["verdict"], site["lost"]) == (DIFFERENT, "loses", [])
    assert [test["kind"] for test in site["tests_broken"]] == ["assertion"]


def test_an_accepted_flow_that_does_not_pass_any_more_is_told(change):
    """Somebody answers for it: they should know."""
    text = change.site.with_name("core-fw.cfg").read_text()
    rule = next(line for line in text.splitlines() if "object bak01 object-group" in line)
    status, site, _ = change.propose("core-fw.cfg", f"{rule}\n", "").compared()
    assert (status, site["verdict"]) == (DIFFERENT, "differs")
    assert {(one["flow"], one["owner"]) for one in site["accepted_lost"]} == {
        ("tcp 10.50.0.40 > sql01:10000", "dba"),
        ("tcp 10.50.0.40 > sql02:10000", "dba"),
    }
    assert change.compared(back=True)[1]["accepted_gained"]


# ---------------------------------------------------------------------- opened and closed

WIDE = 'ip saddr 10.20.0.0/24 accept comment "migration"\n\t\tip saddr @admins jump'


def test_what_nothing_needs_is_opened_by_its_rule(change):
    """And closed the other way round; the rule is one of the configuration that has it."""
    status, site, _ = change.propose("data-fw.nft", "ip saddr @admins jump", WIDE).compared()
    assert (status, site["verdict"]) == (DIFFERENT, "differs")
    [opened] = site["opened"]
    new = change.new["data-fw.nft"]
    assert (opened["decided_by"]["file"], opened["decided_by"]["line"]) == (str(new), line_of(new, "migration"))
    status, site, _ = change.compared(back=True)
    assert (status, site["opened"]) == (DIFFERENT, [])
    assert [closed["decided_by"]["line"] for closed in site["closed"]] == [line_of(new, "migration")]


def test_what_was_open_before_is_not_opened_again(change):
    """A rule that permits a part of what another permitted needlessly: nothing new."""
    change.propose("data-fw.nft", "ip saddr @admins jump", WIDE)
    change.site.with_name("data-fw.nft").write_bytes(change.new["data-fw.nft"].read_bytes())
    twice = WIDE.replace("10.20.0.0/24 accept", "10.20.0.0/25 tcp dport 1-1000 accept")
    change.propose(
        "data-fw.nft",
        "ip saddr 10.20.0.0/24 accept",
        f"{twice.partition(chr(10))[0]}\n\t\tip saddr 10.20.0.0/24 accept",
    )
    status, site, _ = change.compared()
    assert (status, site["verdict"]) == (EQUAL, "equal")


def test_excess_that_somebody_answers_for_is_not_opened(change):
    """By its flow."""
    edit(change.site, "accept:\n", 'accept:\n  - {flow: "any app > data", reason: migration, owner: dba}\n')
    _, site, _ = change.propose("data-fw.nft", "ip saddr @admins jump", WIDE).compared()
    assert (site["opened"], site["verdict"]) == ([], "equal")  # core-fw stops it


# ---------------------------------------------------------------------- not known

DOUBT = "access-list reports_in extended deny tcp any any payload-class X\n"


def test_a_line_that_is_not_understood_leaves_flows_open(change):
    """Status 3, and the line is named."""
    status, site, _ = change.propose("core-fw.cfg", FETCH, DOUBT + FETCH).compared()
    assert (status, site["verdict"]) == (UNDECIDED, "undecided")
    assert "crm.fetch-report/ssrs01>fe01" in {one["flow"] for one in site["undecided"]}
    line = line_of(change.new["core-fw.cfg"], "payload-class")
    assert {rule["line"] for one in site["undecided"] for rule in one["hangs_on"]} == {line}


def test_what_is_lost_comes_before_what_is_not_known(change):
    """Status 1."""
    rule = "access-list users_in extended permit tcp object staff-net object fe01 eq https \n"
    change.propose("core-fw.cfg", FETCH, DOUBT + FETCH).propose("core-fw.cfg", rule, "")
    status, site, _ = change.compared()
    assert (status, site["verdict"]) == (DIFFERENT, "loses")
    assert site["undecided"]


def test_a_line_that_is_not_understood_on_both_sides_leaves_it_open(change):
    """Nobody knows whether it means the same beside other lines."""
    edit(change.site.with_name("core-fw.cfg"), FETCH, DOUBT + FETCH)
    change.propose("core-fw.cfg", DOUBT, DOUBT + DOUBT.replace("X", "Y"))
    status, site, _ = change.compared()
    assert (status, site["verdict"]) == (UNDECIDED, "undecided")


def test_a_line_that_may_open_something_is_a_doubt(change):
    """Nothing is surely opened."""
    wide = WIDE.replace("accept", "meta random < 10 accept")
    status, site, _ = change.propose("data-fw.nft", "ip saddr @admins jump", wide).compared()
    assert (status, site["verdict"], site["opened"]) == (UNDECIDED, "undecided", [])
    assert [one["decided_by"]["line"] for one in site["doubts"]] == [line_of(change.new["data-fw.nft"], "migration")]


# ---------------------------------------------------------------------- which point


def test_the_point_is_the_one_that_runs_the_old_configuration(change):
    """By its file, or else the only one of its platform that has all the interfaces."""
    change.propose("core-fw.cfg", FETCH, "")
    elsewhere = change.site.with_name("saved.cfg")
    elsewhere.write_bytes(change.site.with_name("core-fw.cfg").read_bytes())
    done = run("diff", elsewhere, change.new["core-fw.cfg"], "--site", change.site, "--format", "json")
    assert (done.status, done.document["site"]["point"]) == (DIFFERENT, "core-fw")


def test_a_point_that_is_not_clear_is_an_input_error(change):
    """Its name must be given."""
    edit(change.site, "{data: eth1, users: eth0, app", "{data: eth7, users: eth0, app")
    other = change.site.with_name("other.nft")
    other.write_bytes(change.site.with_name("data-fw.nft").read_bytes())
    done = run("diff", other, other, "--site", change.site)
    assert (done.status, "it is not clear which point" in done.err) == (2, True)
    assert run("diff", other, other, "--site", change.site, "--point", "data-fw").status == EQUAL
    assert run("diff", other, other, "--site", change.site, "--point", "edge-fw").status == 2


def test_another_platform_may_take_the_place(change):
    """What counts is what it does."""
    rendered = change.site.with_name("rendered")
    options = ("--point", "core-fw", "--platform", "nftables", "--optional", "-o", rendered)
    assert run("render", change.site, *options).status == 0
    [new] = rendered.iterdir()
    done = run("diff", change.site.with_name("core-fw.cfg"), new, "--site", change.site, "--format", "json")
    assert done.document["site"]["lost"] == []


def test_a_configuration_without_the_interfaces_is_an_input_error(change):
    """It cannot take the place of the other."""
    new = change.propose("core-fw.cfg", "transit", "tranzit").new["core-fw.cfg"]
    done = run("diff", change.site.with_name("core-fw.cfg"), new, "--site", change.site)
    assert (done.status, "has no interface 'transit'" in done.err) == (2, True)


def test_other_points_are_as_config_says(change):
    """The point in question has the two configurations that are compared."""
    change.propose("core-fw.cfg", FETCH, "")
    nothing = change.site.with_name("nothing.nft")
    chain = "chain forward { type filter hook forward priority filter; policy drop; }"
    nothing.write_text(f"table inet filter {{ {chain} }}\n")
    status, site, _ = change.compared("--config", f"data-fw={nothing}")
    assert (status, len(site["lost"])) == (DIFFERENT, 1)


@pytest.mark.parametrize("option", [("--point", "core-fw"), ("--today", "2026-01-01"), ("--config", "core-fw=x")])
def test_options_about_a_site_need_one(option):
    """They say nothing about two files alone."""
    done = run("diff", F6 / "core-fw.cfg", F6 / "core-fw.cfg", *option)
    assert (done.status, "give --site" in done.err) == (2, True)


def test_the_text_says_first_what_is_lost(change):
    """100 columns; the packets come below."""
    change.propose("core-fw.cfg", FETCH, "")
    done = run("diff", change.site.with_name("core-fw.cfg"), change.new["core-fw.cfg"], "--site", change.site)
    text = done.out
    counted = "(1 required flow lost, 1 test broken)."
    assert " ".join(text.split()).startswith(f"contoso: Different: something that is required is lost {counted}")
    order = ["Lost", "Fetch-based reports fail at step 4b", "Tests that do not hold", "Scenarios", "Packet by packet"]
    assert sorted(order, key=text.index) == order


def test_the_text_tells_optional_flows_from_required_ones(change):
    """Who loses what the application can do without reads that nothing required is lost, and how much is."""
    line = " service-object tcp destination eq 3268 \n"
    change.propose("core-fw.cfg", line, line + " service-object tcp destination eq ldaps\n")
    done = run("diff", change.new["core-fw.cfg"], change.site.with_name("core-fw.cfg"), "--site", change.site)
    first = " ".join(done.out.split("\n\n")[0].split())
    assert "Different: nothing that is required is lost, and something changes (4 optional flows lost)." in first


def test_the_text_counts_what_somebody_answers_for(change):
    """It is neither required nor excess, and it is lost."""
    change.propose("data-fw.nft", "ip saddr 10.50.0.40 tcp dport 10000", "ip saddr 10.50.0.41 tcp dport 10000")
    done = run("diff", change.site.with_name("data-fw.nft"), change.new["data-fw.nft"], "--site", change.site)
    assert "2 accepted flows lost" in " ".join(done.out.split())
