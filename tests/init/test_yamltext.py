"""What we write as YAML means what it was, whatever characters people and configurations use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.init.yamltext import comment, pairs, value, values
from portwright.yamlfile import Mapping, Scalar, Sequence, parse_document

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def read(text):
    return parse_document(text.encode(), "x.yaml").root


@given(TEXTS)
def test_a_value_is_read_as_it_was(text):
    """No reader of ours takes it for another text, for nothing, or for more than one value."""
    root = read(f"key: {value(text)}\n")
    assert isinstance(root, Mapping)
    [(key, found)] = root.items
    assert (key.text, found.text, found.is_null) == ("key", text, False)


@given(st.lists(TEXTS))
def test_a_list_is_read_as_it_was(texts):
    """In one line."""
    root = read(values(texts))
    assert isinstance(root, Sequence)
    assert [item.text for item in root.items] == texts


@given(st.dictionaries(TEXTS.filter(lambda text: text != "<<"), TEXTS))
def test_a_mapping_is_read_as_it_was(texts):
    """Keys too."""
    root = read(pairs(texts))
    assert isinstance(root, Mapping)
    assert {key.text: item.text for key, item in root.items} == texts


@given(st.text())
def test_a_comment_says_nothing(text):
    """It ends no line, even with the line ends that only YAML knows, and commands no terminal."""
    line = comment(text)
    root = read(f"key: text\n{line}\nother: text\n")
    assert [key.text for key, _ in root.items] == ["key", "other"]
    assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("sql01", "sql01"),
        ("fe01.contoso.local", "fe01.contoso.local"),
        ("crm/front-end", "crm/front-end"),
        ("10.20.0.0/24", "10.20.0.0/24"),
        ("fd00::/64", '"fd00::/64"'),
        ("null", '"null"'),
        ("No", '"No"'),
        ("0x1f", '"0x1f"'),
        ("1e3", '"1e3"'),
        ("eth0.10", "eth0.10"),
        ("a: b", '"a: b"'),
        ('say "hi" \\', '"say \\"hi\\" \\\\"'),
        ("a\nb", '"a\\U0000000ab"'),
    ],
)
def test_quotes_stand_where_some_reader_needs_them(text, written):
    """Everything else stays as people write it."""
    assert value(text) == written
    assert isinstance(read(written), Scalar)
