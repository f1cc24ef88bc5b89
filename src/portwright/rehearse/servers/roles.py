"""Which component of the catalog is played by what, and where to find it: a role is loaded when a host has it."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from portwright.rehearse.servers.role import Role

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host

_HERE = "portwright.rehearse.servers"
ROLES: Mapping[str, tuple[str, str]] = {  # by component, and which part of it: module and class
    "ad/domain-controller": ("controller", "DomainController"),
    "crm/front-end": ("front_end", "FrontEnd"),
    "crm/deployment": ("deployment", "DeploymentServer"),
    "citrix/gateway": ("citrix", "Gateway"),
    "crm/email-router": ("email_router", "EmailRouter"),
    "ssrs/report-server": ("reporting", "ReportServer"),
    "adfs/server": ("federation", "FederationServer"),
    "adfs/proxy": ("proxy", "WebApplicationProxy"),
    "adfs/identity-provider": ("federation", "IdentityProvider"),
    "crm/front-end#sdk": ("sdk", "SdkListener"),
    "crm/sandbox": ("sandbox", "Sandbox"),
    "crm/async#jobs": ("asynchronous", "Asynchronous"),
    "sql/engine": ("database", "Database"),
    "exchange/server": ("exchange", "ExchangeServer"),
    "mail/smtp-server": ("mail", "SmtpServer"),
    "mail/pop3-server": ("mail", "Pop3Server"),
}


def roles_of(host: "Host") -> dict[str, Role]:
    """What runs on a host, by component."""
    return {
        component: _load(*ROLES[component])(host)
        for component in ROLES
        if component.partition("#")[0] in host.components
    }


def _load(module: str, name: str) -> "type[Role]":
    found: type[Role] = getattr(import_module(f"{_HERE}.{module}"), name)
    return found
