"""What has to be done besides opening ports, as a list to tick."""

from collections.abc import Callable, Mapping
from typing import Any

from portwright.catalog.model import Precondition
from portwright.plan.checklist import Checklist, Section
from portwright.report.plan.document import references_json
from portwright.report.plan.grid import escaped
from portwright.report.plan.hostsettings import by_host, checks, said, setting_json
from portwright.report.plan.rows import several
from portwright.report.plan.text import wrapped

Json = dict[str, Any]

SCHEMA = "portwright.checklist/1"
_ALWAYS = "For everything"


def checklist_json(found: Checklist) -> Json:
    """By the contract: preconditions by scenario, settings by host."""
    cited = [id for section in found.sections for one in section.preconditions for id in one.citations]
    cited += [id for one in found.settings for id in one.citations]
    return {
        "schema": SCHEMA,
        "site": found.plan.site.name,
        "preconditions": [_json(one, section) for section in found.sections for one in section.preconditions],
        "hosts": [
            {"host": name, "settings": [setting_json(one) for one in settings]}
            for name, settings in by_host(found.settings).items()
        ],
        "references": references_json(found.plan, dict.fromkeys(cited)),
    }


def _json(one: Precondition, section: Section) -> Json:
    return {
        "id": one.id,
        "says": one.says,
        "when": str(one.when),
        "under": section.scenario.id if section.scenario else None,
        "scenarios": list(one.scenarios),
        "citations": list(one.citations),
    }


def checklist_text(found: Checklist) -> str:
    """To print and tick."""
    lines = [f"{found.plan.site.name}: {_counted(found)}"]
    for section in found.sections:
        lines += ["", _title(section)]
        lines += [line for one in section.preconditions for line in wrapped(_said(one), "  [ ] ", "      ")]
    for name, settings in by_host(found.settings).items():
        lines += ["", f"On {name}"]
        for one in settings:
            lines += wrapped(f"{said(one)}; then {one.known.effect}", "  [ ] ", "      ")
    if found.settings:
        lines += ["", "`portwright plan SITE --host-settings -o FOLDER` writes the scripts that set the hosts."]
    return "\n".join(lines) + "\n"


def checklist_markdown(found: Checklist) -> str:
    """As a task list."""
    lines = [f"# Checklist of {escaped(found.plan.site.name)}", ""]
    for section in found.sections:
        lines += [f"## {escaped(_title(section))}", ""]
        lines += [f"- [ ] {escaped(_said(one))}" for one in section.preconditions]
        lines.append("")
    for name, settings in by_host(found.settings).items():
        lines += [f"## On {escaped(name)}", "", *checks(settings), ""]
    return "\n".join(lines)


def _counted(found: Checklist) -> str:
    preconditions = sum(len(section.preconditions) for section in found.sections)
    return f"{several(preconditions, 'precondition')}, {several(len(found.settings), 'setting')} of hosts"


def _title(section: Section) -> str:
    return section.scenario.title if section.scenario else _ALWAYS


def _said(one: Precondition) -> str:
    return f"{one.says} ({' '.join(one.citations)})".removesuffix(" ()")


FORMATS: Mapping[str, Callable[[Checklist], str | Json]] = {
    "text": checklist_text,
    "markdown": checklist_markdown,
    "json": checklist_json,
}
