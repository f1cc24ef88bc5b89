"""LIKE, as SQL Server has it."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.rehearse.servers.sql.like import like

CASES = [
    ("a%", "Abc", True), ("%c", "abc", True), ("_bc", "abc", True), ("_bc", "bc", False), ("", "", True),
    ("%", "", True), ("a[b-d]e", "ACE", True), ("a[^b-d]e", "ace", False), ("a[^b-d]e", "axe", True),
    ("100[%]", "100%", True), ("100[%]", "1000", False), ("[[]x", "[x", True), ("[", "[", True), ("[]]", "]", True),
    ("a.c", "abc", False), ("a%b%c", "a-b-b-c", True), (None, "a", None), ("a", None, None), ("a%", "a\nb", True),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "text", "expected"), CASES)
def test_a_text_is_like_a_pattern(pattern, text, expected):
    """Whatever the case."""
    assert like(pattern, text) is expected


@given(st.text("ab%_", max_size=12), st.text("ab", max_size=12))
def test_like_is_the_regular_expression_that_it_looks_like(pattern, text):
    """With % for any text and _ for one character."""
    expression = "".join({"%": ".*", "_": "."}.get(sign, sign) for sign in pattern)
    assert like(pattern, text) == bool(re.fullmatch(expression, text))


def test_no_pattern_takes_long():
    """Where a regular expression would try every way to share out the text."""
    began = time.process_time()
    assert not like("%a" * 300 + "b", "a" * 3000)
    assert time.process_time() - began < 5
