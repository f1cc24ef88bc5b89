"""The example site, to be changed and checked again."""

from pathlib import Path

import pytest
from tests.cli.running import Done, copied, edit, run


class Example:
    """A copy of the example site that a test may edit."""

    def __init__(self, site: Path):
        self.site = site
        self.core = site.parent / "core-fw.cfg"
        self.data = site.parent / "data-fw.nft"

    def say(self, key: str, *entries: str) -> "Example":
        """Put entries under a key of the site file, before those that are there."""
        text = self.site.read_text(encoding="utf-8")
        lines = "".join(f"  - {entry}\n" for entry in entries)
        heading = f"\n{key}:\n"
        text = text.replace(heading, heading + lines) if heading in text else f"{text}{heading}{lines}"
        self.site.write_text(text, encoding="utf-8")
        return self

    def without(self, key: str) -> "Example":
        """Take a key with all its entries out of the site file."""
        paragraphs = self.site.read_text(encoding="utf-8").split("\n\n")
        kept = [one for one in paragraphs if not one.lstrip().startswith(f"{key}:")]
        assert len(kept) == len(paragraphs) - 1
        self.site.write_text("\n\n".join(kept).rstrip("\n") + "\n", encoding="utf-8")
        return self

    def edit(self, file: Path, old: str, new: str) -> "Example":
        """Replace a text that must be in one of the files."""
        edit(file, old, new)
        return self

    def check(self, *options: str) -> Done:
        """Check the site as it is now."""
        return run("check", "site.yaml", "--format", "json", "--today", "2026-06-01", *options)


@pytest.fixture
def f6(tmp_path, monkeypatch) -> Example:
    """The right site, in the current folder."""
    site = copied(tmp_path)
    monkeypatch.chdir(site.parent)
    return Example(site)
