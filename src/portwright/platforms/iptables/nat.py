"""Address translation: targets to the changes of header fields."""

from collections.abc import Iterator
from dataclasses import dataclass

from portwright.packets.box import Match
from portwright.packets.fields import LAST_ADDRESS, Field
from portwright.packets.intervals import Intervals
from portwright.platforms.iptables import values
from portwright.platforms.iptables.scene import Scene
from portwright.platforms.iptables.syntax import Option, Rule
from portwright.platforms.netfilter.matching import Obscure
from portwright.platforms.netfilter.ports import Parts, kept, translated
from portwright.policy.model import Change, Rewrite

_DESTINATION, _SOURCE = (Field.DST, Field.DPORT), (Field.SRC, Field.SPORT)
_FIELDS = {"DNAT": _DESTINATION, "REDIRECT": _DESTINATION, "SNAT": _SOURCE, "MASQUERADE": _SOURCE}
_ARRIVING = ("PREROUTING", "OUTPUT")  # where NETMAP translates destinations
_OWN_ADDRESS = ("MASQUERADE", "REDIRECT")  # to an address of this machine, which the file does not tell


@dataclass(frozen=True, slots=True)
class _Target:
    """What address and port become; None where they stay."""

    address: Intervals | None = None
    port: Intervals | None = None


def translations(rule: Rule, match: Match, scene: Scene) -> Iterator[tuple[Match, Rewrite]]:
    """The parts of a match with the translation that each undergoes. Raises Obscure."""
    options = {option.name: option for option in rule.target_options}
    if rule.target == "NETMAP":
        yield from _mapped(options, match, scene)
        return
    is_random = bool({"--random", "--random-fully"} & set(options))
    yield from _changed(_FIELDS[rule.target], match, _target(rule.target, options, scene), is_random=is_random)


def _target(name: str, options: dict[str, Option], scene: Scene) -> _Target:
    given = options.get("--to-destination") or options.get("--to-source")
    anywhere: Intervals = ((0, LAST_ADDRESS[scene.version]),)
    if given is not None:
        found = _written(_value(given), scene.version)
    else:
        ports = options.get("--to-ports")
        port = None if ports is None else (values.ports(_value(ports), "-"),)
        found = _Target(anywhere if name in _OWN_ADDRESS else None, port)
    if found.address is None and found.port is None:
        raise Obscure(f"{name} does not say where to")
    return found


def _written(text: str, version: int) -> _Target:
    """`10.0.0.1-10.0.0.5:80-90`, `[fd00::1-fd00::5]:80`, `fd00::1`, `:80`. Raises Obscure."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif version == 6:
        address, port = text, ""
    else:
        address, _, port = text.partition(":")
    port = port.partition("/")[0]  # where a range of ports begins when it is shifted
    return _Target((values.span(address, version),) if address else None, (values.ports(port, "-"),) if port else None)


def _value(option: Option) -> str:
    if len(option.values) != 1:
        raise Obscure(f"'{option.name}' has one value")
    return option.values[0]


def _changed(
    fields: tuple[Field, Field], match: Match, target: _Target, *, is_random: bool
) -> Iterator[tuple[Match, Rewrite]]:
    """The translation; ports change only where the protocol has some."""
    changes = (Change(fields[0], target.address),) if target.address is not None else ()
    parts: Parts = iter([(match, None)])
    if target.port is not None:
        parts = translated(match, target.port)
    elif fields is _SOURCE:
        parts = kept(match, is_random=is_random, moves_whole=False)
    for part, becomes in parts:
        more = () if becomes is None else (Change(fields[1], becomes),)
        if changes or more:
            yield part, Rewrite((*changes, *more))


def _mapped(options: dict[str, Option], match: Match, scene: Scene) -> Iterator[tuple[Match, Rewrite]]:
    """NETMAP keeps the host part: a shift where the packets are of one network, else any address of the new one."""
    (new,) = values.network(_value(options["--to"]), scene.version) if "--to" in options else ((0, -1),)
    size = new[1] - new[0] + 1
    if size <= 0 or size & (size - 1):
        raise Obscure("NETMAP does not say to which network")
    name = Field.DST if scene.hook in _ARRIVING else Field.SRC
    shifts = {_shift(one.get(name), new[0], size) for one in match.possible}
    shift = shifts.pop() if len(shifts) == 1 else None
    yield match, Rewrite((Change(name, (new,), shift),))


def _shift(old: Intervals, start: int, size: int) -> int | None:
    block = old[0][0] - old[0][0] % size
    return start - block if old[-1][1] < block + size else None
