"""The example site with a fault, to be checked in every format."""

from pathlib import Path

import pytest
from tests.cli.running import Done, copied, run


class Checked:
    """A copy of the example site in the current folder, to be checked."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self._folder = folder
        self._copies = 0
        self._monkeypatch = monkeypatch

    def site(self, fault: str | None = None) -> Path:
        """The site file of a fresh copy, whose folder becomes the current one."""
        self._copies += 1
        folder = self._folder / str(self._copies)
        site = copied(folder, fault)
        self._monkeypatch.chdir(site.parent)
        return site

    def run(self, *options: object) -> Done:
        """Check what is there."""
        return run("check", "site.yaml", "--today", "2026-06-01", *options)


@pytest.fixture
def checked(tmp_path, monkeypatch) -> Checked:
    """The example site, to be copied with a fault and checked."""
    return Checked(tmp_path, monkeypatch)
