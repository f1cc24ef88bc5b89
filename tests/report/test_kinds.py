"""What reports say about kinds of findings is what the documentation says."""

import re
from pathlib import Path

from portwright.findings import Kind
from portwright.report.kinds import MEANINGS

PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")


def first_sentence(text):
    return re.split(r"(?<=\.) (?=[A-Z])", " ".join(text.split()))[0]


def test_every_kind_has_a_meaning():
    """In the order of the kinds."""
    assert list(MEANINGS) == list(Kind)


def test_the_few_words_are_those_of_the_table():
    """docs/findings.md begins with a table of all kinds."""
    rows = re.findall(r"^\| \[([a-z-]+)\]\(#[a-z-]+\) \| \w+ \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(kind.value, meaning.says) for kind, meaning in MEANINGS.items()]


def test_the_sentences_are_the_first_ones_of_the_section():
    """What it means, and what to do."""
    sections = re.findall(r"^## ([a-z-]+)\n\n(.*?)\*\*To do:\*\* (.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    told = {name: (first_sentence(about), first_sentence(to_do)) for name, about, to_do in sections}
    assert told == {
        kind.value: (meaning.means, f"{meaning.to_do[0].lower()}{meaning.to_do[1:]}")
        for kind, meaning in MEANINGS.items()
    }
