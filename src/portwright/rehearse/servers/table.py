"""How each service of the catalog is spoken in a rehearsal: what a client says to it, what a server answers.

A service that is not here, such as one of a user's own product, is an echo: what arrives goes back.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from portwright.catalog.model import Lookup
from portwright.protocols import http, pop3, smtp
from portwright.protocols.conversation import Talk
from portwright.protocols.nettcp import channel
from portwright.protocols.tds.client import prelogin
from portwright.protocols.tds.server import server as tds_server
from portwright.rehearse.servers import classic, weblike
from portwright.rehearse.servers.crm.addresses import SANDBOX_CALLBACK, SANDBOX_HOST, SDK_LISTENER
from portwright.rehearse.servers.identity import controller
from portwright.rehearse.servers.spoken import ECHO, Spoken

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host, Target


def _http(host: "Host") -> Talk[None]:
    del host
    return http.server()


def _smtp(host: "Host") -> Talk[None]:
    mode = host.setting("smtp.mode")  # a relay asks nobody, submission asks for a login
    logins = smtp.Logins.NONE if mode == "relay" else smtp.Logins.REQUIRED
    return smtp.server(smtp.Policy(host.fqdn, tls=mode == "submission", logins=logins))


def _pop3(host: "Host") -> Talk[None]:
    return pop3.server(host.fqdn)


def _smtp_handshake(host: "Host", target: "Target") -> Talk[str]:
    del target
    return str((yield from smtp.probe(host.fqdn)))


def _pop3_handshake(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    return str((yield from pop3.probe()))


def _tds(host: "Host") -> Talk[None]:
    return tds_server(host.name.upper())


def _tds_handshake(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    major, minor, build = (yield from prelogin()).version
    return f"SQL Server {major}.{minor}.{build}"


_TCP_SERVICES = {
    "crm/sdk-listener": SDK_LISTENER,
    "crm/sandbox-callback": SANDBOX_CALLBACK,
    "crm/sandbox-host": SANDBOX_HOST,
    controller.WEB_SERVICES: controller.RESOURCE,
}


def _net_tcp(host: "Host") -> Talk[None]:
    del host
    return channel.server()


def _net_tcp_handshake(host: "Host", target: "Target") -> Talk[str]:
    del host
    return channel.probe(f"net.tcp://{target.name}:{target.port}{_TCP_SERVICES[target.service]}")


SPOKEN: Mapping[str, Spoken] = {  # by service id
    **dict.fromkeys(_TCP_SERVICES, Spoken(_net_tcp_handshake, _net_tcp, asks=True)),
    **classic.SPOKEN,
    **controller.SPOKEN,
    **dict.fromkeys(("sql/tds", "sql/dac"), Spoken(_tds_handshake, _tds, asks=True)),
    **{one: Spoken(weblike.handshake(one), _http, weblike.under_tls(one), asks=True) for one in weblike.SERVICES},
    "mail/smtp": Spoken(_smtp_handshake, _smtp, lambda lookup: lookup("smtp.mode") == "tls", asks=True),
    "mail/pop3": Spoken(_pop3_handshake, _pop3, lambda lookup: lookup("pop3.tls") == "true", asks=True),
}


def spoken(service: str) -> Spoken:
    """How a service is spoken."""
    return SPOKEN.get(service, ECHO)


def is_secure(service: str, lookup: Lookup) -> bool:
    """Report whether the service speaks TLS from the first byte, with these settings of its host."""
    return spoken(service).under_tls(lookup)
