"""The topologies to begin with: small valid site files, each saying in its first line what it is."""

from dataclasses import dataclass
from importlib.resources import files

EXAMPLE = "contoso"  # the name of every site here
NAMES = (  # in the order in which they are offered
    "full-server",
    "split",
    "nlb",
    "named-instance",
    "separate-reports",
    "ifd",
    "branch",
    "mail-router",
    "multi-forest",
    "citrix",
)


@dataclass(frozen=True, slots=True)
class Topology:
    """A site file to begin with."""

    name: str
    text: str

    @property
    def summary(self) -> str:
        """What it is, in one line."""
        return self.text.partition("\n")[0].removeprefix("# ")


def topology(name: str) -> Topology:
    """The topology of that name. Raises KeyError for a name that is not in `NAMES`."""
    if name not in NAMES:
        raise KeyError(name)
    return Topology(name, (files("portwright.init") / "topologies" / f"{name}.yaml").read_text(encoding="utf-8"))


def topologies() -> tuple[Topology, ...]:
    """All of them."""
    return tuple(map(topology, NAMES))
