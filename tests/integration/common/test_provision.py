"""Topics are created once and left alone afterwards."""

from __future__ import annotations

import pytest

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.provision import BrokerNeverCame, provision
from amazonlite.common.events.topics import Topic, dlq_of
from amazonlite.common.testing.stores import delete_topics, suffix

pytestmark = pytest.mark.stores


def test_missing_topics_and_their_dead_letter_topics_are_created_once(kafka: KafkaSettings) -> None:
    topics = [Topic(f"provision.{suffix()}", "test", "a test") for _ in range(2)]
    names = [name for topic in topics for name in (topic.name, dlq_of(topic.name))]
    try:
        assert sorted(provision(kafka, topics[:1], wait_seconds=10)) == sorted(names[:2])
        assert sorted(provision(kafka, topics, wait_seconds=10)) == sorted(names[2:])
        assert provision(kafka, topics, wait_seconds=10) == []
    finally:
        delete_topics(names)


def test_a_broker_that_never_comes_is_reported() -> None:
    with pytest.raises(BrokerNeverCame):
        provision(KafkaSettings(bootstrap="127.0.0.1:1"), wait_seconds=0)
