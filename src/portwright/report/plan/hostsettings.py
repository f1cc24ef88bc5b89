"""What has to be set on hosts, for people and for programs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from portwright.plan.hostsettings import HostSetting
from portwright.report.plan.grid import escaped
from portwright.report.plan.rows import several
from portwright.report.plan.text import wrapped
from portwright.site.model import Site

Json = dict[str, Any]

SCHEMA = "portwright.host-settings/1"


def by_host(settings: Iterable[HostSetting]) -> dict[str, list[HostSetting]]:
    """The settings by the name of the host."""
    found: dict[str, list[HostSetting]] = {}
    for one in settings:
        found.setdefault(one.host.name, []).append(one)
    return found


def settings_json(site: Site, settings: Sequence[HostSetting], written: Sequence[str]) -> Json:
    """By the contract: the files written, and each setting."""
    hosts = [
        {"host": name, "settings": [setting_json(one) for one in found]} for name, found in by_host(settings).items()
    ]
    return {"schema": SCHEMA, "site": site.name, "files": list(written), "hosts": hosts}


def setting_json(one: HostSetting) -> Json:
    """A setting by the contract."""
    return {
        "setting": one.known.setting,
        "value": one.value,
        "instance": one.instance or None,
        "says": one.known.says,
        "then": one.known.effect,
        "citations": list(one.citations),
    }


def settings_text(site: Site, settings: Sequence[HostSetting], written: Sequence[str]) -> str:
    """For people: what has to be set where, and the files that do it."""
    if not settings:
        return f"{site.name}: nothing has to be set on any host: every value is the usual one\n"
    lines = [f"{site.name}: {several(len(settings), 'setting')} on {several(len(by_host(settings)), 'host')}", ""]
    for name, found in by_host(settings).items():
        lines.append(name)
        lines += [
            part for one in found for part in (*wrapped(said(one), "  ", "    "), f"    then: {one.known.effect}")
        ]
    return "\n".join([*lines, "", "written:", *(f"  {path}" for path in written)]) + "\n"


def settings_markdown(site: Site, settings: Sequence[HostSetting], written: Sequence[str]) -> str:
    """As a checklist."""
    lines = [f"# Settings of the hosts of {escaped(site.name)}", ""]
    for name, found in by_host(settings).items():
        lines += [f"## {escaped(name)}", "", *checks(found), ""]
    return "\n".join([*lines, *(f"- `{path}`" for path in written)]) + "\n"


def checks(settings: Iterable[HostSetting]) -> Iterator[str]:
    """Settings as lines of a checklist."""
    for one in settings:
        yield f"- [ ] {escaped(said(one))}; then {escaped(one.known.effect)}"


def said(one: HostSetting) -> str:
    """A setting in a line: `sandbox.port = 909: port of the Sandbox channel (P60 B21)`."""
    instance = f" of {one.instance}" if one.instance else ""
    return f"{one.known.setting}{instance} = {one.value}: {one.known.says} ({' '.join(one.citations)})".removesuffix(
        " ()"
    )


FORMATS: Mapping[str, Callable[[Site, Sequence[HostSetting], Sequence[str]], str | Json]] = {
    "text": settings_text,
    "markdown": settings_markdown,
    "json": settings_json,
}
