"""XML that somebody sent: elements, and nothing that could make reading them cost much or read something else.

A document type, entities of its own, a tree too deep or too large are refused. Names stand as `{namespace}local`, and
so do the types that `xsi:type` names.
"""

from xml.etree.ElementTree import Element, QName, SubElement, TreeBuilder, register_namespace, tostring
from xml.parsers import expat

from portwright.protocols.conversation import Misspoken

__all__ = ["XSI_NIL", "XSI_TYPE", "Element", "QName", "SubElement", "child", "children", "local", "parsed",
           "register_namespace", "text_of", "written"]  # fmt: skip

XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"  # XML Schema 1, 2.6.1
XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_LARGEST = 1 << 24  # bytes
_DEEPEST = 100
_MOST_ELEMENTS = 200_000


def parsed(data: bytes) -> Element:
    """The root of a document. Raises Misspoken for what is no XML, or is more than somebody should send."""
    if len(data) > _LARGEST:
        raise Misspoken("the XML is too large")
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as problem:
        raise Misspoken(f"no XML: {problem}") from None
    return reader.builder.close()


class _Reader:
    def __init__(self) -> None:
        self.parser, self.builder = expat.ParserCreate(namespace_separator="}"), TreeBuilder()
        self.depth = self.count = 0
        self.prefixes: dict[str, list[str]] = {}
        self.parser.StartElementHandler, self.parser.EndElementHandler = self.start, self.end
        self.parser.CharacterDataHandler = self.builder.data
        self.parser.StartNamespaceDeclHandler = lambda prefix, uri: self.prefixes.setdefault(prefix or "", []).append(
            uri or ""
        )
        self.parser.EndNamespaceDeclHandler = lambda prefix: self.prefixes[prefix or ""].pop()
        self.parser.StartDoctypeDeclHandler = self.doctype

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth, self.count = self.depth + 1, self.count + 1
        if self.depth > _DEEPEST or self.count > _MOST_ELEMENTS:
            raise Misspoken("the XML is too deep or too large")
        found = {_named(key): value for key, value in attributes.items()}
        if XSI_TYPE in found:
            found[XSI_TYPE] = self.expanded(found[XSI_TYPE])
        self.builder.start(_named(name), found)

    def end(self, name: str) -> None:
        self.depth -= 1
        self.builder.end(_named(name))

    def expanded(self, name: str) -> str:
        prefix, colon, rest = name.strip().rpartition(":")
        known = self.prefixes.get(prefix if colon else "")
        return f"{{{known[-1]}}}{rest}" if known else rest

    def doctype(self, *_: object) -> None:
        raise Misspoken("XML with a document type is not read")


def _named(name: str) -> str:
    namespace, brace, rest = name.rpartition("}")
    return f"{{{namespace}}}{rest}" if brace else name


def written(root: Element) -> bytes:
    """The element as a document in UTF-8."""
    data: bytes = tostring(root, "utf-8", xml_declaration=True)
    return data


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element, name: str) -> list[Element]:
    """The children of that local name, whatever their namespace."""
    return [one for one in element if local(one) == name]


def child(element: Element, *path: str) -> Element:
    """The first descendant on a path of local names. Raises Misspoken where there is none."""
    for name in path:
        found = next((one for one in element if local(one) == name), None)
        if found is None:
            raise Misspoken(f"{local(element)} has no {name}")
        element = found
    return element


def text_of(element: Element, *path: str, default: str | None = None) -> str:
    """The text at a path; the default where there is no such element. Raises Misspoken where there is no default."""
    try:
        return (child(element, *path).text or "").strip()
    except Misspoken:
        if default is None:
            raise
        return default
