"""What the use cases need of the outside: Redis in production, a list in tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol


class Revocations(Protocol):
    async def publish(self, session_id: str, ttl: timedelta) -> None:
        """Have every gateway refuse the session's access tokens; RevocationUnavailable when that cannot be said."""
