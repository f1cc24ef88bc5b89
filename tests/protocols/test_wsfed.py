"""The browser finds its way to the token service and back, and federation metadata come back as they were."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.protocols.conversation import Misspoken
from portwright.protocols.http import form
from portwright.protocols.saml import make_signer
from portwright.protocols.wsfed import Metadata, SignIn, metadata_of, posted_back, published, sign_in_of, sign_in_query

AUDIENCE = "https://crm.contoso.test/"
SIGNER, OTHER = make_signer("sts.contoso.test"), make_signer("sts.contoso.test")
METADATA = Metadata("http://sts/trust", "https://sts.contoso.test/adfs/ls/", (SIGNER.certificate, OTHER.certificate))


def test_the_request_comes_back_from_its_query():
    """With its context; a query for something else is none."""
    request = SignIn(AUDIENCE, "rm=0&id=p&ru=/main.aspx", "http://partner")
    assert sign_in_of(form(sign_in_query(request))) == request
    assert sign_in_of({"wa": "wsignout1.0", "wtrealm": "x"}) is None


def test_the_page_posts_the_token_without_breaking_out_of_its_form():
    """Whatever the context holds."""
    assert '"><script' not in posted_back(AUDIENCE, "<t/>", '"><script>').text


def test_metadata_come_back_as_they_were():
    """With the certificates that sign."""
    assert metadata_of(published(METADATA)) == METADATA
    assert metadata_of(published(replace(METADATA, certificates=()))).certificates == ()
    with pytest.raises(Misspoken):
        metadata_of(published(METADATA).replace(b"X509Certificate>MII", b"X509Certificate>AAA"))


@given(st.integers(0, 4000), st.integers(0, 40), st.binary(max_size=10))
def test_broken_metadata_end_in_a_value_or_say_why_not(place, length, noise):
    """With a piece cut out and noise in its place."""
    data = published(METADATA)
    with contextlib.suppress(Misspoken):
        metadata_of(data[:place] + noise + data[place + length :])
