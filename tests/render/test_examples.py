"""Every example site can be written for every platform that can express it, and what is written is proved."""

from pathlib import Path

import pytest
from tests.cli.running import run

from portwright.platforms import ON_HOSTS, RENDERING

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("f*/site.yaml"))


@pytest.mark.parametrize("platform", sorted(set(RENDERING) - ON_HOSTS))
@pytest.mark.parametrize("site", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_is_written_and_proved(site, platform, tmp_path):
    """A file for each point; nothing at all where a platform cannot express what one of them needs."""
    done = run("render", site, "--platform", platform, "-o", tmp_path / "out")
    written = sorted((tmp_path / "out").glob("*"))
    declares_translations = "\nnat:" in site.read_text(encoding="utf-8")  # a table of rules has no column for them
    if platform == "rules-csv" and declares_translations:
        assert (done.status, written) == (2, [])
    else:
        assert done.status == 0
        assert len(written) == len(done.out.splitlines())
        assert all(line.endswith("proved") for line in done.out.splitlines())
