"""The certificate of a node for TLS: the one that lies in its folder, or one made now that it signs itself."""

from dataclasses import dataclass
from pathlib import Path

from portwright.rehearse.netns import Network
from portwright.rehearse.real.daemon import DaemonFailed, last_lines, program


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two files in PEM."""

    file: Path
    key: Path


def certificate(network: Network, node: str, host: str) -> Certificate:
    """The certificate of a node: `certificate.pem` and `key.pem` in its folder `tls`. Raises DaemonFailed."""
    folder = network.folder(f"{node}/tls")
    found = Certificate(folder / "certificate.pem", folder / "key.pem")
    if not found.file.exists():
        words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"]
        names = ["-subj", f"/CN={host[:64]}", "-addext", f"subjectAltName=DNS:{host}"]
        files = ["-keyout", str(found.key), "-out", str(found.file)]
        done = network.run(node, [program("openssl"), *words, *names, *files])
        if done.returncode:
            raise DaemonFailed(f"openssl on {node}", "it makes no certificate", last_lines(done.stderr))
        found.key.chmod(0o600)
    return found
