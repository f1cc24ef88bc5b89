"""How a play's end is told: in plain words, on one line, with the host at which it ended."""

import pytest
from tests.rehearse.loopback import hosts_of, running

from portwright.rehearse import patience
from portwright.rehearse.plays.table import performed, play_of
from portwright.rehearse.plays.telling import LONGEST, plain

ROLES = {
    "dc01": ["ad/global-catalog"], "fe01": ["crm/full-server"], "sql01": ["sql/engine"],
    "ssrs01": ["ssrs/report-server"], "pc01": ["crm/client"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("soap:Server: It is\nbroken.", "It is broken."),
        ("soap:Server No Sandbox Hosts", "No Sandbox Hosts"),
        ("18456: Login failed.", "Login failed."),
        ("There is no database. (rsReportServerDatabaseUnavailable) (HTTP 500)", "There is no database."),
        ("There are no logon servers (0x80090311)", "There are no logon servers"),
        ("Not here. (HTTP 404)", "Not here. (HTTP 404)"),
    ],
)
def test_codes_that_say_nothing_are_left_out(text, told):
    """What is left is what a user reads."""
    assert plain(text) == told


def test_a_long_message_is_cut():
    """A server may say much."""
    assert len(plain("word " * 1000)) <= LONGEST


@pytest.mark.parametrize(
    ("scenario", "without", "told"),
    [
        ("sign-in-integrated", ["fe01"], "pc01 is turned away by fe01 (crm.web)"),
        ("sign-in-integrated", ["sql01"], "Try this action again; fe01 is turned away by sql01 (crm.database)"),
        ("run-sql-report", ["ssrs01"], "reached; fe01 is turned away by ssrs01 (crm.report-execution)"),
        ("run-sql-report", ["dc01"], "again (HTTP 401); fe01 is turned away by dc01 (ad.rpc-mapper)"),
    ],
)
def test_the_host_at_which_it_ended_is_told(scenario, without, told, tmp_path):
    """With the requirement that failed there, even where another server shows the error."""
    works, seen = came_of(tmp_path, scenario, without=without)
    assert (works, seen[-len(told) :]) == (False, told)


def test_who_goes_on_by_ntlm_is_told(tmp_path):
    """Where it works all the same."""
    kerberos = {("dc01", "ad/kerberos"), ("dc01", "ad/kerberos-udp")}
    seen = came_of(tmp_path, "sign-in-integrated", elsewhere=kerberos)
    assert seen == (True, "alice sees the main page of CRM; by NTLM, as pc01 and fe01 got no ticket")


def came_of(folder, scenario, without=(), elsewhere=()):
    """Whether a play goes well, and what is told."""
    site = hosts_of(folder, ROLES)

    async def run():
        async with running(site, elsewhere, without):
            return await performed(play_of(scenario), site)

    return patience.run(run())
