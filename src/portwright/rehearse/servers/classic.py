"""How the services of Windows and its domain controllers are spoken by the rehearsal's stand-ins."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from portwright.packets.fields import UDP
from portwright.protocols import (
    dns,
    epm,
    ica,
    ike,
    netbios,
    netbios_datagram,
    netbios_session,
    ntp,
    rdp,
    rdp_datagrams,
    rpc,
    rpc_datagrams,
    smb,
    sqlbrowser,
)
from portwright.protocols import smb_server as smb_serving
from portwright.protocols.conversation import Talk
from portwright.protocols.kerberos import client as kerberos
from portwright.protocols.kerberos import kdc
from portwright.rehearse.servers.identity import directory
from portwright.rehearse.servers.spoken import Spoken

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host, Target

_LOCATOR = "_ldap._tcp.dc._msdcs"


def _now() -> datetime:
    return datetime.now(UTC)


# -- names


def _names(host: "Host", target: "Target") -> Talk[str]:
    talk = dns.client if target.exchange.protocol == UDP else dns.stream_client
    return str((yield from talk(f"{_LOCATOR}.{host.realm.domain}", "SRV")))


def _serve_names(host: "Host") -> Talk[None]:
    return dns.server(host.shared(directory.zones))


def _serve_names_in_streams(host: "Host") -> Talk[None]:
    return dns.stream_server(host.shared(directory.zones))


# -- time


def _time(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    return str((yield from ntp.client(time.time)))


def _serve_time(host: "Host") -> Talk[None]:
    del host
    return ntp.server(time.time())


# -- Kerberos


def _kerberos(host: "Host", target: "Target") -> Talk[str]:
    return (yield from kerberos.probe(host.realm.name, datagrams=target.exchange.protocol == UDP))


def _serve_kerberos(host: "Host") -> Talk[None]:
    return kdc.server(host.shared(directory.keys), _now)


def _serve_kerberos_datagrams(host: "Host") -> Talk[None]:
    return kdc.datagram_server(host.shared(directory.keys), _now)


# -- RPC


def _mapper(interface: str) -> "Callable[[Host, Target], Talk[str]]":
    def talk(host: "Host", target: "Target") -> Talk[str]:
        del host, target
        return str((yield from epm.client(rpc.INTERFACES[interface])))

    return talk


def _serve_mapper(host: "Host") -> Talk[None]:
    return epm.server(directory.ports_of_rpc(host), directory.address_of(host))


def _bound(interface: str) -> "Callable[[Host, Target], Talk[str]]":
    def talk(host: "Host", target: "Target") -> Talk[str]:
        del host, target
        return str((yield from rpc.client(rpc.INTERFACES[interface])))

    return talk


def _serve_rpc(host: "Host") -> Talk[None]:
    del host
    return rpc.server(tuple(rpc.INTERFACES.values()))


def _rpc_datagrams(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    return rpc_datagrams.client()


def _serve_rpc_datagrams(host: "Host") -> Talk[None]:
    del host
    return rpc_datagrams.server()


# -- files, and NetBIOS


def _smb(host: "Host", target: "Target") -> Talk[str]:
    del host
    return str((yield from smb.client(target.name)))


def _serve_smb(host: "Host") -> Talk[None]:
    return smb_serving.server(host.fqdn)


def _session(host: "Host", target: "Target") -> Talk[str]:
    del host
    return str((yield from smb.over_netbios(netbios_session.client(), smb.client(target.name))))


def _serve_session(host: "Host") -> Talk[None]:
    return smb_serving.server(host.fqdn, over_netbios=True)


def _netbios_name(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    return str((yield from netbios.status_client()))


def _serve_netbios_name(host: "Host") -> Talk[None]:
    return netbios.server(directory.names(host), directory.address_of(host))


def _netbios_datagram(host: "Host", target: "Target") -> Talk[str]:
    called = netbios.Name(target.name.partition(".")[0][:15], netbios.SERVER)
    own = netbios.Name(host.fqdn.partition(".")[0][:15])
    return (yield from netbios_datagram.client(called, own, directory.address_of(host)))


def _serve_netbios_datagram(host: "Host") -> Talk[None]:
    return netbios_datagram.server(directory.names(host), directory.address_of(host))


# -- consoles


def _rdp(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    return str((yield from rdp.client()))


def _serve_rdp(host: "Host") -> Talk[None]:
    del host
    return rdp.server()


def _plain(talk: Callable[[], Talk[str]]) -> "Callable[[Host, Target], Talk[str]]":
    """A client's side that needs to know nothing."""
    return lambda host, target: talk()  # noqa: ARG005 (what a handshake is given)


