"""The phases of a kind and the only ways between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

P = TypeVar("P", bound=StrEnum)


class IllegalTransition(Exception):
    """The plan asked for a way that isn't in the table; nothing was changed."""


class PhaseTable(Generic[P]):
    """`ways[old][new]` says why a resource goes from one phase to the other.

    The first phase is the one a resource begins in; a phase without a way out is terminal.
    """

    def __init__(self, ways: Mapping[P, Mapping[P, str]]) -> None:
        self.ways = ways
        self.initial = next(iter(ways))
        self.terminal = frozenset(phase for phase, out in ways.items() if not out)

    def check(self, old: P, new: P) -> None:
        if new not in self.ways[old]:
            raise IllegalTransition(f"{old} -> {new}")

    def diagram(self) -> str:
        """In Mermaid."""
        arrows = [f"    {old} --> {new}: {why}" for old, out in self.ways.items() for new, why in out.items()]
        ends = [f"    {phase} --> [*]" for phase in self.ways if phase in self.terminal]
        return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {self.initial}", *arrows, *ends, "```"])
