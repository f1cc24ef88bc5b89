"""`python -m bench.check`: time and memory to check a site, against its hosts, firewalls and rules.

Each zone lies behind a firewall of its own (Cisco ASA and nftables in turn), so that a flow between zones crosses two.
What the site needs is written by `render`; rules about hosts that the site does not name fill the files up, as other
applications do. Each measurement is a command in a process of its own, started from the shell.
"""

import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from portwright import platforms
from portwright.plan.make import make_plan
from portwright.render.intent import intent_of
from portwright.site.load import load_site

SIZES = ((30, 4, 500), (75, 5, 500), (150, 10, 1000), (300, 20, 2000))  # hosts, firewalls, rules in each
_ROLES = (
    ("crm/front-end", "uses: {sql/engine: sql1}"),
    ("ssrs/report-server", "uses: {sql/engine: sql1}"),
    ("crm/async", "uses: {sql/engine: sql1}"),
    ("crm/sandbox", ""),
    ("windows/server", ""),
    ("windows/server", ""),
)
_FIXED = {  # what every site has once
    "dc1": "roles: [ad/global-catalog, ad/pdc-emulator, dns/server]",
    "sql1": "roles: [sql/engine]",
    "dep1": "roles: [crm/deployment], uses: {sql/engine: sql1}",
    "fe0": "roles: [crm/front-end], uses: {sql/engine: sql1, ssrs/report-server: rs0}",
    "as0": "roles: [crm/async], uses: {sql/engine: sql1}",
    "sb0": "roles: [crm/sandbox]",
    "rs0": "roles: [ssrs/report-server], uses: {sql/engine: sql1}",
    "adm1": "roles: [admin/workstation]",
}


def site_text(hosts: int, firewalls: int) -> str:
    """A site of as many hosts, one zone behind each firewall."""
    names = [f"z{number}" for number in range(firewalls)]
    lines = ["site: bench", "products: [dynamics-crm-2013]", "settings: {web: {scheme: https}}", "zones:"]
    lines += [f"  {name}: {{networks: [10.{number}.0.0/16]}}" for number, name in enumerate(names)]
    lines += ["absent: {time/source: a radio clock}", "groups:"]
    staff = "zone: z0, networks: [10.0.128.0/17], roles: [crm/client], uses: {crm/front-end: fe0}"
    lines += [f"  staff: {{{staff}}}", "hosts:"]
    lines += [f"  {line}" for line in _hosts(hosts, firewalls)]
    lines += ["enforcement:"]
    for number, name in enumerate(names):
        platform, suffix = _platform(number)
        others = ", ".join(f"{other}: core" for other in names if other != name)
        given = f"platform: {platform}, config: fw{number}{suffix}"
        lines.append(f"  fw{number}: {{{given}, interfaces: {{{name}: {name}, {others}}}}}")
    lines += ["paths:"]
    lines += [
        f"  - {{between: [{one}, {other}], through: [fw{a}, fw{b}]}}"
        for a, one in enumerate(names)
        for b, other in enumerate(names)
        if a < b
    ]
    return "\n".join(lines) + "\n"


def _platform(number: int) -> tuple[str, str]:
    return ("cisco-asa", ".cfg") if number % 2 == 0 else ("nftables", ".nft")


def _hosts(count: int, zones: int) -> Iterator[str]:
    kinds = list(_FIXED.items())
    for number in range(count):
        address = f"10.{number % zones}.{number // 250}.{number // zones % 250 + 1}"
        if number < len(kinds):
            name, rest = kinds[number]
        else:
            role, uses = _ROLES[4 + number % 2]
            name, rest = f"h{number}", f"roles: [{role}]" + (f", {uses}" if uses else "")
        yield f"{name}: {{addresses: [{address}], {rest}}}"


def prepare(folder: Path, hosts: int, firewalls: int, rules: int) -> Path:
    """Write the site and its configurations; the site file."""
    path = folder / "site.yaml"
    path.write_text(site_text(hosts, firewalls), encoding="utf-8")
    site = load_site(path)
    plan = make_plan(site.catalog, site)
    for number in range(firewalls):
        platform, suffix = _platform(number)
        intent = intent_of(plan, site.points[f"fw{number}"])
        writer = platforms.renderer(platform)
        text = writer.context(intent) + writer.render(intent)
        (folder / f"fw{number}{suffix}").write_text(_filled(text, number, firewalls, rules), encoding="utf-8")
    return path


def _filled(text: str, number: int, firewalls: int, rules: int) -> str:
    """The text with rules of other applications before the last one of each list."""
    chance = random.Random(number)
    if text.lstrip().startswith("#!"):
        lines = [
            f'        iifname "core" oifname "z{number}" ip saddr {_stranger(chance, firewalls)} ip daddr '
            f"{_stranger(chance, firewalls)} tcp dport {chance.randrange(1, 65536)} accept"
            for _ in range(rules)
        ]
        return re.sub(r"\n    \}\n\}\n$", "\n" + "\n".join(lines) + "\n    }\n}\n", text)
    lines = [
        f"access-list core_in extended permit tcp host {_stranger(chance, firewalls)} host "
        f"{_stranger(chance, firewalls)} eq {chance.randrange(1, 65536)}"
        for _ in range(rules)
    ]
    last = "access-list core_in extended deny"
    return text.replace(last, "\n".join([*lines, last]), 1)


def _stranger(chance: random.Random, zones: int) -> str:
    """A host that the site does not name."""
    return f"10.{chance.randrange(zones)}.{chance.randrange(32, 128)}.{chance.randrange(1, 255)}"


def measure(site: Path) -> tuple[float, int, str]:
    """Seconds and megabytes of a check from the shell, and its first line."""
    start = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "portwright", "check", str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return seconds, peak, (done.stdout.splitlines() or done.stderr.splitlines() or [""])[0]


def main() -> None:
    """Measure every size, the smallest first; memory is the largest so far."""
    for hosts, firewalls, rules in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            site = prepare(Path(folder), hosts, firewalls, rules)
            seconds, peak, said = measure(site)
        print(f"{hosts:4} hosts, {firewalls:2} firewalls of {rules:5} rules: {seconds:6.1f} s, {peak} MB  {said}")


if __name__ == "__main__":
    main()
