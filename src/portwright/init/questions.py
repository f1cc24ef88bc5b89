"""The questions that make a site file out of a topology. Each answer changes the text; an empty one leaves it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Protocol, TypeVar

from portwright import platforms
from portwright.catalog.model import Catalog
from portwright.errors import InvalidInput
from portwright.init.firewalls import EVERYWHERE, Behind, Firewall, inside, read_firewall
from portwright.init.naming import site_name
from portwright.init.renumber import Moves, addresses_in, renumber
from portwright.init.template import choose, conditions, name_site, options, set_point
from portwright.init.topologies import EXAMPLE, topologies, topology
from portwright.init.yamltext import pairs, value
from portwright.packets.addresses import Network
from portwright.shapes import TEXT
from portwright.site.load import parse_site
from portwright.site.model import Point, Site, Zone
from portwright.site.schema import NAME, NETWORK

T = TypeVar("T")

_WIDTH = 80  # columns of the narrowest terminal in use

_ASKED = {  # what is asked, where a topology leaves it open, in this order -> the question
    "products": "Which version of CRM runs there?",
    "authentication": "How do users sign in?",
    "mail.mode": "How does mail get into CRM and out of it?",
    "mail.profile": "By which protocols does CRM reach the mail server?",
    "excel_dynamic_export": "Do users refresh dynamic Excel worksheets, which read SQL Server directly?",
    "replication": "How do domain controllers replicate through the firewall?",
}
_SAID = {  # values -> what they mean
    "dynamics-crm-2013": "Microsoft Dynamics CRM 2013",
    "dynamics-365-9.1": "Microsoft Dynamics 365 Customer Engagement (on-premises) 9.1",
    "integrated": "integrated Windows authentication",
    "claims": "claims, at AD FS",
    "none": "not at all",
    "client-side": "through Outlook on the users' computers",
    "router": "by the E-mail Router",
    "server-side": "by server-side synchronization",
    "exchange": "Exchange Web Services",
    "pop3-smtp": "POP3 and SMTP",
    "dynamic": "on dynamic RPC ports",
    "pinned": "on RPC ports that are pinned",
    "ipsec": "inside IPsec",
}
_WORDS = {"false": "no", "true": "yes"}  # values -> what people answer


class Dialogue(Protocol):
    """Somebody who answers."""

    def say(self, text: str) -> None:
        """Tell something."""

    def ask(self, question: str, default: str, read: Callable[[str], T]) -> T:
        """What `read` makes of the answer; asked again for as long as it raises ValueError with a sentence."""


def ask_for_site(dialogue: Dialogue, catalog: Catalog, path: Path) -> str:
    """The text of the site file at this path, as the answers make it."""
    name = dialogue.ask("Name of the site", site_name(path, EXAMPLE), NAME.parse)
    offered = {one.name: one.summary for one in topologies()}
    text = topology(_pick(dialogue, "Which of these is most like your network?", offered)).text
    text = name_site(text, name)
    text = _ask_settings(dialogue, text)
    text = _moved(dialogue, text, path, catalog)
    site = _site(text, path, catalog)
    for point in site.points.values():
        if point.on is None:
            text = _ask_point(dialogue, text, point, site)
    return text


def _site(text: str, path: Path, catalog: Catalog) -> Site:
    return parse_site(text.encode(), path.parent, catalog, str(path))


def _pick(dialogue: Dialogue, question: str, offered: Mapping[str, str]) -> str:
    """One of several words, by number, as written, or by a part that only it has. The first is the default."""
    words = list(offered)
    width = max(map(len, words))
    dialogue.say(question)
    for number, (word, meaning) in enumerate(offered.items(), 1):
        head = f"  {number:2}  {word.ljust(width)}  "
        for line in wrap(meaning, _WIDTH - len(head), break_on_hyphens=False) or [""]:
            dialogue.say(f"{head}{line}".rstrip())
            head = " " * len(head)

    def read(answer: str) -> str:
        if answer in words:
            return answer
        if answer.isascii() and answer.isdecimal() and 1 <= int(answer[:4]) <= len(words):
            return words[int(answer[:4]) - 1]
        said = answer.casefold()
        for near in ([word for word in words if word.startswith(said)], [word for word in words if said in word]):
            if len(near) == 1:
                return near[0]
        raise ValueError(f"'{answer[:40]}' is none of them: give a number from 1 to {len(words)}, or a name")

    return dialogue.ask("Number", "1", read)


# ---------------------------------------------------------------------- settings


def _ask_settings(dialogue: Dialogue, text: str) -> str:
    """Ask what the topology leaves open; what depends on another answer only where that makes a difference."""
    for name, question in _ASKED.items():
        option = options(text).get(name)
        if option is not None and _matters(name, text):
            meant = {_WORDS.get(value, value): value for value in option.values}
            answer = _pick(dialogue, question, {word: _SAID.get(word, "") for word in meant})
            text = choose(text, {name: meant[answer]})
    return text


def _matters(name: str, text: str) -> bool:
    """Report whether some line depends on a setting and on nothing that has been decided otherwise, or none at all."""
    present = {option.name: option.value for option in options(text).values()}
    depending = [clauses for clauses in conditions(text) if any(clause.name == name for clause in clauses)]
    still_open = [
        clauses
        for clauses in depending
        if all(clause.holds(present[clause.name]) for clause in clauses if clause.name != name)
    ]
    return bool(still_open) or not depending


# ---------------------------------------------------------------------- networks


def _moved(dialogue: Dialogue, text: str, path: Path, catalog: Catalog) -> str:
    """The text with the networks that are answered, asked again for as long as they do not fit together."""
    zones = _site(text, path, catalog).zones
    while True:
        try:
            moved = renumber(text, _ask_networks(dialogue, text, zones))
            _site(moved, path, catalog)
        except (ValueError, InvalidInput) as problem:
            dialogue.say(f"Error: {problem}")
        else:
            return moved


def _ask_networks(dialogue: Dialogue, text: str, zones: Mapping[str, Zone]) -> Moves:
    dialogue.say("Networks of each zone, such as 10.1.0.0/16 or 10.1.0.0/24, 10.1.2.0/24. Addresses of hosts follow.")
    moves: dict[Network, tuple[Network, ...]] = {}
    for zone in zones.values():
        if zone.networks:
            present = ", ".join(map(str, zone.networks))
            reader = _Networks(moves, len(addresses_in(text, zone.networks[0])))
            new = dialogue.ask(f"  {zone.name} ({_purpose(text, zone.name)})", present, reader.read)
            moves[zone.networks[0]] = new
    return moves


@dataclass(frozen=True, slots=True)
class _Networks:
    """Reads the networks of a zone."""

    moves: Mapping[Network, tuple[Network, ...]]
    hosts: int

    def read(self, answer: str) -> tuple[Network, ...]:
        """The networks. Raises ValueError when there are none, or another zone has one of them, or no room."""
        found = tuple(dict.fromkeys(NETWORK.parse(word) for word in answer.replace(",", " ").split()))
        if not found:
            raise ValueError("a zone has at least one network, such as 10.1.0.0/16")
        for network in found:
            if any(network in networks for networks in self.moves.values()):
                raise ValueError(
                    f"{network} is already in another zone; where two of them share a network, give the smaller part"
                    f" here, down to single addresses such as {network.network_address + 5}/{network.max_prefixlen}"
                )
        if found[0].num_addresses < self.hosts + 2:
            raise ValueError(f"{found[0]} is too small: hosts in this zone take {self.hosts}")
        return found


def _purpose(text: str, zone: str) -> str:
    """What the topology says of a zone in the comment behind it."""
    line = next(line for line in text.splitlines() if line.startswith(f"  {zone}:"))
    return line.rpartition("# ")[2] if "#" in line else "a zone"


# ---------------------------------------------------------------------- firewalls


def _ask_point(dialogue: Dialogue, text: str, point: Point, site: Site) -> str:
    """Ask for a firewall's configuration, and for what that does not say."""
    question = f"Configuration of {point.name}, a file beside the site file (Enter: there is none yet)"
    firewall = dialogue.ask(question, "", lambda answer: _read_config(answer, point.name, site.folder))
    if firewall is None:
        return set_point(text, point.name, _ask_platform(dialogue, point), None, None)
    dialogue.say(f"  It is for {firewall.platform}.")
    interfaces = {name: _ask_interface(dialogue, firewall, site.zones[name]) for name in point.interfaces}
    config = inside(site.folder, firewall.file)
    return set_point(text, point.name, firewall.platform, value(config or ""), pairs(interfaces))


