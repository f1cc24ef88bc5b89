"""Claims as signed SAML 2.0 assertions, in the answer of WS-Trust (February 2005) that WS-Federation posts."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree  # type: ignore[import-untyped]
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.xmltree import Element, SubElement, child, children, parsed, text_of, written

ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
_TRUST = "http://schemas.xmlsoap.org/ws/2005/02/trust"  # WS-Trust of February 2005, which AD FS speaks here
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
_CONFIGURATION = SignatureConfiguration(
    location="./",
    signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
)
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"  # SAML profiles, 3.3
LASTS = timedelta(hours=1)  # what AD FS gives a relying party if nobody says otherwise
SKEW = timedelta(minutes=5)
_WHEN = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate that signs tokens, and its key."""

    certificate: str  # PEM
    key: bytes = field(repr=False)  # PEM


def make_signer(name: str) -> Signer:
    """A certificate that signs itself, as AD FS makes one for its tokens."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ADFS Signing - {name}"[:64])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Signer(made.public_bytes(serialization.Encoding.PEM).decode("ascii"), private)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: who says it of whom, and for whom it is."""

    issuer: str
    audience: str
    values: Mapping[str, str]  # by claim type

    @property
    def upn(self) -> str:
        """The user principal name; empty where the token has none."""
        return self.values.get(UPN, "")


def issued(claims: Claims, signer: Signer, now: datetime) -> str:
    """A token with these claims, signed: a RequestSecurityTokenResponse with the assertion in it."""
    assertion = _assertion(claims, now)
    signed = XMLSigner(c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#").sign(
        etree.fromstring(written(assertion)),
        key=signer.key,
        cert=signer.certificate,
        reference_uri=assertion.get("ID"),
        id_attribute="ID",
    )
    holder = etree.Element(f"{{{_TRUST}}}RequestSecurityTokenResponse", nsmap={"t": _TRUST})
    etree.SubElement(holder, f"{{{_TRUST}}}RequestedSecurityToken").append(signed)
    text: str = etree.tostring(holder, encoding="unicode")
    return text


def _assertion(claims: Claims, now: datetime) -> Element:
    root = Element(_saml("Assertion"), ID=f"_{uuid.uuid4()}", Version="2.0", IssueInstant=now.strftime(_WHEN))
    SubElement(root, _saml("Issuer")).text = claims.issuer
    subject = SubElement(root, _saml("Subject"))
    SubElement(subject, _saml("NameID")).text = claims.values.get(NAME, claims.upn)
    confirmation = SubElement(subject, _saml("SubjectConfirmation"), Method=_BEARER)
    until = (now + LASTS).strftime(_WHEN)
    SubElement(confirmation, _saml("SubjectConfirmationData"), NotOnOrAfter=until, Recipient=claims.audience)
    conditions = SubElement(root, _saml("Conditions"), NotBefore=now.strftime(_WHEN), NotOnOrAfter=until)
    SubElement(SubElement(conditions, _saml("AudienceRestriction")), _saml("Audience")).text = claims.audience
    statement = SubElement(root, _saml("AttributeStatement"))
    for kind, value in claims.values.items():
        attribute = SubElement(statement, _saml("Attribute"), Name=kind)
        SubElement(attribute, _saml("AttributeValue")).text = value
    return root


def verified(token: str, certificate: str, audience: str, now: datetime) -> Claims:
    """The claims of a token that this certificate has signed for this audience, and that holds now.

    Only what the signature covers is read. Raises Misspoken for what is no token, and Refused where it does not hold.
    """
    assertion = parsed(_signed_part(token, certificate))
    if assertion.tag != _saml("Assertion"):
        raise Refused("the signature is not that of an assertion")
    conditions = child(assertion, "Conditions")
    if not _when(conditions, "NotBefore") - SKEW <= now < _when(conditions, "NotOnOrAfter") + SKEW:
        raise Refused("the token is not valid now")
    audiences = [(one.text or "").strip() for one in child(conditions, "AudienceRestriction")]
    if audience not in audiences:
        raise Refused("the token is for somebody else")
    attributes = children(child(assertion, "AttributeStatement"), "Attribute")
    values = {one.get("Name", ""): text_of(one, "AttributeValue") for one in attributes}
    return Claims(text_of(assertion, "Issuer"), audience, values)


def _signed_part(token: str, certificate: str) -> bytes:
    """The bytes that the signature covers, as they were signed."""
    data = token.encode("utf-8", "replace")
    parsed(data)  # bounds, and no document type: before another reader sees it
    reader = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        holder = etree.fromstring(data, reader)
        found = list(holder.iter(_saml("Assertion")))
        if len(found) != 1:
            raise Misspoken("a token holds one assertion")
        alone = etree.fromstring(etree.tostring(found[0]), reader)
        result = XMLVerifier().verify(
            alone, x509_cert=certificate, id_attribute="ID", expect_config=_CONFIGURATION, parser=reader
        )
    except (SignXMLException, ValueError, etree.LxmlError) as problem:
        raise Refused(f"the signature of the token does not hold: {type(problem).__name__}") from None
    assert not isinstance(result, list)
    return bytes(result.signed_data)


def _when(conditions: Element, name: str) -> datetime:
    try:
        return datetime.strptime(conditions.get(name, "")[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Misspoken(f"the token has no {name}") from None


def _saml(name: str) -> str:
    return f"{{{ASSERTION}}}{name}"
