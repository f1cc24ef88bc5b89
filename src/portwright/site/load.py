"""The site file into a `Site`, or every problem at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Catalog
from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.notation import Flow, parse_end, parse_flow
from portwright.shapes import Ledger, Located, read, shorten, suggestion
from portwright.site.model import (
    Accept,
    Assumption,
    Exemption,
    Host,
    Point,
    Site,
    Test,
    Translation,
    Virtual,
    Zone,
)
from portwright.site.own import own_products
from portwright.site.paths import declared_routes
from portwright.site.placing import Placing
from portwright.site.resolve import resolve
from portwright.site.schema import SITE, HostEntry, PointEntry, SiteFile
from portwright.site.settings import read_settings
from portwright.site.zones import build_zones, index_zones
from portwright.yamlfile import Document, load_document, parse_document

T = TypeVar("T")

_NAMED = ("host", "group", "zone", "virtual address")  # kinds that share one space of names in flow notation


def load_site(path: Path, catalog: Catalog | None = None) -> Site:
    """The site that the file describes, by the catalog that ships and the product files that it names.

    Raises InvalidInput with every problem in it.
    """
    document = load_document(path)
    return _load(document, path.parent, catalog or load_catalog(own_products(document, path.parent)))


def parse_site(data: bytes, folder: Path, catalog: Catalog, file: str = "site.yaml") -> Site:
    """The site in these bytes, as though they were a file in `folder`. Raises InvalidInput."""
    return _load(parse_document(data, file), folder, catalog)


def _load(document: Document, folder: Path, catalog: Catalog) -> Site:
    ledger = Ledger()
    _declare(ledger, catalog)
    written = read(SITE, document, ledger)
    site = _Loader(written, document, folder, catalog, ledger).site() if written else None
    ledger.settle()
    assert site is not None  # what could not be read has problems, and `settle` raised them
    return site


def _declare(ledger: Ledger, catalog: Catalog) -> None:
    aliases = [alias for component in catalog.components.values() for alias in component.aliases]
    ledger.declare("component", [*catalog.components, *aliases])
    ledger.declare("service", catalog.services)
    ledger.declare("requirement", catalog.requirements)
    ledger.declare("product", catalog.products)


@dataclass(frozen=True, slots=True)
class _Loader:
    """Puts the parts of one file together; what is wrong between them goes into the ledger."""

    written: SiteFile
    document: Document
    folder: Path
    catalog: Catalog
    ledger: Ledger

    def site(self) -> Site:
        """The whole site."""
        written = self.written
        self._note_shared_names()
        zones = build_zones(written.zones)
        index = index_zones(zones)
        placing = Placing(self.catalog, zones, index, written)
        hosts = _mapped(placing.host, written.hosts)
        groups = _mapped(placing.group, written.groups)
        virtual = _mapped(placing.virtual, written.virtual)
        outside = _mapped(placing.outside, written.outside)
        self._note_shared_addresses(written.hosts)
        for entry in (*written.hosts.values(), *written.groups.values()):
            self._note_idle_uses(entry, hosts)
        points = _mapped(self._point, written.enforcement)
        names = _names(zones, hosts, groups, virtual) | {name: one.addresses for name, one in outside.items()}
        products = tuple(one.value for one in written.products if one.value in self.catalog.products)
        self._note_versions(products)
        return Site(
            name=written.site,
            file=self.document.file,
            folder=self.folder,
            catalog=self.catalog,
            products=self.catalog.with_needs(products),
            zones=zones,
            zone_index=index,
            hosts=hosts,
            groups=groups,
            virtual=virtual,
            absent=written.absent,
            outside=outside,
            settings=read_settings(written.settings, self.catalog),
            points=points,
            declared_routes=declared_routes(written.paths, points),
            names=names,
            translations=tuple(self._translations(names)),
            accepts=tuple(self._accepts(names)),
            exceptions=tuple(self._exemptions(names)),
            assumptions=tuple(self._assumptions()),
            tests=tuple(self._tests(names)),
        )

    def _translations(self, names: Mapping[str, Addresses]) -> Iterable[Translation]:
        for entry in self.written.nat:
            to = self._parsed(entry.to, parse_end, names)
            becomes = self._parsed(entry.becomes, parse_end, names)
            if to and becomes:
                yield Translation(entry.at, entry.zone, to, becomes, entry.source)

    def _accepts(self, names: Mapping[str, Addresses]) -> Iterable[Accept]:
        for entry in self.written.accept:
            flow = self._flow(entry.flow, names) if entry.flow else None
            yield Accept(flow, entry.at, entry.rule, entry.reason, entry.owner, entry.until, entry.source)

    def _exemptions(self, names: Mapping[str, Addresses]) -> Iterable[Exemption]:
        for entry in self.written.exempt:
            if entry.flow and (flow := self._flow(entry.flow, names)):
                yield Exemption(flow, entry.reason, entry.owner, entry.until, entry.source)

    def _assumptions(self) -> Iterable[Assumption]:
        for entry in self.written.assume:
            what = (entry.line, entry.pattern, entry.rate_limits, entry.private_sources)
            yield Assumption(entry.at or "", *what, entry.reason, entry.owner, entry.until, entry.source)

    def _tests(self, names: Mapping[str, Addresses]) -> Iterable[Test]:
        for entry in self.written.tests:
            if entry.allow and (flow := self._flow(entry.allow, names)):
                yield Test("allow", flow, entry.source)
            if entry.deny and (flow := self._flow(entry.deny, names)):
                yield Test("deny", flow, entry.source)

    def _flow(self, text: Located[str], names: Mapping[str, Addresses]) -> Flow | None:
        flow = self._parsed(text, parse_flow, names)
        if flow and flow.point is not None and flow.point not in self.written.enforcement:
            hint = suggestion(flow.point, self.written.enforcement)
            text.note(f"there is no enforcement point '{flow.point[:60]}'", hint)
        return flow

    def _parsed(
        self, text: Located[str], parse: Callable[[str, Callable[[str], Addresses]], T], names: Mapping[str, Addresses]
    ) -> T | None:
        def lenient(name: str) -> Addresses:
            """Something that is declared but itself wrong has been noted once already."""
            declared = any(name.partition("#")[0] in self.ledger.declared.get(kind, ()) for kind in _NAMED)
            return EVERY_ADDRESS if declared and name not in names else resolve(names, name)

        try:
            return parse(text.value, lenient)
        except ValueError as problem:
            text.note(str(problem))
            return None

    def _point(self, name: str, entry: PointEntry) -> Point:
        config = self._config(entry.config) if entry.config else None
        return Point(name, entry.platform, config, entry.interfaces, entry.on, entry.profile, entry.source)

    def _config(self, text: Located[str]) -> Path | None:
        """The path of a file inside the site's folder, symbolic links followed; it may be still to be written."""
        path = Path(text.value)
        if path.is_absolute() or ".." in path.parts or "\0" in text.value:
            text.note("must lie in the folder of the site file", "write its path from there, without '..'")
            return None
        real = (self.folder / path).resolve()
        if not real.is_relative_to(self.folder.resolve()) or (real.exists() and not real.is_file()):
            text.note("must be a file in the folder of the site file", "a link out of the folder is not followed")
            return None
        return self.folder / path

    def _note_shared_names(self) -> None:
        first: dict[str, str] = {"any": "a word of flow notation"}
        for kind in _NAMED:
            for name, use in self.ledger.declared.get(kind, {}).items():
                if name in first and use is not None:
                    hint = "flow notation could not tell them apart"
                    use.note(f"the {kind} '{name}' has the name of {first[name]}", hint)
                first.setdefault(name, f"a {kind}")

    def _note_versions(self, products: tuple[str, ...]) -> None:
        """Two versions of one product share their components, so that a site has one of them."""
        for one in self.written.products:
            later = [name for name in products if one.value in self._earlier(name)]
            if later:
                hint = "name only the one that runs here; where both do, each has a site file of its own"
                one.note(f"'{later[0]}' is a later version of '{one.value}'", hint)

    def _earlier(self, product: str) -> set[str]:
        """The products that a product is based on."""
        found: set[str] = set()
        while (product := self.catalog.products[product].based_on) and product not in found:
            found.add(product)
        return found

    def _note_idle_uses(self, entry: HostEntry, hosts: Mapping[str, Host]) -> None:
        """A host that is used for a component must run it, and so must a member of a virtual address."""
        for name, targets in entry.uses.items():
            required = self.catalog.requirements.get(name)
            component = required.destination if required else name
            if component in self.catalog.components:
                for target in targets:
                    self._note_idle(target, component, hosts)

    def _note_idle(self, target: Located[tuple[str, str | None]], component: str, hosts: Mapping[str, Host]) -> None:
        name, instance = target.value
        virtual = self.written.virtual.get(name)
        used = [hosts[member] for member in (virtual.members if virtual else [name]) if member in hosts]
        found = {one.name for host in used for one in host.instances_of(component)}
        if used and not found:
            lacking = [role for host in used for role in host.roles if component in self.catalog.lacking(role)]
            hint = f"as {min(lacking)} it cannot" if lacking else f"give it the role {component}"
            target.note(f"'{name}' does not run {component}", hint)
        elif used and instance is not None and instance not in found:
            target.note(f"'{name}' has no instance '{shorten(instance)}' of {component}", suggestion(instance, found))

    def _note_shared_addresses(self, hosts: Mapping[str, HostEntry]) -> None:
        first: dict[object, str] = {}
        for name, entry in hosts.items():
            for address in entry.addresses:
                owner = first.setdefault(address.value, name)
                if owner != name:
                    address.note(f"{address.value} is already an address of '{owner}'")


V = TypeVar("V")


def _mapped(build: Callable[[str, V], T], entries: Mapping[str, V]) -> dict[str, T]:
    return {name: build(name, entry) for name, entry in entries.items()}


def _names(*parts: Mapping[str, Zone] | Mapping[str, Host] | Mapping[str, Virtual]) -> dict[str, Addresses]:
    return {name: value.addresses for part in parts for name, value in part.items()}
