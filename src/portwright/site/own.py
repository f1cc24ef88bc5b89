"""The product files of the user's own that a site file names; they are read before the site can be."""

from pathlib import Path

from portwright.errors import InvalidInput, Problem
from portwright.yamlfile import Document, Mapping, Scalar

_HINT = "write the folder's path from the site file, without '..'"
MAX_FILES = 100


def own_products(document: Document, folder: Path) -> tuple[Path, ...]:
    """The product files in the folder that the site's key `catalog` names, in order.

    Raises InvalidInput when it is no folder inside the site's own, or has no product files.
    """
    named = _named(document)
    if named is None:
        return ()
    within = folder / named.text
    if Path(named.text).is_absolute() or ".." in Path(named.text).parts or not _is_inside(within, folder):
        raise _wrong(document, named, "must lie in the folder of the site file", _HINT)
    found = sorted(path for pattern in ("*.yaml", "*.yml") for path in within.glob(pattern)) if within.is_dir() else []
    if not found:
        raise _wrong(document, named, f"the folder '{named.text[:60]}' has no product files", "they end in .yaml")
    if len(found) > MAX_FILES or not all(_is_inside(path, folder) for path in found):
        message = f"the folder '{named.text[:60]}' has more than {MAX_FILES} files, or links out of the site's folder"
        raise _wrong(document, named, message, _HINT)
    return tuple(found)


def _named(document: Document) -> Scalar | None:
    items = document.root.items if isinstance(document.root, Mapping) else ()
    named = next((item for key, item in items if key.text == "catalog"), None)
    return named if isinstance(named, Scalar) and named.text and "\0" not in named.text else None


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _wrong(document: Document, node: Scalar, message: str, hint: str) -> InvalidInput:
    return InvalidInput([Problem(document.file, node.mark.line, node.mark.column, "catalog", message, hint)])
