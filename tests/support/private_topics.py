"""The shop's events on topics of a test's own: producers and consumers keep the names they know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory
from amazonlite.common.events.handlers import AnyHandler, Grouped, Single, declared


class PrivateTopics:
    """``names`` maps each event type to the topic that stands for it."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._types = {topic: kind for kind, topic in names.items()}

    def sending(self, engine: AsyncEngine, wake: Callable[[], None]) -> UnitOfWorkFactory:
        names = self._names

        class Renaming(UnitOfWork):
            async def add_events(self, events: Sequence[Event]) -> None:
                await super().add_events([replace(event, type=names[event.type]) for event in events])

        return lambda: Renaming(engine, wake)

    def receiving(self, handlers: Mapping[str, AnyHandler]) -> dict[str, AnyHandler]:
        return {self._names[kind]: self._renamed(declared(handler)) for kind, handler in handlers.items()}

    def _renamed(self, handler: Single | Grouped) -> AnyHandler:
        def concerns(event: Event) -> bool:
            return handler.concerns(self._own(event))

        if isinstance(handler, Grouped):
            grouped = handler.handle

            async def take_all(uow: UnitOfWork, events: Sequence[Event]) -> None:
                await grouped(uow, [self._own(event) for event in events])

            return Grouped(take_all, concerns)

        async def take(uow: UnitOfWork, event: Event) -> None:
            await handler.alone(uow, self._own(event))

        return Single(take, concerns)

    def _own(self, event: Event) -> Event:
        return replace(event, type=self._types[event.type])
