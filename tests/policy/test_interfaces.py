"""Every interface has exactly one atom, and names and families of names mean the atoms that they should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.packets.intervals import contains
from portwright.policy.interfaces import NONE, OTHER, Interfaces

words = st.text("et01", min_size=1, max_size=3)
tables = st.builds(Interfaces.of, st.lists(words, max_size=5), st.lists(words, max_size=4))


@given(tables, words)
def test_the_atoms_part_the_interfaces(table, name):
    """An interface has one atom: its own when it is named, else that of the longest family it belongs to."""
    atom = table.atom(name)
    assert atom in table.atoms()
    families = sorted((prefix for prefix in table.prefixes if name.startswith(prefix)), key=len)
    assert table.name(atom) == (name if name in table.names else f"{families[-1]}*" if families else "*")


@given(tables, words)
def test_a_named_interface_is_matched_alone(table, name):
    """The interface is in the atoms of its own name, and in no other's."""
    for named in table.names:
        assert contains(table.exactly(named), table.atom(name)) == (name == named)


@given(tables, words)
def test_a_family_matches_all_that_begin_so(table, name):
    """Whether the configuration names them or not."""
    for prefix in table.prefixes:
        assert contains(table.starting(prefix), table.atom(name)) == name.startswith(prefix)


@given(tables)
def test_every_atom_has_a_name_of_its_own(table):
    """No two atoms read alike."""
    assert len({table.name(atom) for atom in (NONE, *table.atoms())}) == len(table.atoms()) + 1


@given(tables)
def test_no_interface_is_an_atom_too(table):
    """What the machine itself sends has not arrived anywhere; no name and no family means that."""
    assert table.atom("") == NONE
    assert not any(contains(table.starting(prefix), NONE) for prefix in table.prefixes)
    assert table.atom("zz") == OTHER


def test_an_interface_that_is_not_named_has_no_atom_of_its_own():
    """Asking for it is a mistake of the caller."""
    with pytest.raises(ValueError, match="not in tuple"):
        Interfaces.of(["eth0"]).exactly("eth1")


def test_duplicates_and_empty_names_are_dropped():
    """The table is in sorted order, whatever the configuration's."""
    assert Interfaces.of(["b", "a", "", "a"], ["p", "p"]) == Interfaces(("a", "b"), ("p",))
