"""The certificate of a node as files, for daemons that show it to those who ask for TLS."""

from dataclasses import dataclass
from pathlib import Path

from portwright.rehearse.hosts.certificates import Authority
from portwright.rehearse.netns import Network


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two files in PEM, and that of the authority."""

    file: Path
    key: Path
    authority: Path


def certificate(network: Network, node: str, authority: Authority, name: str) -> Certificate:
    """A certificate for a node by its full name, its own and its addresses; the key is for root alone."""
    folder = network.folder(f"{node}/tls")
    made = Certificate(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    addresses = tuple(str(one.ip) for port in network.lab.nodes[node].ports for one in port.addresses)
    text, key = authority.issue((name, node), addresses)
    made.key.touch(mode=0o600)
    made.key.write_bytes(key)
    made.file.write_bytes(text)
    made.authority.write_text(authority.pem, encoding="ascii")
    return made
