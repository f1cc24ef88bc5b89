"""The tools behind `make`: patches are applied strictly, and shown output is compared line by line."""

import pytest

import pages
import patches

CONFIG = "hostname core\naccess-list a permit tcp any any eq 443\naccess-list a permit tcp any any eq 808\n: end\n"
FAULT = """\
The change ticket said 80, not 808.
--- core-fw.cfg
+++ core-fw.cfg
@@ -2,3 +2,3 @@
 access-list a permit tcp any any eq 443
-access-list a permit tcp any any eq 808
+access-list a permit tcp any any eq 80
 : end
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "core-fw.cfg").write_text(CONFIG)
    (tmp_path / "fault.patch").write_text(FAULT)
    return tmp_path


def test_a_patch_changes_the_lines_it_names(folder):
    """The result is the old text with those lines replaced; the original stays."""
    [written] = patches.apply_to(folder, folder / "fault.patch", folder / "out")
    assert written.read_text() == CONFIG.replace("808", "80")
    assert (folder / "core-fw.cfg").read_text() == CONFIG


def test_a_patch_for_another_text_is_refused(folder):
    """A line that is not what the patch expects is an error that names it."""
    (folder / "core-fw.cfg").write_text(CONFIG.replace("443", "444"))
    with pytest.raises(ValueError, match=r"core-fw\.cfg: line 2 is not what the patch expects"):
        patches.apply_to(folder, folder / "fault.patch", folder / "out")


def test_hunks_apply_at_the_lines_of_the_old_text():
    """A hunk that adds lines does not move the ones after it."""
    patch = patches.Patch(
        "f", (patches.Hunk(0, (), ("0",)), patches.Hunk(2, ("2",), ("2a", "2b")), patches.Hunk(3, ("3",), ()))
    )
    assert patch.apply("1\n2\n3\n") == "0\n1\n2a\n2b\n"


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a"], ["a", "b"], False),
        (["a", "..."], ["a", "b", "c"], True),
        (["a", "...", "c"], ["a", "c"], True),
        (["...", "b"], ["a", "b", "c"], False),
        (["a.c"], ["abc"], False),
        ([], [], True),
    ],
)
def test_shown_output_is_the_printed_output(shown, printed, same):
    """Only a line of three periods leaves anything out."""
    assert pages.stands_for(shown, printed) is same


@pytest.mark.parametrize(
    ("like", "abridged"),
    [
        (["old"], ["a", "b", "c", "d"]),
        (["old", "..."], ["a", "..."]),
        (["old", "...", "old", "end"], ["a", "...", "c", "d"]),
        (["1", "2", "3", "...", "4", "5"], ["a", "b", "c", "...", "d"]),
    ],
)
def test_new_output_is_abridged_like_the_old(like, abridged):
    """As many lines stay before and after the three periods; none twice."""
    assert pages.abridged(["a", "b", "c", "d"], like) == abridged
