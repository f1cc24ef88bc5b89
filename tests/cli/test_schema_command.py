"""`portwright schema`: what editors and programs can hold files and outputs against."""

import json
from importlib import resources

import jsonschema
import pytest
from click.testing import CliRunner

from portwright.catalog.schema import json_schema as product_schema
from portwright.cli.schema import schema
from portwright.errors import InvalidInput
from portwright.site.schema import json_schema as site_schema


def run(*arguments):
    """What the command prints; raises what it raises."""
    done = CliRunner().invoke(schema, [str(argument) for argument in arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    assert done.return_value == 0
    return done.output


def names():
    return [line.split()[0] for line in run("--list").splitlines()]


def test_the_schemas_of_the_files_come_from_what_reads_them():
    """Site files and product files."""
    assert json.loads(run("site")) == site_schema()
    assert json.loads(run("product")) == product_schema()


@pytest.mark.parametrize("name", names())
def test_every_schema_is_one(name):
    """Of draft-07, with an id and a title."""
    document = json.loads(run(name))
    jsonschema.Draft7Validator.check_schema(document)
    assert document["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert document["$id"]
    assert document["title"] in run("--list")


def test_every_schema_that_ships_is_listed():
    """That of product files under the name of the files."""
    shipped = {file.name.removesuffix("-1.json") for file in (resources.files("portwright") / "schemas").iterdir()}
    assert set(names()) == shipped - {"catalog"} | {"product"}


def test_the_line_for_the_editor():
    """It names the schema's file beside the site file."""
    assert run("site", "--modeline") == "# yaml-language-server: $schema=site.schema.json\n"


def test_a_schema_is_written_with_its_line(tmp_path):
    """Again without a word when nothing changes; over another file only when asked to."""
    path = tmp_path / "my-site.json"
    assert run("site", "-o", path, "--modeline") == "# yaml-language-server: $schema=my-site.json\n"
    assert json.loads(path.read_text()) == site_schema()
    assert run("site", "-o", path) == ""
    with pytest.raises(InvalidInput, match="exists already"):
        run("product", "-o", path)
    assert run("product", "-o", path, "--force") == ""
    assert json.loads(path.read_text()) == product_schema()


def test_an_unknown_schema_is_told():
    """With the nearest name."""
    with pytest.raises(InvalidInput) as refused:
        run("sight")
    assert str(refused.value) == "there is no schema 'sight'\n    hint: did you mean site?"


def properties(document, path=""):
    """Every property that a schema describes, with its path."""
    for name, value in document.get("properties", {}).items():
        yield f"{path}{name}", value
        yield from properties(value, f"{path}{name}.")
    for part in [document.get("items"), document.get("additionalProperties"), *document.get("anyOf", [])]:
        if isinstance(part, dict):
            yield from properties(part, path)


@pytest.mark.parametrize("name", ["site", "product"])
def test_editors_have_something_to_show(name):
    """Each key of the files that people write is described."""
    assert [path for path, value in properties(json.loads(run(name))) if not value.get("description")] == []
