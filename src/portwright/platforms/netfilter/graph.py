"""Chains that lead to each other."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

Place = TypeVar("Place")  # where a jump stands


def walk(
    edges: Mapping[str, Sequence[tuple[str, Place]]], starts: Sequence[str]
) -> tuple[list[str], list[tuple[str, Place]]]:
    """The chains that can be reached, each after those it jumps to, and the jumps that close a loop.

    `edges` has for each chain those that it jumps to, and where it says so.
    Depth-first without recursion: rulesets may be hostile.
    """
    order: dict[str, None] = {}
    closing: list[tuple[str, Place]] = []
    opened: set[str] = set()
    stack = [(name, False) for name in reversed(starts)]
    while stack:
        chain, is_left = stack.pop()
        if is_left:
            opened.discard(chain)
            order[chain] = None
        elif chain not in order:
            opened.add(chain)
            stack.append((chain, True))
            closing += [edge for edge in edges.get(chain, ()) if edge[0] in opened]
            stack += [(name, False) for name, _ in edges.get(chain, ()) if name not in opened and name not in order]
    return list(order), closing
