"""Posts a signed webhook to the shop, as a provider out in the world would."""

from __future__ import annotations

import aiohttp

from amazonlite.common.core.clock import Clock
from amazonlite.common.observe.logs import get_logger
from amazonlite.payment.signature import sign

log = get_logger(__name__)


class WebhookPost:
    """One session for all posts; closed with the app."""

    def __init__(self, url: str, secret: bytes, clock: Clock) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, payload: bytes) -> bool:
        """False when it has to be told again."""
        headers = {
            "Content-Type": "application/json",
            "Provider-Signature": sign(self._secret, payload, self._clock.now()),
        }
        try:
            async with self._open().post(self._url, data=payload, headers=headers) as response:
                return response.ok
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("provider_webhook_failed", error=type(error).__name__)
            return False

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        return self._session
