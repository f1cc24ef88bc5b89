"""A line that adds a rule, to its tree: which option belongs to which extension.

As in libxtables the latest extension that has an option of that name owns it, and `-p tcp` alone brings in the
extension of its protocol. An option that nobody is known to have goes to the latest extension, which is then in doubt.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from portwright.platforms.iptables.modules import IMPLIED, MODULES
from portwright.platforms.iptables.syntax import Extension, Option, Rule
from portwright.platforms.iptables.targets import OPTIONS
from portwright.source import Source

_PLAIN = {"-p": 1, "-s": 1, "-d": 1, "-i": 1, "-o": 1, "-f": 0}  # option -> values
_ASIDE = ("-A", "-I", "-c", "-w", "-M")  # where it stands, counters, and how iptables itself is to work
_VERSIONS = {"-4": (4,), "-6": (6,)}


def rule(options: Iterable[Option], source: Source) -> Rule:
    """The rule that a line adds."""
    reader = _Reader()
    for option in options:
        reader.option(option)
    return reader.rule(source)


@dataclass(slots=True)
class _Reader:
    """The parts of one rule, option by option."""

    plain: list[Option] = field(default_factory=list)
    extensions: list[tuple[str, list[Option]]] = field(default_factory=list)
    target: str = ""
    is_goto: bool = False
    target_options: list[Option] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    versions: tuple[int, ...] = (4, 6)

    def option(self, option: Option) -> None:
        """Go on with the next option."""
        name, is_single = option.name, len(option.values) == 1 and not option.is_negated
        if name in _PLAIN and len(option.values) == _PLAIN[name]:
            self.plain.append(option)
        elif name in _VERSIONS:
            self.versions = _VERSIONS[name]
        elif name == "-m" and is_single:
            self.extensions.append((option.values[0], []))
        elif name in ("-j", "-g") and is_single and not self.target:
            self.target, self.is_goto = option.values[0], name == "-g"
        elif name not in _ASIDE:
            self._owner(option).append(option)

    def _owner(self, option: Option) -> list[Option]:
        for module, own in reversed(self.extensions):
            if module in MODULES and option.name in MODULES[module].options:
                return own
        if option.name in OPTIONS.get(self.target, ()):
            return self.target_options
        implied = self._implied()
        if implied and option.name in MODULES[implied].options:
            self.extensions.append((implied, []))
        elif self.target:
            return self.target_options
        elif not self.extensions or not option.name:
            self.unknown += [option.name, *option.values]
            return []
        return self.extensions[-1][1]

    def _implied(self) -> str:
        """The extension of the protocol."""
        for option in self.plain:
            if option.name == "-p" and not option.is_negated:
                return IMPLIED.get(option.values[0].lower(), "")
        return ""

    def rule(self, source: Source) -> Rule:
        """The whole rule."""
        extensions = tuple(Extension(name, tuple(own)) for name, own in self.extensions)
        unknown = " ".join(filter(None, self.unknown))
        return Rule(
            source, tuple(self.plain), extensions, self.target, self.is_goto, tuple(self.target_options), unknown,
            self.versions,
        )  # fmt: skip
