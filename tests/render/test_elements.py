"""Elements of sets taken away from the text: those, and nothing that looks like them."""

import pytest

from portwright.platforms.nftables.listing_text import read
from portwright.platforms.nftables.ruleset_text import Listing

COMMENTED = """table inet filter {
	set ports {
		type inet_service
		comment "99 is for the old server"
		elements = { 53 counter packets 99 bytes 5, 99 counter packets 1 bytes 99,
			123 }
	}
}
"""
ALONE = """table inet filter {
	set ports {
		type inet_service
		elements = { 53,
			99,
			123 }
	}
}
"""


@pytest.mark.parametrize("text", [COMMENTED, ALONE])
def test_only_the_element_goes(text):
    """Comments and counters stay, and no line is left blank, which nft would refuse."""
    listing = Listing.of(text)
    [table] = listing.tables()
    after = listing.without_elements(table.sets["ports"], ["99"])
    [changed] = read(after, "x").tables.values()
    assert [str(member.key) for member in changed.sets["ports"].elements] == ["53", "123"]
    assert ("99 is for the old server" in after, "packets 99 bytes 5" in after) == (text is COMMENTED,) * 2
    assert "" not in [line.strip() for line in after.rstrip("\n").split("\n")]
