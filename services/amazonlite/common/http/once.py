"""A route whose command takes effect once under the caller's Idempotency-Key: `once: TheOnce` in its signature.

Use cases know nothing of keys: they prepare and work, and return what they made. What was answered first is stored in
the transaction of the effect, and is what every repetition gets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Generic, Protocol, TypeVar

from fastapi import Depends, Request
from fastapi.responses import JSONResponse

from amazonlite.common.core.clock import Clock
from amazonlite.common.data.idempotency import StoredAnswer, fingerprint_of, run_idempotent, scope_of
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory
from amazonlite.common.http.body import Body
from amazonlite.common.http.fields import IdempotencyKey

Prepared = TypeVar("Prepared")
Done = TypeVar("Done")


class Dependencies(Protocol):
    """What every service's use cases work with."""

    @property
    def transactions(self) -> UnitOfWorkFactory: ...

    @property
    def clock(self) -> Clock: ...


@dataclass(frozen=True, slots=True)
class Command(Generic[Prepared, Done]):
    """What is to be done once. A key is unique among the `subject`'s keys for the `action`; `body` is what was asked.

    `prepare` asks other services, outside any transaction and once. `work` writes, and may be run again after a
    deadlock. `answer` makes status and body of what was done.
    """

    action: str
    subject: str
    body: object
    prepare: Callable[[], Awaitable[Prepared]]
    work: Callable[[UnitOfWork, Prepared], Awaitable[Done]]
    answer: Callable[[Done], tuple[int, Body]]


@dataclass(frozen=True, slots=True)
class Once:
    """The request's key, and what tells it from other requests under the same key."""

    method: str
    path: str
    key: str

    async def answer(self, deps: Dependencies, command: Command[Prepared, Done], *, location: str) -> JSONResponse:
        """`location` has members of the body in braces: "/api/orders/{orderId}"."""

        async def work(uow: UnitOfWork, prepared: Prepared) -> StoredAnswer:
            status, body = command.answer(await command.work(uow, prepared))
            return StoredAnswer(status, body.as_json())

        stored = await run_idempotent(
            deps.transactions,
            scope=scope_of(command.action, command.subject),
            key=self.key,
            fingerprint=fingerprint_of(self.method, self.path, command.subject, command.body),
            prepare=command.prepare,
            work=work,
            clock=deps.clock,
        )
        replayed = {"Idempotency-Replayed": "true"} if stored.replayed else {}
        return JSONResponse(stored.body, stored.status, {**replayed, "Location": location.format(**stored.body)})


async def once_of(request: Request, idempotency_key: IdempotencyKey) -> Once:
    return Once(request.method, request.url.path, idempotency_key)


TheOnce = Annotated[Once, Depends(once_of)]
