"""Tokens are taken from who signed them, for whom they are, while they hold, and as they were signed."""

import contextlib
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.saml import LASTS, SKEW, UPN, Claims, issued, make_signer, verified

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AUDIENCE = "https://crm.contoso.test/"
CLAIMS = Claims("http://sts.contoso.test/adfs/services/trust", AUDIENCE, {UPN: "alice@contoso.test"})
SIGNER, OTHER = make_signer("sts.contoso.test"), make_signer("sts.contoso.test")
ISSUED = datetime.now(UTC)  # the certificates begin now, too
TOKEN = issued(CLAIMS, SIGNER, ISSUED)


def taken(token=TOKEN, certificate=SIGNER.certificate, audience=AUDIENCE, now=None):
    return verified(token, certificate, audience, now or ISSUED)


def test_a_token_says_what_was_claimed():
    """To its audience, while it holds."""
    assert taken() == CLAIMS
    assert taken().upn == "alice@contoso.test"


def wrapped(token):
    """The signed assertion hidden beside another that nobody has signed."""
    start, end = token.index("<ns0:Assertion"), token.index("</ns0:Assertion>") + len("</ns0:Assertion>")
    forged = token[start:end].replace("alice@", "administrator@")
    return token[:start] + forged + token[start:end] + token[end:]


def nested(token):
    """The signed assertion inside another that nobody has signed."""
    start, end = token.index("<ns0:Assertion"), token.index("</ns0:Assertion>") + len("</ns0:Assertion>")
    forged = token[start:end].replace("alice@", "administrator@")
    return token[:start] + forged.replace("</ns0:Assertion>", token[start:end] + "</ns0:Assertion>") + token[end:]


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token.replace("alice@", "administrator@"),
        lambda token: token.replace("https://crm.", "https://other."),
        lambda token: token[: token.index("<ds:Signature")] + token[token.index("</ds:Signature>") + 15 :],
        wrapped,
        nested,
    ],
    ids=["claim", "audience", "unsigned", "beside", "around"],
)
def test_what_was_changed_is_refused(change):
    """A claim, the audience, the signature taken away, another assertion beside or around it."""
    assert change(TOKEN) != TOKEN
    with pytest.raises((Refused, Misspoken)):
        taken(change(TOKEN))


def test_a_token_of_another_signer_for_another_site_or_time_is_refused():
    """Whoever it names as its issuer; some minutes between the clocks are no matter."""
    now = ISSUED
    with pytest.raises(Refused):
        taken(issued(CLAIMS, OTHER, now))
    with pytest.raises(Refused, match="somebody else"):
        taken(audience="https://other.contoso.test/")
    for late in (now + LASTS + SKEW + timedelta(minutes=1), now - SKEW - timedelta(minutes=1)):
        with pytest.raises(Refused, match="not valid now"):
            taken(now=late)
    assert taken(now=now + LASTS) == CLAIMS


@given(st.integers(0, len(TOKEN)), st.integers(0, 30), st.text(max_size=5))
def test_broken_tokens_are_refused(place, length, noise):
    """A piece cut out and noise in its place changes what it says, or is refused."""
    broken = TOKEN[:place] + noise + TOKEN[place + length :]
    with contextlib.suppress(Refused, Misspoken):
        assert taken(broken) == CLAIMS


def test_xmlsec_finds_the_signature_good(tmp_path):
    """A judge of another maker; and a token that was changed is bad to it."""
    xmlsec = shutil.which("xmlsec1")
    if xmlsec is None:
        pytest.skip("xmlsec1 is not installed")
    certificate, file = tmp_path / "certificate.pem", tmp_path / "token.xml"
    certificate.write_text(SIGNER.certificate)

    def judged(token):
        file.write_text(token)
        arguments = ["--verify", "--id-attr:ID", "Assertion", "--pubkey-cert-pem", str(certificate), str(file)]
        return subprocess.run([xmlsec, *arguments], capture_output=True, timeout=60, check=False).returncode

    assert judged(TOKEN) == 0
    assert judged(TOKEN.replace("alice@", "administrator@")) != 0
