"""Reading YAML that somebody else wrote: refused in bounded time, with every problem and where it is."""

import pytest
import yaml

from portwright import yamlfile
from portwright.errors import InvalidInput
from portwright.yamlfile import MAX_BYTES, Mapping, Mark, Scalar, Sequence, load_document, parse_document


def problems(text):
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InvalidInput) as refused:
        parse_document(data, "site.yaml")
    return [str(problem).split("\n")[0] for problem in refused.value.problems]


def test_scalars_stay_as_they_are_written():
    """YAML does not guess: `no`, `1.10` and `2027-06-30` are text, and only the writing of nothing is null."""
    root = parse_document(b"[no, 1.10, 2027-06-30, 0x1F, 'null', ~, ]", "f").root
    assert [item.text for item in root.items] == ["no", "1.10", "2027-06-30", "0x1F", "null", "~"]
    assert [item.is_null for item in root.items] == [False] * 5 + [True]


@pytest.mark.parametrize("parser", [yaml.SafeLoader, yaml.CSafeLoader])
def test_both_parsers_read_alike(parser, monkeypatch):
    """PyYAML may have been built with or without the parser in C."""
    text = b"a: [no, 'x', ~]\nb:\n- {c: \"d\", e: ~}\n- |\n  f\n"
    monkeypatch.setattr(yamlfile, "_PARSER", parser)
    assert repr(parse_document(text, "f").root) == repr(
        Mapping(
            Mark(1, 1),
            [
                (Scalar(Mark(1, 1), "a"), Sequence(Mark(1, 4), [
                    Scalar(Mark(1, 5), "no"), Scalar(Mark(1, 9), "x", False), Scalar(Mark(1, 14), "~"),
                ])),
                (Scalar(Mark(2, 1), "b"), Sequence(Mark(3, 1), [
                    Mapping(Mark(3, 3), [
                        (Scalar(Mark(3, 4), "c"), Scalar(Mark(3, 7), "d", False)),
                        (Scalar(Mark(3, 12), "e"), Scalar(Mark(3, 15), "~")),
                    ]),
                    Scalar(Mark(4, 3), "f\n", False),
                ])),
            ],
        )
    )  # fmt: skip


def test_every_node_knows_its_place():
    """Lines and columns count from one."""
    root = parse_document(b"a: 1\nb:\n  - x\n", "f").root
    assert isinstance(root, Mapping)
    (_, sequence) = root.items[1]
    assert isinstance(sequence.items[0], Scalar)
    assert (sequence.items[0].mark.line, sequence.items[0].mark.column) == (3, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1", "site.yaml:1:4: a: the anchor &x is refused"),
        ("a: *x", "site.yaml:1:4: a: the alias *x is refused"),
        ("<<: {a: 1}", "site.yaml:1:1: the merge key << is refused"),
        ("a: !!python/object:os.system x", "the tag tag:yaml.org,2002:python/object:os.system is refused"),
        ("a: 1\nb: 2\na: 3", "site.yaml:3:1: 'a' is here twice; first in line 1"),
        ("a:\n  b: 1\n  b: 2", "site.yaml:3:3: a: 'b' is here twice; first in line 2"),
        ("? [a, b]\n: 1", "a list cannot be a key"),
        ("a: 1\n---\nb: 2", "site.yaml:2:1: a second document begins here"),
        ("a: 1\n\tb: 2", "site.yaml:2:1: is not YAML: found a tab character"),
        ("a: 'never closed", "site.yaml:1"),
        ("[" * 30, "is nested more than 24 levels deep"),
        ("", "site.yaml: is empty"),
        ("# only a comment\n", "site.yaml: is empty"),
        (b"a: \xff", "site.yaml:1: is not text in UTF-8 (byte 0xff)"),
        (b"a: \0", "is not YAML"),
    ],
)
def test_what_is_refused_is_refused_where_it_is(text, message):
    """Aliases, tags, merge keys, second documents and double keys are problems, with line and column."""
    assert any(message in problem for problem in problems(text))


def test_all_of_them_at_once():
    """One run names every problem in the file, in order."""
    found = problems("a: &x 1\nb: *x\na: 2\nc: !t 3")
    assert [problem.split(":")[1] for problem in found] == ["1", "2", "3", "4"]


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "[" * 1_000_000,
        "{a: " * 200_000,
        "- " * 500_000,
        "? " * 200_000,
        "[" + "a," * 600_000 + "]",
        "".join(f"k{i}: &a{i} x\n" for i in range(50_000)),
        "'" + "x\n" * 500_000,
    ],
    ids=["bomb", "lists", "maps", "dashes", "keys", "nodes", "anchors", "quote"],
)
def test_a_small_file_does_not_become_a_large_tree(text):
    """Depth, nodes and problems are bounded while the file is read."""
    assert 0 < len(problems(text)) <= 200


def test_a_large_file_is_not_read(tmp_path):
    """What is larger than the limit is refused by its size."""
    path = tmp_path / "site.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InvalidInput, match="is larger than 4 MiB"):
        load_document(path)


def test_a_file_that_is_not_there_is_input(tmp_path):
    """A missing file and a folder are problems of the input, not tracebacks."""
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        load_document(tmp_path / "site.yaml")
    with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
        load_document(tmp_path)
