"""Secrets in configurations are masked, whatever the platform."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.redact import redact

SECRETS = [
    "enable password S3cret encrypted",
    "boot config https://admin:S3cret@10.0.0.1/start.cfg",
    "enable password $sha512$5000$S3cret$S3cret pbkdf2",
    "enable secret 5 S3cret",
    "passwd S3cret encrypted",
    "username admin password S3cret encrypted privilege 15",
    'username admin password "S3cret S3cret" privilege 15',
    "key S3cret",
    "key 7 S3cret",
    "pre-shared-key S3cret",
    "ikev2 remote-authentication pre-shared-key S3cret",
    "snmp-server community S3cret",
    "snmp-server host inside 10.0.0.1 poll community S3cret version 2c",
    "snmp-server user u g v3 auth sha S3cret priv aes 128 S3cret",
    "snmp-server user u g v3 encrypted auth md5 S3cret priv des S3cret",
    "ospf message-digest-key 1 md5 S3cret",
    "ospf authentication-key S3cret",
    "neighbor 10.0.0.1 password 7 S3cret",
    "ntp authentication-key 1 md5 S3cret",
    "ldap-login-password S3cret",
    "radius-common-pw S3cret",
    "failover key S3cret",
    "authentication key eigrp 1 S3cret key-id 1",
    "set psksecret ENC S3cret",
    "set password ENC S3cret",
    'encrypted-password "S3cret"; ## SECRET-DATA',
    "password=S3cret",
    "vpdn username a password S3cret store-local",
]
PLAIN = [
    "access-list outside_in extended permit tcp any host 10.0.0.5 eq https",
    "object network web01",
    "ssh key-exchange group dh-group14-sha1",
    "crypto key generate rsa",
    "nat (inside,outside) source static any any",
    "   indented   as   written",
    "",
]


@pytest.mark.parametrize("line", SECRETS)
def test_secrets(line):
    """The secret is gone, the command is still recognizable."""
    masked = redact(line)
    assert "S3cret" not in masked
    assert "*****" in masked
    assert masked.split()[0].partition("=")[0] == line.split()[0].partition("=")[0]


@pytest.mark.parametrize("line", [line for line in PLAIN if "crypto key" not in line])
def test_plain_lines_stay_as_they_are(line):
    """Character by character."""
    assert redact(line) == line


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text):
    """And nothing makes it fail."""
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("  key S3cret   and  more", "  key *****   and  more"),
        ('\t\tip saddr @a accept comment "password S3cret"', '\t\tip saddr @a accept comment "password *****'),
        ('accept comment "password: S3cret x"  ', 'accept comment "password: ***** x"  '),
    ],
)
def test_what_stays_keeps_its_space(line, masked):
    """A line in its context stands where it stood."""
    assert redact(line) == masked


@pytest.mark.parametrize("line", ['iifname "priv" oifname "auth" accept', 'oifname "key" counter accept'])
def test_names_in_quotes_announce_nothing(line):
    """An interface may be called as an option of something else is."""
    assert redact(line) == line
