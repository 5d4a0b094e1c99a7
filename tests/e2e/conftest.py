"""Tests here use the running shop."""

from support.fixtures import sales, shop

__all__ = ["sales", "shop"]
