"""What happens inside the namespaces: a lab with its daemons, and real clients on other hosts, behind the firewalls.

Run by `played`. A play prints what it has seen as JSON; status 4 where this machine lacks something.
"""

import asyncio
import json
import sys
from pathlib import Path

from portwright.check.readings import read_points
from portwright.errors import NotPossibleHere
from portwright.plan.make import make_plan
from portwright.rehearse.layout import layout
from portwright.rehearse.netns import Network
from portwright.rehearse.real.daemon import missing
from portwright.rehearse.real.up import brought_up, daemons
from portwright.rehearse.realm import realms_of
from portwright.rehearse.rules import rules_of
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

    def _rules(self, point):
        ports = {inner: port for (owner, inner), port in self.lab.names.items() if owner == point.name}
        reading = self.readings.get(point.name)
        configuration, text = (reading.configuration, reading.text) if reading else (None, "")
        return rules_of(self.plan, point, configuration, text, ports).text

    def up(self, *names):
        """Bring up the daemons whose names begin so. Raises NotPossibleHere where programs are missing."""
        chosen = [one for one in daemons(self.plan, self.lab, self.realms) if one.name.startswith(names)]
        if lacking := missing(chosen):
            raise NotPossibleHere("; ".join(lacking))
        self.said = []
        failed = asyncio.run(brought_up(chosen, self.network, self.realms, self.said.append))
        assert not failed, "\n".join(map(str, failed))
        return chosen

    def ask(self, node, *words, text="", env=None):
        """Run a client on a node: its exit status and what it says."""
        done = self.network.run(node, ["timeout", "20", *words], text, env)
        return [done.returncode, done.stdout + done.stderr]


def time(site):
    """Two clocks: a domain controller asks the source through the firewall, a member asks the controller."""
    scene = Scene(site)
    up = scene.up("chrony")
    chrony = ["chronyd", "-x", "-Q", "-t", "6", "-f", "/dev/null", "pidfile /run/client.pid", "cmdport 0", "user root"]
    return {
        "names": sorted(one.name for one in up),
        "services": sorted(service for one in up for service in one.services),
        "source": scene.ask("dc01", *chrony, "server 10.2.50.12 iburst"),
        "controller": scene.ask("fe01", *chrony, "server 10.2.50.10 iburst"),
        "not let through": scene.ask("fe01", *chrony, "server 10.2.50.12 iburst"),
    }


if __name__ == "__main__":
    try:
        print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
    except NotPossibleHere as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.status)
