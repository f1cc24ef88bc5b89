"""Which extensions of iptables a kernel has: one that it lacks is nothing to disagree about, but is told."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
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


def missing(kernel: Kernel) -> dict[str, str]:
    """The phrases that the kernel of an iptables refuses, each with what the program says."""
    trials = list(_trials())
    if not _refusal(kernel, trials):
        return {}
    found = ((trial.phrase, _refusal(kernel, [trial])) for trial in trials)
    return {phrase: why for phrase, why in found if why}


def _refusal(kernel: Kernel, trials: Sequence[_Trial]) -> str:
    """Why the kernel refuses one of some rules; empty where it takes them all."""
    tables: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for trial in trials:
        tables[trial.version, trial.table].append(trial.rule)
    texts = dict.fromkeys((4, 6), "")
    for (version, table), rules in tables.items():
        texts[version] += f"*{table}\n" + "".join(f"{rule}\n" for rule in rules) + "COMMIT\n"
    try:
        kernel.load("".join(trial.set for trial in trials) + texts[4] + IPV6_HEADER + "\n" + texts[6], "forward")
    except Refused as refused:
        return " ".join(str(refused).split())
    return ""


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
    for number, (kind, (version, dimensions, _)) in enumerate(words.SETS.items()):
        rule = f"-A FORWARD -m set --match-set s{number} {','.join(['src'] * dimensions)}"
        yield _Trial(kind, version, "filter", rule, words.set_text(f"s{number}", kind, ()))
