"""The other half of a kind: what reads the world, and what changes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import aiohttp

from amazonlite.common.core.clock import Clock
from amazonlite_operator.kind.actions import Wait
from amazonlite_operator.kind.moves import STALLED_FOR
from amazonlite_operator.kind.observation import Observation, Resource
from amazonlite_operator.kind.reasons import CommonReason
from amazonlite_operator.kind.status import KindStatus
from amazonlite_operator.kube.api import Kube
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.kube.schema import Fields
from amazonlite_operator.settings import Settings
from amazonlite_operator.shop.client import Refusal, ServiceTokenSource, ShopClient, Step, Unreachable

S = TypeVar("S", bound=Fields)
T = TypeVar("T", bound=KindStatus[Any])
O = TypeVar("O", bound=Observation[Any, Any])  # noqa: E741 - o is an observation everywhere
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Clients:
    """What a kind's operations are built from."""

    settings: Settings
    kube: Kube
    session: aiohttp.ClientSession
    tokens: ServiceTokenSource
    clock: Clock

    def service(self, url: str) -> ShopClient:
        return ShopClient(self.session, url, self.tokens)


class Operations(ABC, Generic[S, T, O, E]):
    """Reads and effects of one kind. Every effect is idempotent by itself or by its step's key.

    Called by the loop of `reconcile.py`, for one object by one caller at a time, on the replica that leads.
    """

    one_at_a_time: ClassVar[tuple[type, ...]] = ()
    """Effects that are decided by what others have written down: performed, and written down, one after another."""

    @abstractmethod
    async def observe(self, resource: Resource[S, T]) -> O:
        """Everything the next action depends on, beside the resource, which was read just now. Changes nothing.

        What does not answer is part of the observation where a plan can go on without it; an error is tried again.
        """

    @abstractmethod
    async def perform(self, effect: E, o: O, fence: int) -> T | Wait | None:
        """Does one effect; may be cut off at any point, and is repeated then.

        Returns the status that remembers it, or None when observing again shows it. A Wait ends the pass: observing
        again now would show no more.
        """

    def refused(self, o: O, refusal: Refusal) -> Wait:
        """What to say, and when to try again, when the shop said no to an effect of a valid account."""
        message = f"{refusal.detail} {CommonReason.STEP_REFUSED.explanation}"
        return Wait(STALLED_FOR, CommonReason.STEP_REFUSED, message, stalled=True)

    def unreachable(self, o: O, effect: object, error: Unreachable) -> Wait:
        """The same when the shop did not answer one; `seconds` None: with growing pauses."""
        return Wait(None, CommonReason.SHOP_UNAVAILABLE, f"{error}")

    def export(self, key: Key, status: T) -> None:
        """Metrics of one object, with each status that is published."""

    def drop(self, key: Key, uid: str) -> None:
        """The object is gone, or another replica leads: nothing of it is remembered or exported any more."""


def fenced_step(o: Observation[Any, Any], step: str, fence: int) -> Step:
    """What goes with a write outside of the cluster: its idempotency key and the leader's number."""
    return Step(key=f"{o.uid}:{step}", fence=fence)
