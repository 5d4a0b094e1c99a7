"""Fields and headers that mean the same in every API of the shop."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header
from pydantic import Field

Sku = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Id = Annotated[str, Field(min_length=1, max_length=64)]
IdempotencyKey = Annotated[str, Header(min_length=1, max_length=200)]
