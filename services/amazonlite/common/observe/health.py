"""Ready means: not draining, every check passes in time, and no background task is down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

Check = Callable[[], Awaitable[None]]


class Health:
    """What readiness is decided from; `draining` and `down` are set by the process, checks are asked each time."""

    def __init__(self, checks: Mapping[str, Check] | None = None, *, timeout: float = 2.0) -> None:
        self._checks = dict(checks or {})
        self._timeout = timeout
        self.draining = False
        self.down: dict[str, str] = {}

    async def failing(self) -> dict[str, str]:
        """Name and reason of all that keeps the process from being ready; empty when it is."""
        if self.draining:
            return {"process": "draining"}
        reasons = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
        failed = {name: reason for name, reason in zip(self._checks, reasons, strict=True) if reason}
        return {**failed, **self.down}

    async def _ask(self, check: Check) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                await check()
        except TimeoutError:
            return f"no answer in {self._timeout:g} s"
        except Exception as error:  # whatever a check raises means "not ready"
            return type(error).__name__
        return ""
