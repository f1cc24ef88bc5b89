"""What a directory is told, as text."""

import base64
from pathlib import Path

from portwright.rehearse.hosts.realm import realms_of
from portwright.rehearse.network.layout import layout
from portwright.rehearse.real.ldif import told
from portwright.site.load import load_site

EXAMPLES = Path(__file__).parents[3] / "examples"


def entries(example):
    site = load_site(EXAMPLES / example / "site.yaml")
    realms = realms_of(site, layout(site))
    text = told(realms[0], realms[1:], "11111111-2222-3333-4444-555555555555")
    found = {}
    for entry in text.split("\n\n"):
        lines = [line.partition(":") for line in entry.strip().splitlines()]
        found[lines[0][2].strip()] = [(name, value.lstrip(": ")) for name, _, value in lines[1:]]
    return realms[0], found


def test_a_service_account_has_its_names_and_no_plain_password():
    """The password stands in UTF-16 and in quotation marks."""
    realm, found = entries("f2")
    lines = found["CN=svc-sql01,CN=Users,DC=fabrikam,DC=test"]
    assert ("servicePrincipalName", "MSSQLSvc/sql01.fabrikam.test:1433") in lines
    secret = base64.b64decode(dict(lines)["unicodePwd"]).decode("utf-16-le")
    assert secret == f'"{realm.computers["sql01"].password}"'


def test_an_address_record():
    """[MS-DNSP] 2.3.2.2: length 4, type A, version 5, rank zone, serial 1, 900 seconds, then the address."""
    _, found = entries("f2")
    node = found["DC=sql01,DC=fabrikam.test,CN=MicrosoftDNS,DC=DomainDnsZones,DC=fabrikam,DC=test"]
    record = base64.b64decode(dict(node)["dnsRecord"])
    assert record.hex(" ", 4) == "04000100 05f00000 01000000 00000384 00000000 00000000 0a021e15"


def test_the_hosts_of_another_domain_are_found_as_well():
    """A zone for each, with its start of authority."""
    _, found = entries("f9")
    zones = "CN=MicrosoftDNS,DC=DomainDnsZones,DC=x,DC=example"
    assert f"DC=@,DC=y.example,{zones}" in found
    assert f"DC=exch01,DC=staff.y.example,{zones}" in found


def test_a_controllers_own_account_stands_for_what_is_its_own():
    """No second account has the names of a controller: two would leave clients without any."""
    _, found = entries("f2")
    names = [value for lines in found.values() for name, value in lines if name == "servicePrincipalName"]
    assert len(names) == len({name.lower() for name in names})
    assert "CN=svc-dc01,CN=Users,DC=fabrikam,DC=test" not in found
