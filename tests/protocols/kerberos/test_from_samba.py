"""What a domain controller of another maker sends that others do not."""

import pytest

from portwright.protocols import der
from portwright.protocols.kerberos.messages import Encrypted, KrbError

# From a read-only controller of Samba 4.17, which could not open a ticket: no name of a server, no realm to speak of.
NAMELESS = bytes.fromhex(
    "7e4f304da003020105a10302011ea411180f32303236313132323138303732375aa5050203034589a60302011f"
    "a9151b133c756e737065636966696564207265616c6d3eaa0b3009a003020100a1023000"
)


def test_an_error_may_leave_out_whose_it_is():
    """It is read all the same, and says what is wrong."""
    error = KrbError.read(der.parse(NAMELESS))
    assert (error.code, error.server.parts) == (31, ())


@pytest.mark.parametrize("version", [None, 0, 1, 0x7FFF0001, -65535])
def test_the_version_of_a_key_comes_back_as_it_came(version):
    """By it a read-only controller knows whose ticket it is; 0 is another than none."""
    sealed = Encrypted(18, b"sealed", version)
    assert Encrypted.read(der.parse(sealed.encoded)) == sealed
