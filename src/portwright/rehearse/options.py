"""How a rehearsal goes, as the command line says it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from portwright.rehearse.faults import Faults
from portwright.rehearse.hosts.host import CONNECTING


@dataclass(frozen=True, slots=True)
class Options:
    """How a rehearsal goes."""

    tier: Literal["stand-in", "real", "auto"] = "stand-in"  # auto: real programs where this machine has them
    faults: Faults = field(default_factory=Faults)
    capture: Path | None = None  # folder for what each point sees
    keep: bool = False  # the lab stays until somebody ends it
    enter: str = ""  # open a shell in this host
    is_document: bool = False  # standard output is for the report alone: programs read it
    patience: float = CONNECTING  # seconds that a client waits for an answer
