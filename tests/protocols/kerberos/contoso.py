"""A realm to test with, its moment, and the settings of Debian's Kerberos programs for it."""

import os
import subprocess
from datetime import UTC, datetime

from portwright.protocols.kerberos import Principal, realm_of

NAME = "CONTOSO.EXAMPLE"
WEB = "HTTP/localhost"
REALM = realm_of(NAME, {"alice": "rose garden", "web": "hidden", "Bob": "brick"}, {WEB: "web", "host/fe01": "web"})
NOW = datetime(2026, 5, 4, 9, 30, 1, 234567, tzinfo=UTC)
ALICE = Principal.parse(f"alice@{NAME}")


def clock():
    """The moment, always."""
    return NOW


def present():
    """The machine's own clock, for other people's programs."""
    return datetime.now(UTC)


class Programs:
    """Debian's Kerberos programs, with settings and tickets of their own."""

    def __init__(self, folder, port, *, host="127.0.0.1", udp=False, kpasswd=0):
        self.folder = folder
        settings = folder / "krb5.conf"
        settings.write_text(
            f"[libdefaults]\n default_realm = {NAME}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
            f" rdns = false\n dns_canonicalize_hostname = false\n udp_preference_limit = {65000 if udp else 1}\n"
            f" kdc_timeout = 5\n max_retries = 1\n"
            f"[realms]\n {NAME} = {{\n  kdc = {host}:{port}\n  kpasswd_server = {host}:{kpasswd}\n }}\n"
            f"[domain_realm]\n localhost = {NAME}\n"
        )
        cache = f"FILE:{folder / 'tickets'}"
        self.environment = os.environ | {"KRB5_CONFIG": str(settings), "KRB5CCNAME": cache, "LC_ALL": "C"}
        self.environment.pop("LD_LIBRARY_PATH", None)

    def run(self, *command, says=""):
        """What a program prints, on either channel, and its exit status."""
        done = subprocess.run(
            command, input=says, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr, done.returncode

    def well(self, *command, says=""):
        """What a program prints that ends well."""
        said, status = self.run(*command, says=says)
        assert status == 0, said
        return said
