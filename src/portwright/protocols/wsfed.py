"""WS-Federation (OASIS, 1.2): the browser's way to a security token service and back, and federation metadata.

A web site sends the browser away with `wa=wsignin1.0` (13.2), and the service has it post the token back. Who signs
tokens, and where the browser goes, is told by metadata (3).
"""

import base64
import binascii
import html
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from portwright.protocols.conversation import Misspoken
from portwright.protocols.http import Response, formed, page
from portwright.protocols.xmltree import Element, SubElement, child, children, parsed, text_of, written

METADATA = "/FederationMetadata/2007-06/FederationMetadata.xml"
_SPACE = "urn:oasis:names:tc:SAML:2.0:metadata"
_SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
_FEDERATION = "http://docs.oasis-open.org/wsfed/federation/200706"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"


# -- the browser's way there and back


@dataclass(frozen=True, slots=True)
class SignIn:
    """A request for a token: for whom, and what to give back with it."""

    realm: str  # wtrealm: the relying party, an address
    context: str = ""  # wctx
    issuer: str = ""  # whr: the identity provider that shall check the credentials


def sign_in_query(request: SignIn) -> str:
    """The query with which the browser is sent to the security token service."""
    fields = {"wa": "wsignin1.0", "wtrealm": request.realm, "wctx": request.context, "whr": request.issuer}
    return formed({name: value for name, value in fields.items() if value})


def sign_in_of(query: Mapping[str, str]) -> SignIn | None:
    """The request in a query or form; None where it is none."""
    if query.get("wa") != "wsignin1.0" or "wtrealm" not in query:
        return None
    return SignIn(query["wtrealm"], query.get("wctx", ""), query.get("whr", ""))


def posted_back(where: str, token: str, context: str) -> Response:
    """The page that has the browser post the token to the relying party by itself."""
    fields = {"wa": "wsignin1.0", "wresult": token, "wctx": context}
    inputs = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in fields.items()
    )
    return page(
        f'<html><body><form method="POST" action="{html.escape(where)}">{inputs}'
        "<noscript><button>Continue</button></noscript></form>"
        "<script>document.forms[0].submit()</script></body></html>"
    )


# -- federation metadata


@dataclass(frozen=True, slots=True)
class Metadata:
    """Who takes part in a federation: the name, the address for the browser, the certificates that sign (PEM)."""

    entity: str
    address: str
    certificates: tuple[str, ...] = ()


def published(metadata: Metadata) -> bytes:
    """Federation metadata as a document."""
    root = Element(_meta("EntityDescriptor"), entityID=metadata.entity)
    role = SubElement(root, _meta("RoleDescriptor"), protocolSupportEnumeration=_FEDERATION)
    for one in metadata.certificates:
        info = SubElement(SubElement(role, _meta("KeyDescriptor"), use="signing"), f"{{{_SIGNATURE}}}KeyInfo")
        held = SubElement(SubElement(info, f"{{{_SIGNATURE}}}X509Data"), f"{{{_SIGNATURE}}}X509Certificate")
        held.text = "".join(one.strip().splitlines()[1:-1])
    place = SubElement(role, f"{{{_FEDERATION}}}PassiveRequestorEndpoint")
    reference = SubElement(place, f"{{{_ADDRESSING}}}EndpointReference")
    SubElement(reference, f"{{{_ADDRESSING}}}Address").text = metadata.address
    return written(root)


def metadata_of(data: bytes) -> Metadata:
    """Read federation metadata. Raises Misspoken for what is none."""
    root = parsed(data)
    if root.tag != _meta("EntityDescriptor"):
        raise Misspoken("no federation metadata")
    role = child(root, "RoleDescriptor")
    keys = [one for one in children(role, "KeyDescriptor") if one.get("use") == "signing"]
    address = text_of(role, "PassiveRequestorEndpoint", "EndpointReference", "Address")
    return Metadata(root.get("entityID", ""), address, tuple(map(_certificate, keys)))


def _certificate(key: Element) -> str:
    text = text_of(key, "KeyInfo", "X509Data", "X509Certificate")
    try:
        found = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        raise Misspoken("no certificate in the metadata") from None
    return found.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _meta(name: str) -> str:
    return f"{{{_SPACE}}}{name}"
