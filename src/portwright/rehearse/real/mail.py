"""Mail by Postfix and Dovecot: what is handed over by SMTP is fetched by POP3.

All mailboxes of a lab lie in one folder, so that a provider may receive on one node and give out on another. Postfix
is the last stop for every address: it has no program that sends mail on, and keeps together what is for strangers.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from portwright.plan.model import Plan
from portwright.rehearse.hosts.certificates import Authority
from portwright.rehearse.hosts.realm import Account, Realm
from portwright.rehearse.lab import Lab
from portwright.rehearse.netns import Network, Process
from portwright.rehearse.real.certificate import Certificate, certificate
from portwright.rehearse.real.daemon import Service, answered, program
from portwright.site.model import Site

_SMTP, _POP3 = "mail/smtp", "mail/pop3"
_OWNER = ("nobody", "nogroup")  # of the mailboxes
_INNER = "mailboxes.invalid"  # RFC 2606, 2: the domain that all others mean
_ELSEWHERE = "elsewhere"  # the mailbox of everybody whom the lab does not know
_RELAY = "relay"  # value of smtp.mode: no password is asked for
# Started without postfix(1), which first looks at every file of the system's own Postfix.
_MASTER = "/usr/lib/postfix/sbin/master"
_QUEUES = "active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace".split()
_STORE = ".mailboxes"  # no node is called so


def put(network: Network, address: str, data: bytes) -> None:
    """Put a message into the mailbox of an address, as somebody else's mail server would have."""
    box = network.folder(f"{_STORE}/{address.partition('@')[0].lower()}")
    for folder in (box, *(network.folder(f"{_STORE}/{box.name}/{part}") for part in ("cur", "new", "tmp"))):
        network.give(folder, *_OWNER)
    unique = f"{time.time_ns()}.{secrets.token_hex(8)}.lab"  # maildir(5)
    (box / "tmp" / unique).write_bytes(data)
    network.give(box / "tmp" / unique, *_OWNER)
    (box / "tmp" / unique).rename(box / "new" / unique)


