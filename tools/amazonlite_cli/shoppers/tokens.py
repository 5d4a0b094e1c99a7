"""Access tokens for simulated shoppers, signed in bulk through the staff-scoped, audited endpoint.

Their subjects begin with ``syn_``: no customer who signed up has such an id, and tokens are made for no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import aiohttp

from amazonlite_cli.errors import CommandError

MOST_PER_CALL = 1000
TOKEN_TTL_SECONDS = 3600


class TokensRefused(CommandError):
    """The auth service did not give tokens; the message says why. Nothing was changed in the shop."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "tokens_refused",
            what,
            "everything; nobody was sent",
            "`amazonlite up` renews credentials; bulkTokens must be true in the chart's values",
        )


@dataclass(frozen=True, slots=True)
class StaffClient:
    """A service client's credentials, as kept in the Secret ``client-load``."""

    client_id: str
    client_secret: str


async def _post(session: aiohttp.ClientSession, url: str, body: object, token: str = "") -> dict[str, object]:
    headers = {"X-API-Version": "1"} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with session.post(url, json=body, headers=headers) as response:
        answer = await response.json(content_type=None)
        if response.status >= 300:
            raise TokensRefused(f"{url} answered {response.status}: {answer}")
        return dict(answer)


async def staff_token(session: aiohttp.ClientSession, auth_url: str, client: StaffClient) -> str:
    """A service token by client credentials."""
    body = {"clientId": client.client_id, "clientSecret": client.client_secret}
    return str((await _post(session, f"{auth_url}/api/auth/service-tokens", body))["accessToken"])


async def shopper_tokens(auth_url: str, client: StaffClient, customers: list[str], reason: str) -> dict[str, str]:
    """Customer id -> access token, in calls of at most 1000; ``auth_url`` is the service's own, not the gateway's.

    Raises:
        TokensRefused: the auth service answered with an error.
    """
    signed: dict[str, str] = {}
    async with aiohttp.ClientSession() as session:
        token = await staff_token(session, auth_url, client)
        for start in range(0, len(customers), MOST_PER_CALL):
            part = customers[start : start + MOST_PER_CALL]
            body = {"subjects": part, "ttlSeconds": TOKEN_TTL_SECONDS, "reason": reason}
            answer = await _post(session, f"{auth_url}/internal/auth/tokens:bulk", body, token)
            rows = cast("list[dict[str, str]]", answer["tokens"])
            signed.update({row["subject"]: row["accessToken"] for row in rows})
    return signed
