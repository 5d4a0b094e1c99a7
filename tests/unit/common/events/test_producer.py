"""What the producer makes of a broker's answers, by a client that plays the broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.producer import EventProducer, Outcome, Record, SendFailed


class Broker:
    """Answers each value with the error named for it; None is an acknowledgement."""

    def __init__(self, errors: dict[bytes, KafkaError | None]) -> None:
        self.errors = errors
        self.waves: list[list[bytes]] = [[]]
        self.clients = 0
        self._reports: list[tuple[Callable[[Any, Any], None], KafkaError, bytes]] = []

    def client(self, _: dict[str, Any]) -> Broker:
        self.clients += 1
        return self

    def produce(self, _topic: str, value: bytes, key: bytes, *, headers: object, on_delivery: Any) -> None:
        self.waves[-1].append(value)
        error = self.errors.get(value)
        if value == b"too big":
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        if error is not None:
            self._reports.append((on_delivery, error, key))

    def flush(self, _: float) -> int:
        for report, error, key in self._reports:
            report(error, Reported(key))
        self._reports.clear()
        self.waves.append([])
        return 0


class Reported:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def key(self) -> bytes:
        return self._key


def records(*pairs: tuple[str, str]) -> list[Record]:
    return [Record("topic", key.encode(), value.encode()) for key, value in pairs]


async def sent(broker: Broker, *pairs: tuple[str, str]) -> Outcome:
    return await EventProducer(KafkaSettings(), client=broker.client).send(records(*pairs))


REFUSED = KafkaError(KafkaError.INVALID_RECORD)
AWAY = KafkaError(KafkaError._MSG_TIMED_OUT)


async def test_a_keys_next_record_goes_only_after_the_one_before_is_acknowledged() -> None:
    broker = Broker({})
    outcome = await sent(broker, ("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3"))
    assert not outcome.any_failed
    assert broker.waves == [[b"a1", b"b1"], [b"a2"], [b"a3"], []]


async def test_behind_a_refused_record_its_key_stops_and_others_go_on() -> None:
    broker = Broker({b"a1": REFUSED})
    outcome = await sent(broker, ("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2"), ("a", "a3"))
    assert list(outcome.refused) == [0]
    assert outcome.behind == {1, 4}
    assert outcome.unsent == {}
    assert broker.waves[:2] == [[b"a1", b"b1"], [b"b2"]]


async def test_what_the_client_refuses_at_once_is_refused() -> None:
    outcome = await sent(Broker({}), ("a", "too big"), ("a", "a2"))
    assert (list(outcome.refused), outcome.behind) == ([0], {1})


async def test_when_the_broker_is_away_nothing_more_is_tried() -> None:
    broker = Broker({b"a1": AWAY})
    outcome = await sent(broker, ("a", "a1"), ("b", "b1"), ("b", "b2"))
    assert (list(outcome.unsent), outcome.refused, outcome.behind) == ([0], {}, {2})
    assert broker.waves == [[b"a1", b"b1"], []]


async def test_after_a_fatal_error_the_client_is_replaced() -> None:
    broker = Broker({b"a1": KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "fatal", True)})
    outcome = await sent(broker, ("a", "a1"))
    assert list(outcome.unsent) == [0]
    assert broker.clients == 2


async def test_a_published_record_that_fails_is_an_error() -> None:
    producer = EventProducer(KafkaSettings(), client=Broker({b"x": AWAY}).client)
    with pytest.raises(SendFailed):
        await producer.publish(Record("topic", b"k", b"x"))
    await producer.publish(Record("topic", b"k", b"y"))
