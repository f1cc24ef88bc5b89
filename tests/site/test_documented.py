"""The YAML shown in docs/site.md and docs/products.md is true: it loads, and every key is explained."""

import re
from pathlib import Path

import pytest

from portwright.catalog.load import load_catalog
from portwright.catalog.schema import json_schema as catalog_schema
from portwright.plan.make import make_plan
from portwright.site.load import parse_site
from portwright.site.schema import json_schema as site_schema

DOCS = Path(__file__).parents[2] / "docs"


def shown(page):
    return re.findall(r"^```yaml\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_site_shown_loads(tmp_path):
    """And it can be planned: each firewall stands where the page says."""
    catalog = load_catalog()
    [text] = shown("site.md")
    plan = make_plan(catalog, parse_site(text.encode(), tmp_path, catalog))
    assert plan.flow("crm.web/staff>fe01").points == ("core-fw",)


def test_the_requirement_shown_is_ours():
    """docs/products.md shows the requirement as it stands in the data."""
    requirement = shown("products.md")[0]
    data = Path(load_catalog().requirements["crm.fetch-report"].written.file).name
    text = (DOCS.parent / "src" / "portwright" / "catalog" / "data" / data).read_text(encoding="utf-8")
    assert re.sub(r"^", "  ", requirement.rstrip("\n"), flags=re.MULTILINE) in text


def test_the_catalog_shown_loads(tmp_path):
    """A product of the user's own."""
    path = tmp_path / "shop.yaml"
    path.write_text(shown("products.md")[1])
    assert "shop.stock" in load_catalog([path]).requirements


@pytest.mark.parametrize(
    ("page", "keys"),
    [
        ("site.md", site_schema()["properties"]),
        ("products.md", catalog_schema()["properties"]["requirements"]["additionalProperties"]["properties"]),
    ],
)
def test_every_key_is_explained(page, keys):
    """Each stands in the table of its page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = {key for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for key in re.findall(r"`([^`]+)`", row)}
    assert [key for key in keys if key not in rows] == []


def test_every_scenario_is_listed():
    """docs/products.md names the scenarios that ship."""
    text = (DOCS / "products.md").read_text(encoding="utf-8")
    assert [name for name in load_catalog().scenarios if f"| `{name}` |" not in text] == []
