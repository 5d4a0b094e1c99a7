"""The order of work on a batch: which events share a transaction, what waits for what, and what is left undone."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.data.errors import StoreContended, StoreUnavailable
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.events.dispatch import Dispatcher
from amazonlite.common.events.envelope import MalformedEvent
from amazonlite.common.events.handlers import Grouped, Single
from amazonlite.common.events.parking import Parking
from amazonlite.common.events.process import Delivery, Processor, Unreadable
from amazonlite.common.events.producer import SendFailed


async def nothing(_: UnitOfWork, __: object) -> None:
    """The processor below takes note instead."""


class Message:
    """Of a topic that begins with `grouped` or `single`."""

    def __init__(self, topic: str, key: str, number: int = 0) -> None:
        self._topic = topic
        self._key = key
        self.name = f"{key}-{number}"

    def topic(self) -> str:
        return self._topic

    def key(self) -> bytes:
        return self._key.encode()

    def partition(self) -> int:
        return 0


class NotingProcessor(Processor):
    """Notes what it is given instead of taking effect of it, and how much of that is under way at once."""

    def __init__(self, *, waits: str = "", poison: str = "", with_error: Exception | None = None) -> None:
        self.aside: list[str] = []
        self._error = with_error or ValueError(poison)
        self.taken: list[list[str]] = []
        self.most_at_once = 0
        self._under_way = 0
        self._waits = waits
        self._poison = poison

    def read(self, message: Any) -> Delivery | Unreadable | None:
        topic = message.topic()
        if topic == "unconcerned":
            return None
        if topic == "unreadable":
            return Unreadable(message, MalformedEvent("no event"))
        event = Event(message.name, topic, "/test", message.key().decode(), datetime.now(UTC), {})
        return Delivery(message, Grouped(nothing) if topic.startswith("grouped") else Single(nothing), event)

    async def one(self, delivery: Delivery) -> str:
        await self._note([delivery.event.id])
        return "done"

    async def put_aside(self, unreadable: Unreadable) -> str:
        self.aside.append(cast(Any, unreadable.message).name)
        return "put_aside"

    async def many(self, handler: Grouped, events: Sequence[Event]) -> list[str]:
        await self._note([event.id for event in events])
        return ["done" for _ in events]

    async def _note(self, names: list[str]) -> None:
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        await asyncio.sleep(0)
        self._under_way -= 1
        self.taken.append(names)
        if self._waits in names:
            raise StoreUnavailable("the store is away")
        if self._poison in names:
            raise self._error


class NotingParking(Parking):
    """A list in place of the table."""

    def __init__(self, *queues: str, away: bool = False) -> None:
        self.parked: list[list[str]] = []
        self.errors: list[Exception | None] = []
        self._queues = frozenset(queues)
        self._away = away

    async def among(self, queues: Collection[str]) -> frozenset[str]:
        return self._queues & frozenset(queues)

    async def park(self, deliveries: Sequence[Delivery], error: Exception | None) -> None:
        if self._away:
            raise StoreUnavailable("the store is away")
        self.parked.append([delivery.event.id for delivery in deliveries])
        self.errors.append(error)


async def take(
    processor: NotingProcessor,
    *messages: Message,
    parking: NotingParking | None = None,
    at_once: int = 6,
    group: int = 100,
) -> list[str]:
    slots = asyncio.Semaphore(at_once)
    dispatcher = Dispatcher(processor, parking or NotingParking(), slots, group=group)
    return [message.name for message in await dispatcher.take(cast(Any, messages))]


async def test_a_group_holds_one_event_of_each_key_and_no_more_than_it_may() -> None:
    processor = NotingProcessor()
    messages = [Message("grouped", key, number) for number in range(2) for key in "abcd"]
    assert await take(processor, *messages, group=3) == []
    assert sorted(processor.taken[:2]) == [["a-0", "b-0", "c-0"], ["d-0"]]
    assert sorted(processor.taken[2:]) == [["a-1", "b-1", "c-1"], ["d-1"]]


async def test_topics_share_no_group_and_no_more_are_under_way_than_may_be() -> None:
    processor = NotingProcessor()
    messages = [Message(f"grouped-{topic}", f"{topic}{key}") for topic in range(4) for key in "ab"]
    assert await take(processor, *messages, at_once=3) == []
    assert sorted(processor.taken) == [[f"{topic}a-0", f"{topic}b-0"] for topic in range(4)]
    assert processor.most_at_once == 3


async def test_single_and_grouped_events_of_a_key_keep_their_order() -> None:
    processor = NotingProcessor()
    topics = ["grouped", "single", "single", "grouped-other", "single"]
    assert await take(processor, *(Message(topic, "a", number) for number, topic in enumerate(topics))) == []
    assert processor.taken == [[f"a-{number}"] for number in range(5)]


async def test_when_a_group_has_to_wait_all_behind_it_waits_and_the_rest_goes_on() -> None:
    processor = NotingProcessor(waits="b-0")
    grouped = [Message("grouped", key) for key in "abc"]
    behind = [Message("single", "a", 1), Message("grouped", "c", 1)]
    rest = [Message("single", "d"), Message("grouped-other", "e"), Message("grouped", "d", 1)]
    undone = await take(processor, *grouped, *behind, *rest)
    assert sorted(undone) == ["a-0", "a-1", "b-0", "c-0", "c-1"]
    assert sorted(processor.taken) == [["a-0", "b-0", "c-0"], ["d-0"], ["d-1"], ["e-0"]]


async def test_when_a_group_fails_each_is_taken_alone_and_only_what_fails_then_is_parked_with_its_key() -> None:
    processor, parking = NotingProcessor(poison="b-0"), NotingParking()
    messages = [Message("grouped", key, number) for number in range(2) for key in "abc"]
    assert await take(processor, *messages, parking=parking) == []
    assert processor.taken[0] == ["a-0", "b-0", "c-0"]
    assert sorted(processor.taken[1:4]) == [["a-0"], ["b-0"], ["c-0"]]
    assert processor.taken[4:] == [["a-1", "c-1"]]
    assert parking.parked == [["b-0", "b-1"]]
    assert [str(error) for error in parking.errors] == ["b-0"]


@pytest.mark.parametrize("error", [OSError("a peer hung up"), Unavailable("a service"), StoreContended("always")])
async def test_what_is_not_the_stores_fault_is_parked_and_stops_no_partition(error: Exception) -> None:
    processor, parking = NotingProcessor(poison="a-0", with_error=error), NotingParking()
    assert await take(processor, Message("single", "a"), Message("single", "b"), parking=parking) == []
    assert parking.parked == [["a-0"]]


@pytest.mark.parametrize("error", [StoreUnavailable("away"), SendFailed("not acknowledged")])
async def test_while_the_store_or_the_broker_is_away_nothing_is_parked(error: Exception) -> None:
    processor, parking = NotingProcessor(poison="a-0", with_error=error), NotingParking()
    assert await take(processor, Message("single", "a"), Message("single", "a", 1), parking=parking) == ["a-0", "a-1"]
    assert parking.parked == []


async def test_what_cannot_be_parked_waits() -> None:
    processor, parking = NotingProcessor(poison="a-0"), NotingParking(away=True)
    assert await take(processor, Message("single", "a"), Message("single", "a", 1), parking=parking) == ["a-0", "a-1"]


async def test_behind_a_parked_event_all_of_its_key_is_parked_untried() -> None:
    processor, parking = NotingProcessor(), NotingParking("a")
    messages = [Message("single", "a"), Message("grouped", "a", 1), Message("grouped", "b")]
    assert await take(processor, *messages, parking=parking) == []
    assert processor.taken == [["b-0"]]
    assert (parking.parked, parking.errors) == ([["a-0", "a-1"]], [None])


async def test_what_is_unreadable_is_put_aside_and_holds_up_nobody() -> None:
    processor, parking = NotingProcessor(), NotingParking("b")
    messages = [Message("unreadable", "a"), Message("single", "a", 1), Message("unreadable", "b")]
    assert await take(processor, *messages, parking=parking) == []
    assert (processor.taken, processor.aside) == ([["a-1"]], ["a-0", "b-0"])


async def test_what_concerns_nobody_here_is_neither_taken_nor_undone() -> None:
    processor = NotingProcessor(waits="a-1")
    assert await take(processor, Message("unconcerned", "a"), Message("single", "a", 1)) == ["a-1"]
    assert processor.taken == [["a-1"]]
