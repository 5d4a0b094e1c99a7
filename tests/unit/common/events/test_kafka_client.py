"""The Kafka library's own troubles are lines of our log."""

from __future__ import annotations

import socket

import pytest
from confluent_kafka import Producer

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.kafka_client import client_config
from amazonlite.common.testing.eventually import eventually


async def test_a_broker_that_is_away_is_said_in_the_log_and_not_on_stderr(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        client = Producer(client_config(KafkaSettings(bootstrap=f"127.0.0.1:{nobody_listens.getsockname()[1]}"), {}))

        def said() -> bool:
            client.poll(0.05)
            return "librdkafka" in {record.name for record in caplog.records}

        await eventually(said)
    assert "rdkafka" not in capfd.readouterr().err
