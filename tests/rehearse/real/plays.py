"""What happens inside the namespaces: a lab with its daemons, and real clients on other hosts, behind the firewalls.

Run by `played`. A play prints what it has seen as JSON; status 4 where this machine lacks something.
"""

import asyncio
import contextlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

from tests.rehearse.real import ours

from portwright.check.readings import read_points
from portwright.errors import NotPossibleHere
from portwright.plan.make import make_plan
from portwright.rehearse.hosts.certificates import Authority
from portwright.rehearse.hosts.realm import realms_of
from portwright.rehearse.netns import Network
from portwright.rehearse.network.layout import layout
from portwright.rehearse.real.chrony import clocks
from portwright.rehearse.real.daemon import missing
from portwright.rehearse.real.samba import hosts, krb5_conf, resolv_conf
from portwright.rehearse.real.up import brought_up, daemons
from portwright.rehearse.rules.running import rules_of
from portwright.site.load import load_site


class Scene:
    """A site's lab with its rules; the daemons that are asked for run in it."""

    def __init__(self, site: str):
        loaded = load_site(Path(site))
        files = {one.name: (one.platform, one.config) for one in loaded.points.values() if one.config}
        self.readings = read_points(files, {})
        self.plan = make_plan(loaded.catalog, loaded, today=None)
        self.lab = layout(loaded)
        self.network = Network(self.lab)
        self.realms = realms_of(loaded, self.lab)
        for point in loaded.points.values():
            if point.name in self.lab.nodes:
                self.network.load(point.name, self._rules(point))

        self.authority = Authority("test")

    def daemons(self):
        return daemons(self.plan, self.lab, self.realms, self.authority)

    def _rules(self, point):
        ports = {inner: port for (owner, inner), port in self.lab.names.items() if owner == point.name}
        reading = self.readings.get(point.name)
        configuration, text = (reading.configuration, reading.text) if reading else (None, "")
        return rules_of(self.plan, point, configuration, text, ports).text

    def up(self, *names):
        """Bring up the daemons whose names begin so. Raises NotPossibleHere where programs are missing."""
        chosen = [one for one in self.daemons() if one.name.startswith(names)]
        if lacking := missing(chosen):
            raise NotPossibleHere("; ".join(lacking))
        self.said = []
        failed = asyncio.run(brought_up(chosen, self.network, self.realms, self.said.append))
        assert not failed, "\n".join(map(str, failed))
        return chosen

    def ask(self, node, *words, text="", env=None):
        """Run a client on a node: its exit status and what it says."""
        done = self.network.run(node, ["timeout", "60", *words], text, env)
        return [done.returncode, done.stdout + done.stderr]


def time(site):
    """Two clocks: a domain controller asks the source through the firewall, a member asks the controller."""
    scene = Scene(site)
    up = scene.up("chrony")
    quick, slow = (
        ["chronyd", "-x", "-Q", "-t", seconds, "-f", "/dev/null", "pidfile /run/client.pid", "cmdport 0", "user root"]
        for seconds in ("6", "50")
    )
    return {
        "names": sorted(one.name for one in up),
        "services": sorted(service for one in up for service in one.services),
        "source": scene.ask("dc01", *slow, "server 10.2.50.12 iburst"),
        "controller": scene.ask("fe01", *slow, "server 10.2.50.10 iburst"),
        "not let through": scene.ask("fe01", *quick, "server 10.2.50.12 iburst"),
    }


def directory(site):
    """One domain controller, and a member behind the firewall."""
    scene = Scene(site)
    up = scene.up("samba", "chrony")
    member = Member(scene, "fe01", "dc01")
    controller, name, base = member.controller, member.realm.hosts["dc01"], member.realm.base
    return {
        "said": scene.said,
        "services": sorted(service for one in up for service in one.services),
        "listens": sorted(scene.network.listens("dc01")),
        "kinit": member.sign_in("alice"),
        "kvno": member.ask("kvno", "HTTP/fe01.fabrikam.test", "MSSQLSvc/sql01.fabrikam.test:1433"),
        "klist": member.ask("klist", "-e"),
        "ldap": member.look_up(f"ldap://{name}", base, "alice"),
        "catalog": member.look_up(f"ldap://{name}:3268", base, "bob"),
        "smb": member.smb("alice", "smbclient", f"//{controller}/sysvol", "-c", "ls"),
        "rpc": member.smb("alice", "rpcclient", controller, "-c", "lookupnames alice"),
        "wrong": member.ask("kinit", "-c", "/run/other.cache", "bob", text="wrong\n"),
        "not let through": member.dig(controller, "sql01.fabrikam.test", seconds=2),
        "ours": ours.asked(member),
        "memory": memory(),
    }


