"""Kerberos of another maker signs in at our front end: kinit at our KDC, curl at our web site."""

import asyncio
import os
import shutil
import subprocess

import pytest
from tests.rehearse.loopback import HIGHER, hosts_of, running

from portwright.rehearse import patience

ROLES = {
    "dc01": ["ad/global-catalog"], "fe01": ["crm/full-server"], "sql01": ["sql/engine", "ssrs/report-server"],
    "pc01": ["crm/client"],
}  # fmt: skip
CONF = """
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    rdns = false
    dns_canonicalize_hostname = false
    udp_preference_limit = 1
[realms]
    {realm} = {{
        kdc = {kdc}
    }}
"""


def run(program, *arguments, environment, said=""):
    done = subprocess.run(
        [program, *arguments], env=os.environ | environment, input=said, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_curl_signs_in_by_a_ticket(tmp_path):
    """With mutual authentication; without a ticket it sees 401."""
    kinit, curl = shutil.which("kinit"), shutil.which("curl")
    if kinit is None or curl is None:
        pytest.skip("kinit and curl are not both installed")
    if "SPNEGO" not in run(curl, "--version", environment={}):
        pytest.skip("this curl knows no Negotiate")
    site = hosts_of(tmp_path, ROLES)
    kdc, web = site["pc01"].targets("ad.kerberos")[0], site["pc01"].targets("crm.web")[0]
    conf = tmp_path / "krb5.conf"
    conf.write_text(CONF.format(realm=site.realm.name, kdc=f"{kdc.address}:{kdc.port + HIGHER}"))
    environment = {"KRB5_CONFIG": str(conf), "KRB5CCNAME": f"FILE:{tmp_path}/cache", "KRB5_TRACE": "/dev/null"}
    port = web.port + HIGHER
    address = f"http://{web.name}:{port}/main.aspx"
    ask = ["-s", "-i", "--max-time", "10", "--negotiate", "-u", ":", "--resolve", f"{web.name}:{port}:{web.address}"]

    def work():
        nobody = run(curl, *ask, address, environment=environment)
        signed_in = run(kinit, "alice", environment=environment, said=site.realm.accounts["alice"].password + "\n")
        return nobody, signed_in, run(curl, *ask, address, environment=environment)

    async def play():
        async with running(site):
            return await asyncio.get_running_loop().run_in_executor(None, work)

    nobody, signed_in, shown = patience.run(play())
    assert "401 Unauthorized" in nobody
    assert "<body>Alice</body>" in shown, (signed_in, shown)
    assert "www-authenticate: Negotiate " in shown
