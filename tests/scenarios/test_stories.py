"""The stories beside this file, told again by the product: see README.md."""

from pathlib import Path

import pytest
from tests.scenarios.asking import Asked
from tests.scenarios.story import Chapter, chapters

STORIES = sorted(path for path in Path(__file__).parent.glob("*.md") if path.stem != "README")
CHAPTERS = [chapter for story in STORIES for chapter in chapters(story)]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: f"{chapter.story}: {chapter.title}")
def test_a_chapter(chapter: Chapter, tmp_path: Path) -> None:
    """Every row of its table is what the product answers, and the check finds nothing that no row speaks about.

    Of what it calls proved, single packets arrive.
    """
    assert chapter.rows, "a chapter asks something"
    asked = Asked(chapter, tmp_path)
    for row in chapter.rows:
        asked.ask(row)
    asked.nothing_else()
    assert list(asked.proved_without_a_walk()) == []


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_a_story_has_a_right_site_and_a_wrong_one(story: Path) -> None:
    """One chapter in which all is proved, and one in which something is found."""
    answers = [{row.answer for row in chapter.rows if row.what == "check"} for chapter in chapters(story)]
    assert {"proved"} in answers
    assert {"findings"} in answers or {"undecided"} in answers
