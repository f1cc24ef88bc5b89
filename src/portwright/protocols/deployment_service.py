"""The Deployment Web Service of CRM, as far as its PowerShell commands ask which organizations there are.

The web service is /XRMDeployment/2011/Deployment.svc; its contract is IDeploymentService of the CRM SDK.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken
from portwright.protocols.soap import Message
from portwright.protocols.xmltree import Element, SubElement, child, children, text_of

PATH = "/XRMDeployment/2011/Deployment.svc"
_SPACE = "http://schemas.microsoft.com/xrm/2011/Contracts/Deployment/Services"
ACTION = f"{_SPACE}/IDeploymentService/RetrieveAll"
_ORGANIZATION = "Organization"


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization of a deployment."""

    id: str
    name: str
    database: str


def asked() -> Element:
    """The body that asks for all organizations."""
    root = Element(f"{{{_SPACE}}}RetrieveAll")
    SubElement(root, f"{{{_SPACE}}}entityType").text = _ORGANIZATION
    return root


def check(message: Message) -> None:
    """Raise Misspoken for a message that asks for something else."""
    if message.operation != "RetrieveAll" or text_of(message.body, "entityType") != _ORGANIZATION:
        raise Misspoken(f"the Deployment Web Service has no {message.operation} here")


def told(found: Iterable[Organization]) -> Element:
    """The body that answers."""
    root = Element(f"{{{_SPACE}}}RetrieveAllResponse")
    result = SubElement(root, f"{{{_SPACE}}}RetrieveAllResult")
    for one in found:
        entity = SubElement(result, f"{{{_SPACE}}}{_ORGANIZATION}")
        for name, text in (("Id", one.id), ("UniqueName", one.name), ("DatabaseName", one.database)):
            SubElement(entity, f"{{{_SPACE}}}{name}").text = text
    return root


def organizations_of(message: Message) -> tuple[Organization, ...]:
    """What a message answers. Raises Misspoken."""
    entities = children(child(message.body, "RetrieveAllResult"), _ORGANIZATION)
    return tuple(
        Organization(text_of(one, "Id"), text_of(one, "UniqueName"), text_of(one, "DatabaseName")) for one in entities
    )
