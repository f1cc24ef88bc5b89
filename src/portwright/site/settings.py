"""Settings and options as written, checked against what the catalog says each may be."""

from collections.abc import Iterable, Mapping

from portwright.catalog.model import Catalog, Setting
from portwright.catalog.values import check_value
from portwright.shapes import suggestion
from portwright.site.schema import Entry


def read_settings(entries: Iterable[Entry], catalog: Catalog) -> dict[str, str]:
    """Settings by full name. Notes those that do not exist and values that they cannot have."""
    return _checked(entries, catalog.settings)


def read_options(entries: Iterable[Entry], component: str, catalog: Catalog) -> tuple[str, dict[str, str]]:
    """The name of the instance, and its settings by full name: options may leave out what names the component."""
    known = {setting.option: setting for setting in catalog.settings.values() if setting.component == component}
    known |= {setting.name: setting for setting in catalog.settings.values() if setting.component == component}
    entries = list(entries)
    names = [entry.value[1] for entry in entries if entry.value[0] == "instance"]
    options = _checked((entry for entry in entries if entry.value[0] != "instance"), known, extra=("instance",))
    return (names[0] if names else ""), options


def _checked(entries: Iterable[Entry], known: Mapping[str, Setting], extra: tuple[str, ...] = ()) -> dict[str, str]:
    values: dict[str, str] = {}
    for entry in entries:
        name, text = entry.value
        if name not in known:
            entry.note(f"there is no setting '{name[:60]}' here", suggestion(name, (*known, *extra)))
            continue
        try:
            values[known[name].name] = check_value(known[name], text)
        except ValueError as problem:
            entry.note(str(problem))
    return values
