"""Calls between the services, and to the provider, whose requests and answers are lost, delayed or doubled as planned.

A delayed call suspends the operation that made it; other operations run until it is resumed. A caller may also give up
while its request is still under way: such a request arrives later, or never.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")
Request = Callable[[], Awaitable[Any]]


class Crash(BaseException):
    """The process dies here: whatever would have followed never happens. No handler of the services catches it."""


class Fate(StrEnum):
    """What becomes of one call. The first is what a shortened sequence of faults tends to."""

    ARRIVES = "arrives"
    REQUEST_DELAYED = "request delayed"
    ANSWER_DELAYED = "answer delayed"
    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"
    DOUBLED = "doubled"
    GIVEN_UP = "request delayed, and its caller gave up"
    CALLER_DIES = "caller dies"


@dataclass
class Plan:
    """What goes wrong in one operation: its first call's fate, and its death after so many commits (None: it lives)."""

    fate: Fate = Fate.ARRIVES
    dies_after: int | None = None
    dead: bool = False

    def next_fate(self) -> Fate:
        fate, self.fate = self.fate, Fate.ARRIVES
        return fate

    def commits(self) -> None:
        """Called before a commit."""
        if self.dead or self.dies_after == 0:
            self._die()

    def committed(self) -> None:
        if self.dies_after is None:
            return
        self.dies_after -= 1
        if self.dies_after == 0:
            self._die()

    def _die(self) -> None:
        self.dead = True
        raise Crash


PLAN: ContextVar[Plan] = ContextVar("plan")


def plan_of_this() -> Plan:
    """The plan of the operation that runs; outside of any nothing goes wrong."""
    return PLAN.get(Plan())


@dataclass
class Operation:
    """One use case under way in a pod."""

    name: str
    task: asyncio.Task[Any]
    expected: tuple[type[BaseException], ...]
    gate: asyncio.Future[Fate] | None = None

    @property
    def suspended(self) -> bool:
        return self.gate is not None and not self.gate.done()


@dataclass
class Network:
    """Runs operations one at a time: each until it has ended or waits for a delayed request or answer."""

    loop: asyncio.AbstractEventLoop
    suspended: list[Operation] = field(default_factory=list)
    given_up: list[Request] = field(default_factory=list)
    _running: Operation | None = None
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def run(
        self, name: str, work: Coroutine[Any, Any, Any], plan: Plan, expected: tuple[type[BaseException], ...] = ()
    ) -> Any:
        """The result; None when it was suspended, died, or failed as ``expected``. Other failures are raised."""
        context = copy_context()
        context.run(PLAN.set, plan)
        operation = Operation(name, self.loop.create_task(work, context=context), (Crash, *expected))
        operation.task.add_done_callback(lambda _: self._stopped.set())
        return self._continued(operation)

    def resume(self, operation: Operation, fate: Fate) -> Any:
        self.suspended.remove(operation)
        assert operation.gate is not None
        operation.gate.set_result(fate)
        return self._continued(operation)

    def arrive(self, request: Request) -> None:
        """A request whose caller gave up long ago; nobody hears the answer."""
        self.given_up.remove(request)
        self.loop.run_until_complete(_awaited(request))

    def forget(self) -> None:
        """Ends whatever is under way."""
        for operation in self.suspended:
            operation.task.cancel()
        self.loop.run_until_complete(_ended([operation.task for operation in self.suspended]))
        self.suspended.clear()
        self.given_up.clear()

    async def call(self, request: Callable[[], Awaitable[T]], unavailable: Exception) -> T:
        """``unavailable`` is what the caller is told when no answer comes."""
        fate = plan_of_this().next_fate()
        if fate is Fate.REQUEST_DELAYED:
            fate = await self._resumed()
        if fate is Fate.GIVEN_UP:
            self.given_up.append(request)
        if fate in {Fate.REQUEST_LOST, Fate.GIVEN_UP}:
            raise unavailable
        answer = await request()
        if fate is Fate.DOUBLED:
            answer = await request()
        if fate is Fate.ANSWER_DELAYED:
            fate = await self._resumed()
        if fate is Fate.ANSWER_LOST:
            raise unavailable
        return answer

    def _continued(self, operation: Operation) -> Any:
        self._running = operation
        self.loop.run_until_complete(self._until_stopped(operation))
        if operation.suspended:
            self.suspended.append(operation)
            return None
        error = operation.task.exception()
        if error is None:
            return operation.task.result()
        if isinstance(error, operation.expected):
            return None
        raise error

    async def _until_stopped(self, operation: Operation) -> None:
        while not operation.task.done() and not operation.suspended:
            self._stopped.clear()
            await self._stopped.wait()

    async def _resumed(self) -> Fate:
        operation = self._running
        assert operation is not None
        operation.gate = self.loop.create_future()
        self._stopped.set()
        fate = await operation.gate
        if fate is Fate.CALLER_DIES:
            plan_of_this().dies_after = 0
            plan_of_this().commits()
        return fate


async def _awaited(request: Request) -> Any:
    return await request()


async def _ended(tasks: list[asyncio.Task[Any]]) -> None:
    if tasks:
        await asyncio.wait(tasks)
