"""`portwright schema`: the JSON Schemas of the files that people write and of what the commands print."""

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import click

from portwright.cli.output import show
from portwright.cli.saving import force_option, save
from portwright.errors import ExitStatus, InvalidInput
from portwright.shapes import suggestion

Json = dict[str, Any]


@click.command()
@click.argument("name", required=False)
@click.option("-o", "--output", metavar="FILE", help="Write the schema to FILE.")
@click.option("--modeline", is_flag=True, help="Print the line that tells an editor where the schema is.")
@click.option("--list", "listing", is_flag=True, help="List the schemas there are.")
@force_option
def schema(name: str | None, output: str | None, modeline: bool, listing: bool, force: bool) -> int:
    """Print the JSON Schema (draft-07) NAME: site and product for the files you write, plan, check, ... for outputs.

    The line of --modeline belongs at the top of a file beside the schema; with -o it is printed after writing.
    """
    if listing:
        width = max(map(len, _names()))
        show("\n".join(f"{one.ljust(width)}  {_read(one)['title']}" for one in _names()))
        return ExitStatus.PROVED
    if name is None:
        raise click.UsageError("say which schema: site or product, or another one of --list")
    text = json.dumps(_read(name), indent=2, ensure_ascii=False) + "\n"
    if output is not None and not _holds(Path(output), text):
        save({Path(output): text.encode()}, force)
    if modeline:
        click.echo(f"# yaml-language-server: $schema={Path(output or f'{name}.schema.json').name}")
    elif output is None:
        click.echo(text, nl=False)
    return ExitStatus.PROVED


def _holds(path: Path, text: str) -> bool:
    """Report whether the file is there and has this text already."""
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False


def _written() -> dict[str, Callable[[], Json]]:
    """The schemas of the files that people write, from what reads them."""
    from portwright.catalog.schema import json_schema as product
    from portwright.site.schema import json_schema as site

    return {"site": site, "product": product}


def _shipped() -> list[str]:
    """The names of the other schemas that ship, `plan` for `plan-1.json`."""
    folder = resources.files("portwright") / "schemas"
    names = sorted(file.name.removesuffix("-1.json") for file in folder.iterdir() if file.name.endswith("-1.json"))
    return [name for name in names if name not in ("site", "catalog")]


def _names() -> list[str]:
    return [*_written(), *_shipped()]


def _read(name: str) -> Json:
    """The schema of that name. Raises InvalidInput."""
    if name in (written := _written()):
        return written[name]()
    if name not in _shipped():
        raise InvalidInput.of(f"there is no schema '{name[:60]}'", hint=suggestion(name, _names()))
    text = (resources.files("portwright") / "schemas" / f"{name}-1.json").read_text(encoding="utf-8")
    document: Json = json.loads(text)
    return document
