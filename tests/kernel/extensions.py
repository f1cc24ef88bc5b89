"""Which extensions of iptables a kernel has: one that it lacks is nothing to disagree about, but is told."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.kernel import vocabulary_iptables as words
from tests.kernel.kernel import Kernel, Refused
from tests.kernel.programs import IPV6_HEADER


@dataclass(frozen=True, slots=True)
class _Trial:
    """A phrase of the vocabulary in a rule that the kernel takes where it has what the phrase needs."""

    phrase: str
    version: int
    table: str
    rule: str
    set: str = ""  # what makes the set that the rule asks for

    def text(self) -> str:
        """A ruleset of this rule."""
        header = IPV6_HEADER + "\n" if self.version == 6 else ""
        return f"{self.set}{header}*{self.table}\n{self.rule}\nCOMMIT\n"


def missing(kernel: Kernel) -> dict[str, str]:
    """The phrases that the kernel of an iptables refuses, each with what the program says."""
    found = {}
    for trial in _trials():
        try:
            kernel.load(trial.text(), "forward")
        except Refused as refused:
            found[trial.phrase] = " ".join(str(refused).split())
    return found


def _trials() -> Iterator[_Trial]:
    for phrase in words.OTHERS:
        yield _Trial(phrase, 4, "filter", f"-A FORWARD -m {phrase}")
    for version, phrases in words.OTHERS_OF.items():
        yield from (_Trial(phrase, version, "filter", f"-A FORWARD -m {phrase}") for phrase in phrases)
    for chain, phrases in words.OTHERS_AT.items():
        yield from (_Trial(phrase, 4, "mangle", f"-A {chain} -m {phrase}") for phrase in phrases)
    for phrase in (*words.GOING_ON, *words.MANGLING, *words.CLASSIFYING, *words.MANGLING_TCP):
        yield _Trial(phrase, 4, "mangle", f"-A FORWARD -p tcp -j {phrase}")
    for version, phrases in words.MANGLING_OF.items():
        yield from (_Trial(phrase, version, "mangle", f"-A FORWARD -j {phrase}") for phrase in phrases)
    for kind, (version, dimensions, _) in words.SETS.items():
        ways = ",".join(["src"] * dimensions)
        yield _Trial(kind, version, "filter", f"-A FORWARD -m set --match-set s {ways}", words.set_text("s", kind, ()))
