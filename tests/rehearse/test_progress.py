"""What people are told while a rehearsal goes on."""

from portwright.rehearse.progress import Progress


def test_a_phase_is_told_at_once_and_a_host_only_after_a_while():
    """Long phases say where they are; short ones say their name alone."""
    now, said = [10.0], []
    tell = Progress(said.append, lambda: now[0])
    tell("building the lab")
    now[0] += 1.9
    tell.at("dc01", 1, 3)
    now[0] += 0.1
    tell.at("fe01", 2, 3)
    tell.at("sql01", 3, 3)
    now[0] += 2.5
    tell("playing")
    assert said == ["  0.0 s  building the lab", "  2.0 s    fe01 (2 of 3)", "  4.5 s  playing"]
