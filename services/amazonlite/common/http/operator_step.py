"""How a route takes a step of the operator: `step: TakenStep` in its signature."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header

from amazonlite.common.core.operator_step import MOST_TRANSITIONS, OperatorStep


async def step_of(
    idempotency_key: Annotated[str, Header(min_length=1, max_length=200)],
    x_fencing_token: Annotated[int, Header(ge=0, lt=MOST_TRANSITIONS)],
) -> OperatorStep:
    return OperatorStep(idempotency_key, x_fencing_token)


TakenStep = Annotated[OperatorStep, Depends(step_of)]
