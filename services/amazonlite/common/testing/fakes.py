"""Stand-ins for time, ids, keys and the broker, as deterministic as tests want them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from amazonlite.common.security.jwt import ALGORITHM, AUDIENCE, ISSUER, TOKEN_TYPE, PrincipalKind

NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)


class FakeClock:
    """Time that moves only when told to."""

    def __init__(self, now: datetime = NEW_YEAR) -> None:
        self._now = now
        self._passed = 0.0

    def monotonic(self) -> float:
        return self._passed

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._passed += seconds

    def set_back(self, seconds: float) -> None:
        """As an operator, or a time server, does to a machine: no time passes."""
        self._now -= timedelta(seconds=seconds)


class SequentialIds:
    """An IdSource that counts: ord_…01, ord_…02."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def __call__(self, prefix: str) -> str:
        self._counts[prefix] += 1
        return f"{prefix}_{self._counts[prefix]:026d}"


@dataclass
class SigningKey:
    """A throwaway key pair."""

    kid: str = "test"
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)


TEST_KEY = SigningKey()


class FakeJwks:
    """A KeySource that knows these keys; by default the one `mint_token` signs with."""

    def __init__(self, *keys: SigningKey) -> None:
        self._keys = {key.kid: key.private.public_key() for key in keys or (TEST_KEY,)}

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        return self._keys.get(kid)


def mint_token(
    sub: str,
    scopes: Iterable[str] = ("shop",),
    *,
    kind: PrincipalKind = "user",
    sid: str = "ses_test",
    now: datetime | None = None,
    ttl: float = 900,
    key: SigningKey = TEST_KEY,
    **claims: Any,
) -> str:
    """A token that verifies against FakeJwks(key); `claims` override, None leaves one out."""
    issued = now or datetime.now(UTC)
    full = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": sub,
        "scope": " ".join(scopes),
        "sid": sid,
        "jti": f"tok_{sub}",
        "kind": kind,
        "iat": int(issued.timestamp()),
        "exp": int(issued.timestamp() + ttl),
        **claims,
    }
    kept = {name: value for name, value in full.items() if value is not None}
    return jwt.encode(kept, key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TOKEN_TYPE})


@dataclass(frozen=True)
class Sent:
    """One record that reached the broker."""

    topic: str
    key: bytes | str | None
    value: bytes | str | None
    headers: Sequence[tuple[str, Any]]


class CollectingProducer:
    """A confluent-kafka Producer that acknowledges on poll or flush, and refuses what `refuses` says."""

    def __init__(self, refuses: Callable[[Sent], Exception | None] = lambda _: None) -> None:
        self.sent: list[Sent] = []
        self.refuses = refuses
        self._pending: list[tuple[Sent, Callable[[Any, Any], None] | None]] = []

    def produce(
        self,
        topic: str,
        value: bytes | str | None = None,
        key: bytes | str | None = None,
        *,
        headers: Sequence[tuple[str, Any]] = (),
        on_delivery: Callable[[Any, Any], None] | None = None,
    ) -> None:
        self._pending.append((Sent(topic, key, value, tuple(headers)), on_delivery))

    def poll(self, timeout: float = 0) -> int:
        """Deliver everything pending; `timeout` is taken for the real one's sake."""
        pending, self._pending = self._pending, []
        for record, on_delivery in pending:
            error = self.refuses(record)
            if error is None:
                self.sent.append(record)
            if on_delivery is not None:
                on_delivery(error, record)
        return len(pending)

    def flush(self, timeout: float = 0) -> int:
        self.poll(timeout)
        return 0

    def __len__(self) -> int:
        return len(self._pending)