def _always(talk: Callable[[], Talk[None]]) -> "Callable[[Host], Talk[None]]":
    """A server's side that needs to know nothing."""
    return lambda host: talk()  # noqa: ARG005


# -- instances of SQL Server


def _browser(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    return str((yield from sqlbrowser.client()))


def _serve_browser(host: "Host") -> Talk[None]:
    ports = dict.fromkeys(host.ports("sql/tds"))
    names = host.instances("sql/engine")
    found = [
        sqlbrowser.Instance(host.name.upper(), name or "MSSQLSERVER", port=port)
        for name, port in zip(names or ("",), ports, strict=False)
    ]
    return sqlbrowser.server(found)


_DNS, _DNS_STREAM = Spoken(_names, _serve_names), Spoken(_names, _serve_names_in_streams)
_TIME = Spoken(_time, _serve_time)
_SMB = Spoken(_smb, _serve_smb)
_NETBIOS = {
    "session": Spoken(_session, _serve_session),
    "name": Spoken(_netbios_name, _serve_netbios_name),
    "datagram": Spoken(_netbios_datagram, _serve_netbios_datagram),
}
SPOKEN: Mapping[str, Spoken] = {  # by service
    "dns/lookup": _DNS,
    "dns/lookup-tcp": _DNS_STREAM,
    "ad/controller-dns": _DNS,
    "ad/controller-dns-tcp": _DNS_STREAM,
    "ad/time": _TIME,
    "windows/time": _TIME,
    "time/external-ntp": _TIME,
    "ad/kerberos": Spoken(_kerberos, _serve_kerberos),
    "ad/kerberos-udp": Spoken(_kerberos, _serve_kerberos_datagrams),
    "ad/rpc-mapper": Spoken(_mapper("netlogon"), _serve_mapper),
    "windows/rpc-mapper": Spoken(_mapper("svcctl"), _serve_mapper),
    "exchange/rpc-mapper": Spoken(_mapper("dcom"), _serve_mapper),
    "ad/rpc-mapper-udp": Spoken(_rpc_datagrams, _serve_rpc_datagrams),
    "ad/smb": _SMB,
    "windows/smb": _SMB,
    "sql/named-pipes": _SMB,
    **{f"{owner}/netbios-{kind}": one for owner in ("ad", "windows", "sql") for kind, one in _NETBIOS.items()},
    "windows/rdp": Spoken(_rdp, _serve_rdp),
    "windows/rdp-udp": Spoken(_plain(rdp_datagrams.client), _always(rdp_datagrams.server)),
    "citrix/ica": Spoken(_plain(ica.client), _always(ica.server)),
    "citrix/reliable-session": Spoken(_plain(ica.gateway_client), _always(ica.gateway_server)),
    "ad/ike": Spoken(_plain(ike.client), _always(ike.server)),
    "ad/ike-nat": Spoken(_plain(partial(ike.client, marked=True)), _always(partial(ike.server, marked=True))),
    "sql/browser": Spoken(_browser, _serve_browser),
    **{service: Spoken(_bound(name), _serve_rpc) for service, name in directory.INTERFACES.items()},
}
