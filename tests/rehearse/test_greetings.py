"""Each web service of the catalog is greeted by what only it answers as it should."""

import asyncio

import pytest
from tests.rehearse.loopback import hosts_of, running

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.http import Response, page, server
from portwright.rehearse import patience
from portwright.rehearse.servers import weblike
from portwright.rehearse.servers.table import spoken

ROLES = {
    "dc01": ["ad/global-catalog"], "fe01": ["crm/front-end"], "be01": ["crm/back-end"], "sql01": ["sql/engine"],
    "rs01": ["ssrs/report-server"], "pc01": ["crm/client"], "dep01": ["crm/deployment"], "adm01": ["admin/workstation"],
    "ex01": ["exchange/server"], "sts01": ["adfs/server"], "sts02": ["adfs/server"],
    "idp01": ["adfs/identity-provider"],
    "wap01": ["adfs/proxy"], "gw01": ["citrix/gateway"], "thin01": ["citrix/client"],
    "ctx01": ["citrix/host", "crm/client"], "er01": ["crm/email-router"], "mx01": ["mail/server"],
}  # fmt: skip
SETTINGS = (
    "authentication: claims, web: {scheme: https, redirect: true, internet: proxied}, claims: {provider: both}, "
    "adfs: {certificate_port: true}, "
    "mail: {mode: server-side, profile: both, outlook: true}, ews: {port: 444}"
)
SAID = {  # how the answers begin
    "crm/web": "HTTP 302, https://sts", "crm/web-redirect": "HTTP 302, https://fe01",
    "ssrs/web": "HTTP 401, NTLM, Negotiate",
    "adfs/web": "federation metadata of http://contoso.test/adfs", "adfs/federation": "federation metadata of http://",
    "adfs/certificate-sign-in": "federation metadata of http://contoso.test/adfs",
    "adfs/identity-provider": "federation metadata of http://idp01", "adfs/synchronization": "federation metadata of",
    "exchange/ews": "HTTP 401, Basic, NTLM, Negotiate", "exchange/outlook": "HTTP 401",
    "exchange/autodiscover": "HTTP 401",
    "exchange/autodiscover-http": "HTTP 302, https://ex01", "windows/winrm": "Microsoft Corporation OS: 6.3",
    "citrix/portal": "HTTP 200", "mail/smtp": "SMTP: mx01", "mail/pop3": "POP3: mx01",
}  # fmt: skip


@pytest.fixture(scope="module")
def greetings(tmp_path_factory):
    """What each service says to whom it is asked by, by service."""
    site = hosts_of(tmp_path_factory.mktemp("site"), ROLES, SETTINGS)
    asked = {one.service: one for targets in site.targets.values() for one in targets if one.service in SAID}

    async def run():
        found = {}
        async with running(site):
            for service, target in asked.items():
                host = site[target.exchange.source]
                handshake = spoken(service).handshake
                found[service] = await host.call(
                    target.requirement, lambda one, host=host, say=handshake: say(host, one), target
                )
        return found

    return patience.run(asyncio.wait_for(run(), 60))


@pytest.mark.parametrize("service", SAID)
def test_a_service_says_who_it_is(greetings, service):
    """As people will read it in the report."""
    assert greetings[service].startswith(SAID[service])


def test_every_web_service_is_among_them():
    """But the two that no requirement asks for."""
    assert set(weblike.SERVICES) - set(SAID) == {"crm/deployment-web", "adfs/proxied-sign-in"}


@pytest.mark.parametrize("service", weblike.SERVICES)
def test_another_service_is_none(service):
    """A page that says something else is told from the true one."""
    from tests.protocols.spoken import talked

    class Target:
        name, port = "x", 1

    for answer in (page("It works!", 404), Response(500), Response(200, b"<html>")):
        if (service, answer.status) == ("citrix/portal", 200):
            continue
        with pytest.raises((Misspoken, Refused)):
            talked(weblike.handshake(service)(None, Target()), server(), lambda _, answer=answer: answer)
