"""A command with a key takes effect once: the effect and the answer stored under the key commit together."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import MetaData, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from amazonlite.common.core.clock import Clock
from amazonlite.common.core.errors import Conflict, InvalidInput
from amazonlite.common.core.ids import new_id
from amazonlite.common.data.errors import StoreUnavailable
from amazonlite.common.data.tables import idempotency_table
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction

LEASE = timedelta(seconds=30)
LONGEST_SCOPE = 64
Prepared = TypeVar("Prepared")

_answers = idempotency_table(MetaData())


class IdempotencyKeyReused(InvalidInput):
    """The key already names another command; send this one under a key of its own."""

    code = "idempotency_key_reused"
    title = "Idempotency key reused"


class RequestInFlight(Conflict):
    """The first attempt under this key has not ended; ask again after Retry-After."""

    code = "request_in_flight"
    title = "Request in flight"

    def __init__(self) -> None:
        super().__init__(
            "the first request with this key is still being answered",
            next_step="Repeat the request with the same key.",
            headers={"Retry-After": "1"},
        )


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status: int
    body: dict[str, Any]
    replayed: bool = False


def fingerprint_of(method: str, path: str, subject: str, body: object) -> str:
    """Equal for the same command by the same subject, whatever the order of the body's members."""
    return hashlib.sha256(msgspec.json.encode([method, path, subject, body], order="deterministic")).hexdigest()


def scope_of(action: str, subject: str) -> str:
    """Where the subject's keys for an action are unique. A digest names a long subject: the column is narrow."""
    scope = f"{action}:{subject}"
    return scope if len(scope) <= LONGEST_SCOPE else f"{action}:{hashlib.sha256(subject.encode()).hexdigest()[:40]}"


async def nothing() -> None:
    """The preparation of what needs none."""


async def run_idempotent(
    factory: UnitOfWorkFactory,
    *,
    scope: str,
    key: str,
    fingerprint: str,
    prepare: Callable[[], Awaitable[Prepared]],
    work: Callable[[UnitOfWork, Prepared], Awaitable[StoredAnswer]],
    clock: Clock,
) -> StoredAnswer:
    """The answer of `work`, or the stored one of its first time.

    `prepare` runs before, once and outside any transaction, so that none waits for whatever it asks.
    """
    claim = _Claim(scope, key, fingerprint, new_id("try"))
    stored = await in_transaction(factory, lambda uow: claim.take(uow, clock.now()))
    if stored is not None:
        return stored
    try:
        prepared = await prepare()
        return await in_transaction(factory, lambda uow: claim.fulfil(uow, lambda own: work(own, prepared)))
    except RequestInFlight:
        raise
    except Exception:
        with suppress(StoreUnavailable):  # then the lease ends the claim
            await in_transaction(factory, claim.drop)
        raise


@dataclass(frozen=True, slots=True)
class _Claim:
    scope: str
    key: str
    fingerprint: str
    attempt: str

    async def take(self, uow: UnitOfWork, now: datetime) -> StoredAnswer | None:
        """None: the command is ours to run until the lease ends."""
        until = now + LEASE
        row = {
            "scope": self.scope,
            "idempotency_key": self.key,
            "fingerprint": self.fingerprint,
            "attempt": self.attempt,
            "leased_until": until,
        }
        try:
            await uow.execute(insert(_answers), row)
        except IntegrityError:
            # Lets go of the lock the refused insert took on the other's row, or two of us would deadlock over it.
            await uow.rollback()
            return await self._meet(uow, now, until)
        return None

    async def _meet(self, uow: UnitOfWork, now: datetime, until: datetime) -> StoredAnswer | None:
        found = (await uow.execute(select(_answers).where(*self._mine()))).one_or_none()
        if found is None:  # dropped by its failed first attempt a moment ago
            raise RequestInFlight
        if found.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused("this idempotency key was used for another request")
        if found.status is not None:
            return _answer(found)
        if found.leased_until > now or not await self._take_over(uow, found.attempt, until):
            raise RequestInFlight
        return None

    async def _take_over(self, uow: UnitOfWork, expired: str, until: datetime) -> bool:
        taken = await uow.execute(
            update(_answers)
            .where(*self._mine(), _answers.c.attempt == expired, _answers.c.status.is_(None))
            .values(attempt=self.attempt, leased_until=until)
        )
        return bool(taken.rowcount == 1)

    async def fulfil(self, uow: UnitOfWork, work: Callable[[UnitOfWork], Awaitable[StoredAnswer]]) -> StoredAnswer:
        answer = await work(uow)
        stored = await uow.execute(
            update(_answers)
            .where(*self._mine(), _answers.c.attempt == self.attempt)
            .values(status=answer.status, body=msgspec.json.encode(answer.body))
        )
        if stored.rowcount != 1:  # the lease ran out and another attempt took over
            raise RequestInFlight
        return answer

    async def drop(self, uow: UnitOfWork) -> None:
        """After a failure nothing was stored; the next request with the key starts anew."""
        await uow.execute(
            delete(_answers).where(*self._mine(), _answers.c.attempt == self.attempt, _answers.c.status.is_(None))
        )

    def _mine(self) -> tuple[Any, Any]:
        return _answers.c.scope == self.scope, _answers.c.idempotency_key == self.key


def _answer(row: Row[Any]) -> StoredAnswer:
    return StoredAnswer(row.status, msgspec.json.decode(row.body), replayed=True)
