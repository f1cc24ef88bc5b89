"""`python -m bench.plan`: time to load and to plan a site, against the number of its hosts.

The sites are made here: one host in a hundred is a front end behind one virtual address, a few are SQL and report
servers, four are domain controllers, one administers, the others are users' computers, each a host of its own.

campus     all users in one zone
branches   a zone and a firewall for every ten users, a domain controller of its own in every fifth of them
guarded    as campus, with a firewall on every host
"""

import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import pairwise
from pathlib import Path

KINDS = ("campus", "branches", "guarded")
SIZES = (100, 300, 1_000, 3_000)
_CONTROLLERS = 4
_PER_BRANCH, _BRANCHES_PER_CONTROLLER = 10, 5
_ZONES = ("app", "data", "core", "admin")
_USERS = IPv4Network("10.64.0.0/10")
_STEPS = ("catalog", "load", "plan", "csv")


def main() -> None:
    """Measure every kind and size in a process of its own and print a line for each."""
    if len(sys.argv) > 1:
        print(*measure(sys.argv[1], int(sys.argv[2])))
        return
    print(f"Python {platform.python_version()}, {platform.machine()}")
    print("Processor seconds; in brackets the growth per host against the line before: 1.0 is linear.\n")
    print(f"{'site':<10}{'hosts':>7}{'flows':>9}" + "".join(f"{step:>15}" for step in (*_STEPS, "MB")))
    for kind in KINDS:
        before: list[float] = []
        for hosts in SIZES:
            before = _print_line(kind, hosts, before)


def _print_line(kind: str, hosts: int, before: list[float]) -> list[float]:
    arguments = [sys.executable, "-m", "bench.plan", kind, str(hosts)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    flows, *taken = map(float, done.stdout.split())
    cells = [_cell(value, taken_before, hosts / size) for value, taken_before, size in before_each(before, taken)]
    print(f"{kind:<10}{hosts:>7,}{flows:>9,.0f}" + "".join(f"{cell:>15}" for cell in cells), flush=True)
    return [*taken, float(hosts)]


def before_each(before: list[float], taken: list[float]) -> Iterator[tuple[float, float, float]]:
    """Each measurement with that of the line before, and the size of that line."""
    size = before[-1] if before else 1.0
    for at, value in enumerate(taken):
        yield value, before[at] if before else 0.0, size


def _cell(value: float, before: float, growth: float) -> str:
    return f"{value:.2f} (x{value / before / growth:.1f})" if before else f"{value:.2f}"


def measure(kind: str, hosts: int) -> list[float]:
    """The number of flows, the seconds of each step, and the memory in MB."""
    from portwright.catalog.load import load_catalog
    from portwright.plan.make import make_plan
    from portwright.report.plan.matrix import plan_csv
    from portwright.site.load import load_site

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "site.yaml")
        path.write_text(site_text(kind, hosts), encoding="utf-8")
        marks = [time.process_time()]
        catalog = load_catalog()
        marks.append(time.process_time())
        site = load_site(path, catalog)
        marks.append(time.process_time())
        plan = make_plan(catalog, site)
        marks.append(time.process_time())
        plan_csv(plan)
        marks.append(time.process_time())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [len(plan.flows), *(after - before for before, after in pairwise(marks)), memory]


def site_text(kind: str, hosts: int) -> str:
    """A site file with this many hosts."""
    return "".join(f"{line}\n" for line in _lines(kind, hosts))


def _lines(kind: str, hosts: int) -> Iterator[str]:
    servers = dict(_servers(hosts))
    users = hosts - len(servers)
    branches = range(-(-users // _PER_BRANCH)) if kind == "branches" else range(0)
    front_ends = ", ".join(name for name in servers if name.startswith("fe"))
    yield "site: bench\nproducts: [dynamics-crm-2013]\nzones:"
    yield from (f"  {zone}: {{networks: [10.{number}.0.0/16]}}" for number, zone in enumerate(_ZONES, 1))
    yield f"  users: {{networks: [{_USERS}]}}"
    yield from (f"  b{number}: {{networks: [{_branch(number)}]}}" for number in branches)
    yield "hosts:"
    yield from (f"  {name}: {host}" for name, host in servers.items())
    yield from (f"  pc{number}: {_user(kind, number)}" for number in range(users))
    yield f"virtual:\n  crm: {{address: 10.1.250.1, mode: nlb, members: [{front_ends}], services: [crm/web]}}"
    yield "  reports: {address: 10.2.250.1, mode: nlb, members: [rs0, rs1], services: [ssrs/web]}"
    yield "absent: {time/source: the domain controllers have clocks of their own}"
    yield "settings: {web.scheme: https}"
    yield "enforcement:\n  fw: {platform: cisco-asa}\n  data-fw: {platform: nftables}"
    yield from (f"  fw{number}: {{platform: cisco-asa}}" for number in branches)
    if kind == "guarded":
        names = (*servers, *(f"pc{number}" for number in range(users)))
        yield from (f"  on-{name}: {{platform: nftables, on: {name}}}" for name in names)
    yield "paths:\n  - {between: [[users, app, core, admin], [users, app, core, admin]], through: [fw]}"
    yield "  - {between: [[users, app, core, admin], data], through: [fw, data-fw]}"
    yield from (f"  - {{between: [b{one}, [app, core, admin]], through: [fw{one}, fw]}}" for one in branches)
    yield from (f"  - {{between: [b{one}, data], through: [fw{one}, fw, data-fw]}}" for one in branches)


def _servers(hosts: int) -> Iterator[tuple[str, str]]:
    for number in range(max(2, hosts // 100)):
        yield f"fe{number}", _host("app", f"10.1.{number // 250}.{number % 250 + 1}", "crm/front-end, crm/deployment")
    for number in range(2):
        yield f"be{number}", _host("app", f"10.1.200.{number + 1}", "crm/back-end")
        yield f"rs{number}", _host("data", f"10.2.1.{number + 1}", "ssrs/report-server")
    yield "sql", _host("data", "10.2.0.1", "sql/engine")
    yield "adm", _host("admin", "10.4.0.1", "admin/workstation")
    for number in range(_CONTROLLERS):
        roles = "ad/global-catalog, dns/server" + (", ad/pdc-emulator" if not number else "")
        yield f"dc{number}", _host("core", f"10.3.0.{number + 1}", roles)


def _user(kind: str, number: int) -> str:
    branch, place = divmod(number, _PER_BRANCH)
    if kind != "branches":
        return _host("users", str(_USERS[number + 1]), "crm/client")
    roles = "ad/global-catalog, dns/server" if not place and not branch % _BRANCHES_PER_CONTROLLER else "crm/client"
    return _host(f"b{branch}", str(_branch(branch)[place + 1]), roles)


def _branch(number: int) -> IPv4Network:
    return IPv4Network((int(_USERS[0]) + number * 256, 24))


def _host(zone: str, address: str, roles: str) -> str:
    return f"{{zone: {zone}, addresses: [{address}], roles: [{roles}]}}"


if __name__ == "__main__":
    main()
