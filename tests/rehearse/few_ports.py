"""The command line of `portwright`, inside its namespaces, whose clients have few ports, which soon come again."""

from portwright.cli import main
from portwright.rehearse.netns import Network

_RANGE = "40000 40199"  # of ip-sysctl's ip_local_port_range: 200 ports, of which a client takes some 80
_reserve = Network.reserve


def _reserve_and_narrow(network, node, ports):
    """Keep ranges of ports from the clients of a node, and leave it few others."""
    _reserve(network, node, ports)
    network._set(node, {"ipv4/ip_local_port_range": _RANGE})


if __name__ == "__main__":
    Network.reserve = _reserve_and_narrow
    main()
