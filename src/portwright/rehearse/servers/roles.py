"""Which component of the catalog is played by what, and where to find it: a role is loaded when a host has it."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from portwright.rehearse.servers.role import Role

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host

_HERE = "portwright.rehearse.servers"
ROLES: Mapping[str, tuple[str, str]] = {  # by component, and which part of it: module and class
    "ad/domain-controller": ("identity.controller", "DomainController"),
    "crm/front-end": ("crm.front_end", "FrontEnd"),
    "crm/deployment": ("crm.deployment", "DeploymentServer"),
    "citrix/gateway": ("citrix", "Gateway"),
    "crm/email-router": ("crm.email_router", "EmailRouter"),
    "ssrs/report-server": ("reports.server", "ReportServer"),
    "adfs/server": ("identity.federation", "FederationServer"),
    "adfs/proxy": ("identity.proxy", "WebApplicationProxy"),
    "adfs/identity-provider": ("identity.federation", "IdentityProvider"),
    "crm/front-end#sdk": ("crm.sdk", "SdkListener"),
    "crm/sandbox": ("crm.sandbox", "Sandbox"),
    "crm/async#jobs": ("crm.asynchronous", "Asynchronous"),
    "sql/engine": ("sql.database", "Database"),
    "exchange/server": ("mail.exchange", "ExchangeServer"),
    "mail/smtp-server": ("mail.server", "SmtpServer"),
    "mail/pop3-server": ("mail.server", "Pop3Server"),
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
