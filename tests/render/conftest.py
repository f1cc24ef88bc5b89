"""A small site whose firewall has whatever configuration a test gives it."""

import shutil
from pathlib import Path

import pytest

from portwright.cli.site import load
from portwright.render.change import changes

_SITE = """site: shop
products: [shop]
catalog: products
zones:
  internet: {{rest: true}}
  dmz: {{networks: [10.20.0.0/24]}}
hosts:
  web01: {{addresses: [10.20.0.11], roles: [shop/web]}}
groups:
  customers: {{zone: internet, networks: [198.51.100.0/24], roles: [shop/customer]}}
enforcement:
  edge-fw: {{platform: {platform}, config: edge-fw.conf, interfaces: {{internet: wan, dmz: dmz}}}}
paths:
  - {{between: [internet, dmz], through: [edge-fw]}}
{nat}"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A site with a web server that is published, and a configuration of its firewall."""

    def made(nat, text):
        shutil.copytree(Path(__file__).parents[1] / "scenarios" / "products", tmp_path / "products")
        platform = "cisco-asa" if text.startswith("ASA") else "nftables"
        (tmp_path / "site.yaml").write_text(_SITE.format(platform=platform, nat=nat), encoding="utf-8")
        (tmp_path / "edge-fw.conf").write_text(text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        plan, readings = load("site.yaml", (), None)
        [change] = changes(plan, readings, ["edge-fw"])
        return change

    return made
