"""Inventory, order and payment keep the contract that the operator and its fakes go by."""

from __future__ import annotations

from contract.sales_contract import *  # noqa: F403 - the tests, run here with the fixture of conftest.py
