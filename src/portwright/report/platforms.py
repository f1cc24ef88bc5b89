"""What Portwright makes of each platform, for people, for pages and for programs."""

from dataclasses import asdict
from textwrap import wrap

from portwright.platforms import EDITING, PLATFORMS, RENDERING, load
from portwright.platforms.about import SECTIONS, About, Entries

_WIDTH = 100


def list_text() -> str:
    """A line for each platform: its name, what can be done with it, and what it is."""
    width = max(map(len, PLATFORMS))
    lines = [f"{name.ljust(width)}  {_abilities(name):22}  {load(name).TITLE}" for name in PLATFORMS]
    return "\n".join([*lines, "", "How to export one, and what is modelled: portwright platforms NAME"])


def _abilities(name: str) -> str:
    return ", ".join(["read", *(["write"] if name in RENDERING else []), *(["change"] if name in EDITING else [])])


def list_json() -> dict[str, object]:
    """The same for programs."""
    return {"schema": "portwright.platforms/1", "platforms": [_row(name) for name in PLATFORMS]}


def _row(name: str) -> dict[str, object]:
    return {"name": name, "title": load(name).TITLE, "writes": name in RENDERING, "changes": name in EDITING}


def about_json(name: str, about: About) -> dict[str, object]:
    """A platform, section by section."""
    return {"schema": "portwright.platforms/1", "platforms": [_row(name) | asdict(about)]}


def about_text(name: str, about: About) -> str:
    """A platform for a terminal."""
    lines = [f"{load(name).TITLE}: {_abilities(name)}"]
    for section, (title, meaning) in SECTIONS.items():
        entries: Entries = getattr(about, section)
        if entries:
            lines += ["", title, *wrap(_plain(meaning), _WIDTH, initial_indent="  ", subsequent_indent="  ")]
            for entry in entries:
                lines += wrap(_plain(entry.what), _WIDTH, initial_indent="  ", subsequent_indent="    ")
                lines += wrap(_plain(entry.note), _WIDTH, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)


def _plain(text: str) -> str:
    return text.replace("`", "")


def about_markdown(about: About) -> str:
    """A platform as the sections of a page."""
    lines: list[str] = []
    for section, (title, meaning) in SECTIONS.items():
        entries: Entries = getattr(about, section)
        if entries:
            lines += [f"## {title}", "", *([meaning, ""] if meaning else []), "| what | how |", "|---|---|"]
            lines += [f"| {_cell(entry.what)} | {_cell(entry.note)} |" for entry in entries]
            lines.append("")
    return "\n".join(lines).rstrip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
