"""Wires the simulated provider, which would be another company's process, to live inside the payment service."""

from __future__ import annotations

from functools import partial

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory
from amazonlite.common.service.event_service import EventService
from amazonlite.payment.settings import Settings
from amazonlite.payment.simulated.answer import LateAnswers
from amazonlite.payment.simulated.provider import SimulatedProvider
from amazonlite.payment.simulated.webhook import WebhookPost


def provider(transactions: UnitOfWorkFactory, settings: Settings) -> SimulatedProvider:
    latency = settings.payment_provider_latency_ms / 1000
    return SimulatedProvider(transactions, latency, settings.payment_provider_answer_seconds)


def answer_late(service: EventService, settings: Settings) -> None:
    """Has the charges that answer later told to the shop by webhook."""
    webhook = service.opened(WebhookPost(settings.payment_webhook_url, settings.webhook_secret, SystemClock()))
    answers = LateAnswers(service.work, webhook)
    service.background(partial(answers.run, seconds=settings.payment_follow_up_seconds))
