"""No input breaks a reader: a small run of what `make fuzz` does at length."""

import pytest
from tests.fuzz.run import breaks, failures
from tests.fuzz.targets import Target, targets

INPUTS = 40  # for each reader


@pytest.mark.parametrize("name", targets())
def test_damaged_input_is_read_or_refused(name):
    """In bounded time, without a traceback."""
    assert [how for _, _, how in failures("test", seconds=120, inputs=INPUTS, names=[name])] == []


def test_what_breaks_a_reader_is_noticed():
    """An exception that is no refusal, and an endless loop."""

    def loop(file):
        while True:
            file.exists()

    def fail(file):
        raise KeyError(file)

    assert breaks(Target((), "", fail), b"").startswith("KeyError at ")
    assert breaks(Target((), "", loop), b"", patience=1).startswith("Hang at ")


def test_every_reader_has_samples_that_it_reads():
    """Damage begins with what is right."""
    assert [(name, how) for name, one in targets().items() for how in [sample_problem(one)] if how] == []


def sample_problem(target):
    """What the reader says to its first sample."""
    assert target.samples
    try:
        target.run(target.samples[0])
    except Exception as problem:  # whatever it is, it is told
        return repr(problem)[:300]
    return ""
