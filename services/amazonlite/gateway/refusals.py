"""Tokens that are refused cost their sender: whoever sends many is not even looked at for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from amazonlite.gateway.domain import RateLimit
from amazonlite.gateway.errors import RateLimited
from amazonlite.gateway.limits import REMEMBERED, Ask, Limits

# A school or an office whose tokens have all run out must get through: a client asks again with a token that is good.
REFUSED_TOKENS = RateLimit(300, 60)


class RefusedTokens:
    """Counts a network's refused tokens in a bucket of their own, whatever route they were sent to.

    Once it is empty, tokens from there that were not verified before are refused without looking at their signature.
    """

    def __init__(self, limits: Limits, now: Callable[[], float], *, limit: RateLimit = REFUSED_TOKENS) -> None:
        self._limits, self._now, self._limit = limits, now, limit
        self._barred: OrderedDict[str, float] = OrderedDict()

    def refuse_barred(self, network: str) -> None:
        """RateLimited while the network's bucket is empty."""
        until = self._barred.get(network)
        if until is None:
            return
        left = until - self._now()
        if left > 0:
            raise self._limited(left)
        del self._barred[network]

    async def count(self, network: str) -> None:
        """One more refused token; RateLimited when it was one too many."""
        decision = await self._limits.decide(Ask("refused-tokens", network, self._limit, ""))
        if decision.allowed:
            return
        self._barred[network] = self._now() + decision.wait
        if len(self._barred) > REMEMBERED:
            self._barred.popitem(last=False)
        raise self._limited(decision.wait)

    def _limited(self, seconds: float) -> RateLimited:
        return RateLimited(
            f"More than {self._limit.quota} tokens in {self._limit.window} s were refused.",
            retry_after=seconds,
            next_step="Log in again after Retry-After, and send the token that you get.",
        )
