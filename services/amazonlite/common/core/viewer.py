"""On whose behalf something is looked at or done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: the customer, or a service of the shop (``internal``)."""

    subject: str
    internal: bool = False
