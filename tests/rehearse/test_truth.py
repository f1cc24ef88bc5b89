"""A rehearsal never says that something happened which did not."""

import json
import subprocess

import pytest
from tests.cli.running import copied
from tests.rehearse.rehearsing import ENVIRONMENT, NOT_POSSIBLE, command, rehearse, run
from tests.rehearse.shop import OPEN, flows, shop, via

pytestmark = pytest.mark.kernel


def test_pings_are_told_apart(tmp_path):
    """Each is decided by its own line, and not by that of another, or of its own reply."""
    rules = """
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		ip daddr 10.2.0.11 accept
		ip daddr 10.2.0.12 icmp type echo-request drop
	}
}
"""
    _, document, _ = rehearse(shop(tmp_path / "site", rules), "--patience", "0.5")
    found = flows(document)
    assert via(found["shop.ping/c1>s1"]) == [["ip daddr 10.2.0.11 accept"]]
    assert via(found["shop.ping/c1>s2"]) == [["ip daddr 10.2.0.12 icmp type echo-request drop"]]


def test_little_room_for_what_the_kernel_tells_hides_nothing(tmp_path):
    """Who may not have more of it than every user still learns of each packet what stopped it."""
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", *command(copied(tmp_path), "--format", "json")],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if "unshare failed" in done.stderr or done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr.strip())
    document = json.loads(done.stdout)
    assert (done.returncode, document["notes"]) == (0, [])
    assert document["blocked_sample"]["blocked"] == 100


@pytest.mark.parametrize(
    "command",
    ["monitor", "replace rule inet filter forward handle 3 accept", 'include "/etc/hostname"'],
)
def test_what_nobody_has_read_is_not_run(command, tmp_path):
    """A command that nft knows and Portwright does not is told with its line, and nothing of another file."""
    status, _, said = run(shop(tmp_path / "site", f"{OPEN}{command}\n"))
    assert (status, "fw.nft:7" in said) == (2, True), said
