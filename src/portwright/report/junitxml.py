"""What every JUnit document of ours has in common."""

import re
from xml.etree.ElementTree import Element, indent, tostring

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2: Char
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'  # all else is written in ASCII, so that any encoding will do
_COUNTED = (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))


def legal(text: str) -> str:
    """The text without characters that no XML document may have."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


def count(element: Element) -> None:
    """Count the cases of a suite, or of all, by outcome."""
    for attribute, tag in _COUNTED:
        element.set(attribute, str(sum(1 for _ in element.iter(tag))))


def written(root: Element) -> str:
    """The document."""
    count(root)
    indent(root)
    return f"{_DECLARATION}\n{tostring(root, encoding='us-ascii', xml_declaration=False).decode()}\n"