@dataclass(frozen=True, slots=True)
class Dovecot:
    """Who checks passwords on a node, and gives out mail there."""

    node: str
    host: str  # full name
    services: frozenset[Service]
    ports: tuple[int, ...]  # of POP3; none where it only checks passwords for Postfix
    tls: bool
    accounts: tuple[Account, ...]
    authority: Authority
    needs: ClassVar = {
        "dovecot": "dovecot-core",
        "/usr/lib/dovecot/pop3-login": "dovecot-pop3d",
    }
    ids: ClassVar = 65536
    after: ClassVar[frozenset[str]] = frozenset()
    patience: ClassVar = 60.0

    @property
    def name(self) -> str:
        """For people."""
        return f"dovecot on {self.node}"

    def start(self, network: Network) -> Process:
        """Start it."""
        folder = network.folder(f"{self.node}/dovecot")
        (folder / "run").mkdir(exist_ok=True)
        users = folder / "users"
        users.touch(mode=0o640)
        users.write_text("".join(_logins(self.accounts)), encoding="utf-8")
        network.give(users, "root", "dovecot")
        proof = certificate(network, self.node, self.authority, self.host)
        conf = folder / "dovecot.conf"
        conf.write_text(self._conf(folder, network.folder(_STORE), proof), encoding="utf-8")
        return network.start(self.node, [program("dovecot"), "-F", "-c", str(conf)], folder / "log")

    def is_ready(self, network: Network) -> bool:
        """Report whether it listens, and checks passwords."""
        socket = network.folder(f"{self.node}/dovecot") / "run" / "for-postfix"
        return {("tcp", port) for port in self.ports} <= network.listens(self.node) and socket.exists()

    def _conf(self, folder: Path, store: Path, proof: Certificate) -> str:
        kind = "pop3s" if self.tls else "pop3"
        other = "pop3" if self.tls else "pop3s"
        port = self.ports[0] if self.ports else 0
        return f"""base_dir = {folder}/run
state_dir = {folder}/run
log_path = /dev/stderr
protocols = {"pop3" if self.ports else ""}
mail_location = maildir:{store}/%Ln
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Ln
ssl = yes
ssl_cert = <{proof.file}
ssl_key = <{proof.key}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={_OWNER[0]} gid={_OWNER[1]} home={store}/%Ln
}}
service auth {{
  unix_listener for-postfix {{
    mode = 0666
  }}
}}
service pop3-login {{
  chroot =
  inet_listener {kind} {{
    port = {port}
    ssl = {"yes" if self.tls else "no"}
  }}
  inet_listener {other} {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """Who takes mail on a node."""

    node: str
    host: str  # full name
    services: frozenset[Service]
    ports: tuple[int, ...]
    mode: str  # relay, submission or tls, as the site sets it
    accounts: tuple[Account, ...]
    authority: Authority
    needs: ClassVar = {_MASTER: "postfix"}
    ids: ClassVar = 65536
    patience: ClassVar = 60.0

    @property
    def name(self) -> str:
        """For people."""
        return f"postfix on {self.node}"

    @property
    def after(self) -> frozenset[str]:
        """Who checks passwords for it."""
        return frozenset() if self.mode == _RELAY else frozenset({f"dovecot on {self.node}"})

    def start(self, network: Network) -> Process:
        """Start it."""
        folder = network.folder(f"{self.node}/postfix")
        conf = network.folder(f"{self.node}/postfix/conf")
        network.folder(f"{self.node}/postfix/queue/pid")
        for name in ("data", *(f"queue/{one}" for one in _QUEUES)):
            network.give(network.folder(f"{self.node}/postfix/{name}"), "postfix", "root")
        network.give(network.folder(_STORE), *_OWNER)
        proof = certificate(network, self.node, self.authority, self.host)
        (conf / "main.cf").write_text("\n".join(self._main(folder, network.folder(_STORE), proof)), encoding="utf-8")
        (conf / "master.cf").write_text("\n".join(self._master()) + "\n", encoding="utf-8")
        names = [one.name.lower() for one in self.accounts]
        inner = [*(f"/^{one}@/ {one}@{_INNER}\n" for one in names), f"/@/ {_ELSEWHERE}@{_INNER}\n"]
        (conf / "names").write_text("".join(inner), encoding="utf-8")
        kept = "".join(f"{one}@{_INNER} {one}/\n" for one in (*names, _ELSEWHERE))
        (conf / "mailboxes").write_text(kept, encoding="utf-8")
        return network.start(self.node, [_MASTER, "-s", "-c", str(conf)], folder / "log")

    def is_ready(self, network: Network) -> bool:
        """Report whether it listens."""
        return {("tcp", port) for port in self.ports} <= network.listens(self.node)

    def _main(self, folder: Path, store: Path, proof: Certificate) -> Iterator[str]:
        """What postconf(5) calls parameters."""
        yield from (
            "compatibility_level = 3.6",
            f"queue_directory = {folder}/queue",
            f"data_directory = {folder}/data",
            f"maillog_file = {folder}/log",
            f"maillog_file_prefixes = {folder}",
            f"myhostname = {self.host}",
            "mydestination =",
            "local_recipient_maps =",
            "alias_maps =",
            "alias_database =",
            "inet_protocols = all",
            "smtpd_peername_lookup = no",  # or each client waits for names that nobody has
            "smtpd_relay_restrictions = reject_unauth_destination",
            "virtual_mailbox_domains = static:all",
            f"virtual_alias_maps = regexp:{folder}/conf/names",  # everybody has the name in every domain
            f"virtual_mailbox_maps = texthash:{folder}/conf/mailboxes",
            f"virtual_mailbox_base = {store}",
            "virtual_uid_maps = static:65534",
            "virtual_gid_maps = static:65534",
            f"smtpd_tls_cert_file = {proof.file}",
            f"smtpd_tls_key_file = {proof.key}",
            "smtpd_tls_security_level = may",
            "smtpd_sasl_type = dovecot",
            f"smtpd_sasl_path = {folder.parent}/dovecot/run/for-postfix",
            "",
        )

    def _master(self) -> Iterator[str]:
        """What master(5) calls services: name, kind, private, unprivileged, chroot, wake up, most, command."""
        options = "" if self.mode == _RELAY else _SIGNED_IN
        options += " -o smtpd_tls_wrappermode=yes" if self.mode == "tls" else ""
        yield from (f"{port} inet n - n - - smtpd{options}" for port in self.ports)
        yield from (
            "cleanup unix n - n - 0 cleanup",
            "qmgr unix n - n 300 1 qmgr",
            "rewrite unix - - n - - trivial-rewrite",
            "bounce unix - - n - 0 bounce",
            "defer unix - - n - 0 bounce",
            "trace unix - - n - 0 bounce",
            "error unix - - n - - error",
            "retry unix - - n - - error",
            "proxymap unix - - n - - proxymap",
            "virtual unix - n n - - virtual",
            "anvil unix - - n - 1 anvil",
            "tlsmgr unix - - n 1000? 1 tlsmgr",
            "postlog unix-dgram n - n - 1 postlogd",
        )


_SIGNED_IN = " -o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject"


def _logins(accounts: Iterable[Account]) -> Iterator[str]:
    """The lines of a passwd-file; names in small letters, as they are compared."""
    return (f"{one.name.lower()}:{one.password}\n" for one in accounts)


def mail(plan: Plan, lab: Lab, realms: Sequence[Realm], authority: Authority) -> Iterator[Dovecot | Postfix]:
    """The mail servers of a site that some flow asks."""
    accounts = tuple({name: one for realm in reversed(realms) for name, one in realm.accounts.items()}.values())
    for node in lab.nodes:
        taken, given = _ports(plan, node, _SMTP), _ports(plan, node, _POP3)
        name = _name(plan.site, realms, node)
        mode = _setting(plan.site, "smtp.mode", node) if taken else _RELAY
        if given or mode != _RELAY:
            tls = bool(given) and _setting(plan.site, "pop3.tls", node) == "true"
            yield Dovecot(node, name, answered(plan, node, _tcp(given)), given, tls, accounts, authority)
        if taken:
            yield Postfix(node, name, answered(plan, node, _tcp(taken)), taken, mode, accounts, authority)


def _name(site: Site, realms: Iterable[Realm], node: str) -> str:
    outside = site.outside[node].names if node in site.outside else ()
    return next(iter((*outside, *(realm.hosts[node] for realm in realms if node in realm.hosts))), node)


def _ports(plan: Plan, node: str, service: str) -> tuple[int, ...]:
    flows = (one for one in plan.flows if one.requirement.service == service and one.destination.name == node)
    return tuple(sorted({first for flow in flows for first, _ in flow.ports}))


def _tcp(ports: Iterable[int]) -> frozenset[tuple[str, int]]:
    return frozenset(("tcp", port) for port in ports)


def _setting(site: Site, name: str, node: str) -> str:
    return site.setting(name, site.hosts.get(node))
