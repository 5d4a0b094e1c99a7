"""What every Kafka client of ours is told, whether it sends or takes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from amazonlite.common.core.settings import KafkaSettings


def client_config(kafka: KafkaSettings, more: Mapping[str, Any]) -> dict[str, Any]:
    """For confluent-kafka. Its library would write its troubles to stderr in a form of its own; they go to our log."""
    return {
        "bootstrap.servers": kafka.bootstrap,
        **_login(kafka),
        "reconnect.backoff.max.ms": 1000,
        # As delivered, one attempt to reach a broker whose address went away hangs for 30 s.
        "socket.connection.setup.timeout.ms": 2000,
        "logger": logging.getLogger("librdkafka"),
        **more,
    }


def _login(kafka: KafkaSettings) -> dict[str, str]:
    if not kafka.user:
        return {}
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": kafka.mechanism,
        "sasl.username": kafka.user,
        "sasl.password": kafka.password,
    }