def pair(site):
    """Two domain controllers: the second joins through the firewall, and each fetches what the other has new."""
    scene = Scene(site)
    up = scene.up("samba")
    first, second = Member(scene, "web01", "dc01"), Member(scene, "web01", "dc02")
    return {
        "said": scene.said,
        "services": sorted(service for one in up for service in one.services),
        "listens": sorted(scene.network.listens("dc02")),
        "dig": first.dig(first.controller, "web01.pair.test"),
        "dig6": first.dig("fd00:1:50::10", "web01.pair.test", "AAAA"),
        "srv": first.dig(first.controller, "_ldap._tcp.dc._msdcs.pair.test", "SRV", "+tcp"),
        "kinit at the second": second.sign_in("alice"),
        "at the second": second.look_up("ldap://dc02.pair.test", "DC=pair,DC=test", "alice"),
        "netbios": first.ask("nmblookup", "-s", "/dev/null", "-A", first.controller),
        "tls": second.look_up_by_tls("ldaps://dc02.pair.test", "DC=pair,DC=test", "bob"),
        "forth": replicated(scene, "dc02", "dc01"),
        "made at the second": on(scene, "dc02", "user", "create", "carol", "--random-password"),
        "back": replicated(scene, "dc01", "dc02"),
        "and found at the first": second.look_up("ldap://dc01.pair.test", "DC=pair,DC=test", "carol"),
    }


def readonly(site):
    """A read-only domain controller in a branch, which passes on what it must not answer itself."""
    scene = Scene(site)
    up = scene.up("samba")
    branch = Member(scene, "branch-staff", "rodc01")
    return {
        "said": scene.said,
        "services": sorted(service for one in up for service in one.services),
        "kinit": branch.sign_in("alice"),
        "ldap": branch.look_up("ldap://rodc01.litware.test", "DC=litware,DC=test", "alice"),
        "dig": branch.dig(branch.controller, "crm01.litware.test"),
        "smb": branch.smb("alice", "smbclient", f"//{branch.controller}/sysvol", "-c", "ls"),
    }


def mail(site, client, taker, giver):
    """A message is handed over by SMTP on one node and fetched by POP3 on another."""
    scene = Scene(site)
    up = scene.up("postfix", "dovecot")
    secret = scene.realms[0].users[0].password
    clients = ("env", f"PYTHONPATH={Path.cwd()}", sys.executable, "-m", "tests.rehearse.real.clients")
    by_kind = {one.name.split()[0]: one for one in up if one.ports}
    smtp, pop3 = by_kind["postfix"], by_kind["dovecot"]
    at = {node: str(scene.lab.nodes[node].ports[0].addresses[0].ip) for node in (taker, giver)}
    to = ("smtp", at[taker], str(smtp.ports[0]), smtp.mode)
    came = ("pop3", at[giver], str(pop3.ports[0]), str(pop3.tls).lower())
    return {
        "said": scene.said,
        "services": sorted(service for one in up for service in one.services),
        "smtp": scene.ask(client, *clients, *to, "hello", text="" if smtp.mode == "relay" else secret),
        "pop3": scene.ask(client, *clients, *came, text=secret),
        "wrong": scene.ask(client, *clients, *came, text="wrong"),
    }


ON_THE_WAY = """table inet on_the_way {
    set four { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags dynamic; size 65535; }
    set six { type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags dynamic; size 65535; }
    chain forward {
        type filter hook forward priority -300; policy accept;
        ct state new meta l4proto { tcp, udp } add @four { ip saddr . ip daddr . meta l4proto . th dport }
        ct state new meta l4proto { tcp, udp } add @six { ip6 saddr . ip6 daddr . meta l4proto . th dport }
    }
}
"""


def ipsec(site):
    """Two controllers with IPsec between them: what replicates, and what the firewall sees of it."""
    scene = Scene(site)
    scene.network.load("x-fw", ON_THE_WAY)
    up = scene.up("strongswan on dcx", "samba on dcx")
    answers = {"said": scene.said, "services": sorted(service for one in up for service in one.services)}
    answers["ldap"] = scene.ask(
        "dcx1", "ldapsearch", "-x", "-LLL", "-s", "base", "-H", "ldap://10.9.51.10", "dnsHostName"
    )
    answers["ldap6"] = scene.ask(
        "dcx1", "ldapsearch", "-x", "-LLL", "-s", "base", "-H", "ldap://[fd00:9:51::10]", "dnsHostName"
    )
    answers["forth"] = replicated(scene, "dcx2", "dcx1")
    answers["back"] = replicated(scene, "dcx1", "dcx2")
    listed = json.loads(scene.ask("x-fw", "nft", "-j", "list", "table", "inet", "on_the_way")[1])
    seen = {
        (str(one["concat"][2]), one["concat"][3])
        for entry in listed["nftables"]
        for one in entry.get("set", {}).get("elem", ())
    }
    return answers | {"seen": sorted(seen)}


