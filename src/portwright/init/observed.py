"""What the file of a host shows of its software, as it belongs into a site file: roles with ports, and settings."""

from collections.abc import Iterable, Iterator

from portwright.catalog.model import Catalog
from portwright.init.naming import sanitized
from portwright.init.yamltext import comment, value
from portwright.policy.configuration import Configuration, Observed


def settings_text(configuration: Configuration, catalog: Catalog) -> str:
    """An entry under `hosts` with everything that is set otherwise than the products are by themselves."""
    lines = [
        comment(f"What {configuration.file} shows of {configuration.hostname or 'the host'}; for the site file."),
        "hosts:",
        f"  {value(sanitized(configuration.hostname.lower(), 'host'))}:",
        *_entry([one for one in configuration.observed if one.setting in catalog.settings], catalog),
    ]
    return "\n".join(lines) + "\n"


def _entry(seen: list[Observed], catalog: Catalog) -> Iterator[str]:
    databases = [one for one in seen if one.setting == "sql.port"]
    if databases:
        yield "    roles:"
        for one in databases:
            options = {"instance": one.instance} if one.instance else {}
            options |= {"port": one.values[0]} if not _is_usual(one, catalog) else {}
            yield f"      - sql/engine: {_pairs(options)}" if options else "      - sql/engine"
    others = [one for one in seen if one.setting != "sql.port" and not _is_usual(one, catalog)]
    certain = {one.setting: one.values[0] for one in others if len(one.values) == 1}
    if certain or not databases:
        yield f"    settings: {_pairs(certain)}"
    for one in others:
        if len(one.values) > 1:
            yield "    " + comment(f"{one.setting} is one of {', '.join(one.values)}")


def _pairs(entries: dict[str, str]) -> str:
    """Values by name in one line, ports as the numbers that they are."""
    return "{" + ", ".join(f"{key}: {text if text.isdecimal() else value(text)}" for key, text in entries.items()) + "}"


def _is_usual(seen: Observed, catalog: Catalog) -> bool:
    """Report whether the product has one of the values by itself, or may have, whatever else is set."""
    setting = catalog.settings[seen.setting]
    usual: Iterable[str] = (setting.default, *(value for _, value in setting.defaults))
    if seen.setting == "sql.port":
        return seen.values[0] == ("dynamic" if seen.instance else "1433")
    return any(value in seen.values for value in usual)
