"""A crowd of shoppers with mixed plans, run to the end, counted and timed."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from amazonlite_cli.shoppers.api import Observer, ShopApi, nobody
from amazonlite_cli.shoppers.shopper import Outcome, Plan, Shopper

DEFAULT_MIX: Mapping[Plan, float] = {
    Plan.PAY: 0.48,
    Plan.CONFIRM: 0.05,
    Plan.CANCEL: 0.05,
    Plan.TWICE: 0.10,
    Plan.DECLINED: 0.05,
    Plan.ANOTHER_CARD: 0.05,
    Plan.CAPTURE_REFUSED: 0.02,
    Plan.ABANDON_HOLD: 0.10,
    Plan.ABANDON_QUEUE: 0.10,
}
CALL_TIMEOUT_SECONDS = 20.0


@dataclass(slots=True)
class Tally:
    """Running counts of a crowd; ``steps`` while shopping, ``outcomes`` once a visit has ended."""

    steps: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    timings: list[tuple[str, float, int]] = field(default_factory=list)

    def percentile(self, label: str, share: float) -> float:
        """Seconds below which ``share`` (0..1) of the answered calls with this label stayed; 0 when there were none."""
        seconds = sorted(s for name, s, status in self.timings if name == label and status)
        return seconds[min(int(len(seconds) * share), len(seconds) - 1)] if seconds else 0.0


def plans(count: int, mix: Mapping[Plan, float], seed: int) -> list[Plan]:
    """``count`` plans drawn by ``mix``; the same seed gives the same crowd."""
    return random.Random(seed).choices(list(mix), weights=list(mix.values()), k=count)


@dataclass(slots=True)
class Crowd:
    """``tokens`` maps customer to access token: one shopper each. Connections are shared and bounded.

    Shoppers that are ``returning`` and did not get what they wanted come again until the sale is over. Setting
    ``hurried`` makes all who wait in the queue ask at once, as when it is known that the sale is over.
    """

    base_url: str
    sale: str
    tokens: Mapping[str, str]
    plans: Sequence[Plan]
    patience_seconds: float
    arrival_seconds: float = 0.0
    connections: int = 256
    returning: bool = False
    observe: Observer = nobody
    tally: Tally = field(default_factory=Tally)
    hurried: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> Tally:
        """Every shopper to the end of the visit; arrivals are spread evenly at random over ``arrival_seconds``."""
        timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_SECONDS)
        connector = aiohttp.TCPConnector(limit=self.connections)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            api = ShopApi(session, self.base_url, self.tally.timings, self.observe)
            pairs = zip(self.tokens.items(), self.plans, strict=True)
            await asyncio.gather(*(self._one(api, who, token, plan) for (who, token), plan in pairs))
        return self.tally

    async def _one(self, api: ShopApi, customer: str, token: str, plan: Plan) -> None:
        await asyncio.sleep(random.uniform(0, self.arrival_seconds))
        shopper = Shopper(
            api=api,
            sale=self.sale,
            customer=customer,
            token=token,
            plan=plan,
            deadline=time.monotonic() + self.patience_seconds,
            hurried=self.hurried,
            announce=lambda step: self.tally.steps.update([step]),
        )
        visit = shopper.visit_until_over if self.returning else shopper.visit
        self.tally.outcomes[await visit()] += 1
