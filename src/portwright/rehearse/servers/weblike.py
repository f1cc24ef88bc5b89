"""How the web services of the catalog are greeted: by a request that only the true service answers as it should."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from portwright.catalog.model import Lookup
from portwright.protocols import deployment_service, ews, report_service, wsfed, wsman
from portwright.protocols.conversation import Misspoken, Talk
from portwright.protocols.http import Request, Response, exchange

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host, Target

Greeting = Callable[[Response], str]  # what people are told; raises Misspoken where it is another service


def _asks_who(response: Response) -> str:
    """A site that wants to know who asks."""
    ways = sorted({one.partition(" ")[0] for one in response.all("www-authenticate")})
    if response.status != 401 or not ways:
        raise Misspoken(f"HTTP {response.status}, and nobody asks who it is")
    return f"HTTP 401, {', '.join(ways)}"


def _signs_in(response: Response) -> str:
    """A site that asks who somebody is, or sends the browser to where that is asked."""
    return _redirects(response) if response.status == 302 else _asks_who(response)


def _redirects(response: Response) -> str:
    where = response.header("location").partition("?")[0]
    if response.status not in (301, 302) or not where:
        raise Misspoken(f"HTTP {response.status}, and no redirect")
    return f"HTTP {response.status}, {where[:200]}"


def _federation(response: Response) -> str:
    return f"federation metadata of {wsfed.metadata_of(response.body).entity[:200]}"


def _winrm(response: Response) -> str:
    return wsman.identity_of(response)


def _shows(response: Response) -> str:
    if response.status != 200:
        raise Misspoken(f"HTTP {response.status}")
    return "HTTP 200"


_GET = "GET"
_ASKED: Mapping[str, tuple[Request, Greeting]] = {
    "crm/web": (Request(_GET, "/main.aspx"), _signs_in),
    "crm/web-redirect": (Request(_GET, "/"), _redirects),
    "crm/deployment-web": (Request(_GET, deployment_service.PATH), _signs_in),
    "ssrs/web": (Request(_GET, report_service.EXECUTION), _asks_who),
    "adfs/web": (Request(_GET, wsfed.METADATA), _federation),
    "adfs/federation": (Request(_GET, wsfed.METADATA), _federation),
    "adfs/certificate-sign-in": (Request(_GET, wsfed.METADATA), _federation),
    "adfs/proxied-sign-in": (Request(_GET, wsfed.METADATA), _federation),
    "adfs/identity-provider": (Request(_GET, wsfed.METADATA), _federation),
    "adfs/synchronization": (Request(_GET, wsfed.METADATA), _federation),
    "exchange/ews": (Request(_GET, ews.PATH), _asks_who),
    "exchange/outlook": (Request(_GET, "/mapi/emsmdb/"), _asks_who),
    "exchange/autodiscover": (Request(_GET, ews.AUTODISCOVER), _asks_who),
    "exchange/autodiscover-http": (Request(_GET, ews.AUTODISCOVER), _redirects),
    "windows/winrm": (wsman.identify(), _winrm),
    "citrix/portal": (Request(_GET, "/Citrix/StoreWeb/"), _shows),
}
SERVICES = tuple(_ASKED)
_TLS: Mapping[str, tuple[str, str]] = {  # the setting that decides, and its value for TLS
    "crm/web": ("web.scheme", "https"),
    "crm/deployment-web": ("web.scheme", "https"),
    "ssrs/web": ("ssrs.scheme", "https"),
    "exchange/ews": ("ews.scheme", "https"),
    "windows/winrm": ("winrm.scheme", "https"),
}
_IN_CLEAR = frozenset({"crm/web-redirect", "adfs/synchronization", "exchange/autodiscover-http"})


def handshake(service: str) -> "Callable[[Host, Target], Talk[str]]":
    """How a client greets this service."""
    request, told = _ASKED[service]

    def greet(host: "Host", target: "Target") -> Talk[str]:
        del host
        return told((yield from exchange(request, f"{target.name}:{target.port}")))

    return greet


def under_tls(service: str) -> Callable[[Lookup], bool]:
    """Whether the service speaks TLS, by the settings of its host."""
    if service in _TLS:
        setting, value = _TLS[service]
        return lambda lookup: lookup(setting) == value
    return lambda _: service not in _IN_CLEAR