def _ask_platform(dialogue: Dialogue, point: Point) -> str:
    known = {name: platforms.load(name).TITLE for name in platforms.PLATFORMS}
    first = {name: title for name, title in known.items() if name == point.platform}
    return _pick(dialogue, f"Which kind of firewall is {point.name}?", first | known)


def _read_config(answer: str, name: str, folder: Path) -> Firewall | None:
    """The configuration in a file. Raises ValueError with what is wrong with it."""
    if not answer.strip():
        return None
    file = answer if os.path.lexists(answer) else str(folder / answer)
    if inside(folder, file) is None:
        raise ValueError(f"{answer} is not in the folder of the site file: copy it there first")
    try:
        return read_firewall(file, name)
    except InvalidInput as wrong:
        raise ValueError("; ".join(str(problem) for problem in wrong.problems[:3])) from None


def _ask_interface(dialogue: Dialogue, firewall: Firewall, zone: Zone) -> str:
    """The interface behind which a zone lies: by the routes where they tell, otherwise as the answer says."""
    table = Behind.of(firewall.routes())
    toward = {interface for network in zone.networks or EVERYWHERE[:1] for interface in table.toward(network)}
    if len(toward) == 1:
        interface = toward.pop()
        dialogue.say(f"  {zone.name} lies behind {interface}, by the routes.")
        return interface
    names = sorted(toward) or firewall.interfaces
    if not names:
        return dialogue.ask(f"Interface behind which {zone.name} lies", zone.name, TEXT.parse)
    return _pick(dialogue, f"Behind which interface of {firewall.name} does {zone.name} lie?", dict.fromkeys(names, ""))
