"""A change of one point's configuration, proved, with the way back."""

from dataclasses import dataclass
from textwrap import wrap

from portwright import platforms
from portwright.catalog.model import Break
from portwright.policy.editing import Edit
from portwright.policy.reference import RuleReference

_WIDTH = 100  # columns of a comment


@dataclass(frozen=True, slots=True)
class Step:
    """One edit of a change, and why."""

    edit: Edit
    requirements: tuple[str, ...]
    flows: tuple[str, ...]  # ids; empty where it only takes away
    because: RuleReference  # the rule that stopped them, or that permits what nothing needs
    breaks: tuple[Break, ...] = ()  # what users lose without it
    leads: bool = False  # it is about a translation, not about what may pass


@dataclass(frozen=True, slots=True)
class Remaining:
    """Something that the change does not mend: a flow, or a rule that is too wide."""

    what: str
    reason: str
    because: RuleReference | None = None
    is_undecided: bool = False  # it may be in order: Portwright cannot tell


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved of a change; it holds where nothing failed."""

    mended: tuple[str, ...]  # ids of required flows that did not surely pass, and do
    gained: tuple[str, ...]  # what passes more, in flow notation
    lost: tuple[str, ...]  # what passes no more
    opened: tuple[str, ...]  # of what passes more, what nothing needs: the platform has nothing narrower
    moved: tuple[str, ...]  # what is translated otherwise than before, and what that stops or lets pass elsewhere
    knows_connections: bool  # what belongs to connections that were let through passes more, too
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one point."""

    point: str
    platform: str
    file: str
    before: str  # text
    after: str  # text
    steps: tuple[Step, ...]
    remaining: tuple[Remaining, ...]
    commands: tuple[str, ...]
    rollback: tuple[str, ...]
    proof: Proof

    @property
    def is_empty(self) -> bool:
        """Report whether nothing changes."""
        return not self.steps

    @property
    def files(self) -> dict[str, str]:
        """What is written: the commands, the way back, and the configuration as it is then."""
        editor = platforms.editor(self.platform)
        title = f"{self.point}: what is missing in {self.file}. Written and proved by Portwright."
        back = f"{self.point}: takes {self.point}.change{editor.SUFFIX} back."
        return {
            f"{self.point}.change{editor.SUFFIX}": _file(editor.comment(title), self._told(self.commands)),
            f"{self.point}.rollback{editor.SUFFIX}": _file(editor.comment(back), self.rollback),
            f"{self.point}.after{editor.SUFFIX}": self.after,
        }

    def _told(self, commands: tuple[str, ...]) -> tuple[str, ...]:
        """The commands below the reasons for them."""
        comment = platforms.editor(self.platform).comment
        why = (line for step in self.steps for line in wrap(", ".join(step.requirements), _WIDTH))
        return (*(comment(line) for line in dict.fromkeys(why)), *commands)


def _file(title: str, lines: tuple[str, ...]) -> str:
    return "\n".join(line for line in (title, *lines) if line) + "\n"
