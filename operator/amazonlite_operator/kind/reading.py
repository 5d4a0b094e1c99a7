"""One read of an observation, with what kept it from being answered: a plan can often go on without it."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

from amazonlite_operator.kube.api import KubeError
from amazonlite_operator.shop.client import Refusal, Unreachable

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Reading(Generic[V]):
    """`value` is what to take for it where it was not answered.

    `refusal`: who refused the operator what, until a person changes it. `error`: why it was not answered, or None.
    """

    value: V
    error: Exception | None = None
    refusal: str = ""

    @property
    def failure(self) -> Exception | None:
        """An error that no person has to mend: the read is tried again."""
        return None if self.refusal else self.error


async def read(call: Awaitable[V], otherwise: V, service: str = "") -> Reading[V]:
    """Of the API server, or with `service` of a service of the shop. Other errors than theirs are raised."""
    try:
        return Reading(await call)
    except Unreachable as error:
        return Reading(otherwise, error)
    except Refusal as error:
        return Reading(otherwise, error, f"{service}: {error}")
    except KubeError as error:
        return Reading(otherwise, error, f"{error}." if error.refused else "")