def replicated(scene, to, source):
    """Have a controller fetch what another has."""
    realm = scene.realms[0]
    for _ in range(60):  # it takes some seconds until a new controller has worked out from whom it fetches
        answer = on(scene, to, "drs", "replicate", realm.hosts[to], realm.hosts[source], realm.base)
        if answer[0] == 0:
            break
        sleep(0.5)
    return answer


def on(scene, node, *words):
    """Run samba-tool on a controller, as the administrator."""
    folder = scene.network.folder(f"{node}/samba")
    (folder / "secret").write_text(scene.realms[0].administrator.password)
    env = {"USER": "Administrator", "PASSWD_FILE": f"{folder}/secret", "KRB5_CONFIG": f"{folder}/krb5.conf"}
    return scene.ask(node, "samba-tool", *words, "-s", f"{folder}/smb.conf", env=env)


WITHOUT_RPC = """table inet without_rpc {
    chain forward {
        type filter hook forward priority -5; policy accept;
        tcp dport 135 drop
    }
}
"""


def failing(site):
    """A clock that is told nonsense, and a second controller whom the firewall keeps from RPC."""
    scene = Scene(site)
    scene.network.load("fw", WITHOUT_RPC)
    chosen = [replace(one, sources=("what nobody understands",)) for one in clocks(scene.plan, scene.lab)]
    chosen += [replace(one, patience=8.0) for one in scene.daemons() if one.name == "samba on dc02"]
    chosen += [one for one in scene.daemons() if one.name == "samba on dc01"]
    said = {}  # when what was said
    failed = asyncio.run(brought_up(chosen, scene.network, scene.realms, lambda text: said.update({text: monotonic()})))
    first = next(at for text, at in said.items() if text.startswith("samba on dc01 is ready"))
    secrets = [one.password for one in scene.realms[0].everybody]
    return {
        "failed": {one.name: [one.reason, *one.log] for one in failed},
        "took": monotonic() - first,
        "tells": any(secret in str(one) for secret in secrets for one in failed),
    }


def print_aside(text):
    print(text, file=sys.stderr)


def lasting(site):
    """Daemons that run until somebody ends this."""
    scene = Scene(site)
    scene.up("samba", "chrony")
    print_aside("up")
    sleep(60)


class Member:
    """A host of a domain and the controller that it asks."""

    def __init__(self, scene, node, controller):
        self.scene, self.node, self.realm = scene, node, scene.realms[0]
        addresses = [one.ip for one in scene.lab.nodes[controller].ports[0].addresses]
        self.controller, self.name = str(addresses[0]), self.realm.hosts[controller]
        folder = scene.network.folder(f"{node}/client/{controller}")
        for name, text, place in (
            ("krb5.conf", krb5_conf(self.realm, addresses), None),
            ("hosts", hosts(self.realm), "/etc/hosts"),
            ("resolv.conf", resolv_conf(addresses), "/etc/resolv.conf"),
        ):
            (folder / name).write_text(text)
            if place:
                scene.network.mount(node, folder / name, place)
        self.passwords = {one.name: one.password for one in self.realm.users}
        self.env = {"KRB5_CONFIG": f"{folder}/krb5.conf", "KRB5CCNAME": f"{folder}/cache"}

    def ask(self, *words, text="", env=()):
        return self.scene.ask(self.node, *words, text=text, env=self.env | dict(env))

    def sign_in(self, user):
        return self.ask("kinit", user, text=self.passwords[user] + "\n")

    def look_up(self, server, base, who):
        sasl = ["-N", "-Q", "-Y", "GSSAPI", "-LLL", "-b", base]
        return self.ask("ldapsearch", *sasl, "-H", server, f"(sAMAccountName={who})", "mail")

    def look_up_by_tls(self, server, base, who):
        trusted = self.scene.network.folder(self.node) / "authority.pem"
        trusted.write_text(self.scene.authority.pem)
        bind = ["-x", "-D", f"{who}@{self.realm.domain}", "-y", "/dev/stdin", "-LLL", "-b", base]
        words = ["ldapsearch", *bind, "-H", server, f"(sAMAccountName={who})", "mail"]
        return self.ask(*words, text=self.passwords[who], env={"LDAPTLS_CACERT": str(trusted)})

    def smb(self, user, program, *words):
        who = ["-s", "/dev/null", "-U", f"{self.realm.netbios}\\{user}"]
        return self.ask(program, *who, *words, env={"PASSWD": self.passwords[user]})

    def dig(self, server, *words, seconds=30):
        return self.ask("dig", "+short", f"+time={seconds}", "+tries=1", f"@{server}", *words)


def memory():
    """The proportional share of memory of everything that runs here, in MiB."""
    found = 0
    for rollup in Path("/proc").glob("[0-9]*/smaps_rollup"):
        with contextlib.suppress(OSError):
            found += sum(int(line.split()[1]) for line in rollup.read_text().splitlines() if line.startswith("Pss:"))
    return found // 1024


if __name__ == "__main__":
    try:
        print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
    except NotPossibleHere as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.status)
