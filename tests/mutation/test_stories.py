"""One line changed in the right sites of the stories, translations and all: what is still proved, single packets do."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.mutation.mutate import sample
from tests.scenarios.asking import Asked
from tests.scenarios.story import Chapter
from tests.scenarios.test_stories import CHAPTERS

from portwright.errors import InvalidInput

MUTANTS = max(1, int(os.environ.get("PORTWRIGHT_MUTANTS", "6")) // 6)
SEED = 20130602


def cases() -> Iterator[object]:
    """Mutants of each configuration of each first right chapter."""
    told: set[str] = set()
    for chapter in CHAPTERS:
        is_right = any(row.what == "check" and row.answer == "proved" for row in chapter.rows)
        if is_right and chapter.story not in told:
            told.add(chapter.story)
            for name, text in chapter.files.items():
                for number, mutant in enumerate(
                    () if name == "site.yaml" else sample(text, MUTANTS, SEED + len(told)), 1
                ):
                    changed = replace(chapter, files={**chapter.files, name: mutant.text})
                    label = (
                        f"{chapter.story} {name} {number}, line {mutant.line}: {mutant.how} {mutant.new.strip()[:60]}"
                    )
                    yield pytest.param(changed, id=label)


@pytest.mark.parametrize("chapter", list(cases()))
def test_nothing_is_proved_that_single_packets_do_not_do(chapter: Chapter, tmp_path: Path) -> None:
    """Whatever line is changed."""
    try:
        asked = Asked(chapter, tmp_path)
    except InvalidInput:
        return  # nobody can be misled by a file that cannot be read
    assert list(asked.proved_without_a_walk()) == []
