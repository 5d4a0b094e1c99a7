"""Bad FlashSales never get in: bounds, CEL and immutability, judged by a real API server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes import client

from amazonlite.common.core.clock import iso
from support.sales_api import SalesApi, valid_spec

pytestmark = pytest.mark.cluster
NOW = datetime.now(UTC).replace(microsecond=0)
LATER = iso(NOW + timedelta(hours=3))

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "end before start": (
        {"window": {"start": LATER, "end": iso(NOW)}},
        "window.end must be after window.start",
    ),
    "end at start": ({"window": {"start": LATER, "end": LATER}}, "window.end must be after window.start"),
    "window of a year": (
        {"window": {"start": iso(NOW), "end": iso(NOW + timedelta(days=365))}},
        "at most 30 days",
    ),
    "not a time": ({"window": {"start": "tomorrow", "end": LATER}}, "window.start"),
    "zero quantity": ({"quantity": 0}, "spec.quantity"),
    "negative quantity": ({"quantity": -1}, "spec.quantity"),
    "free of charge": ({"price": {"amount": 0, "currency": "EUR"}}, "spec.price.amount"),
    "no such currency": ({"price": {"amount": 1, "currency": "euro"}}, "spec.price.currency"),
    "limit above quantity": ({"perCustomerLimit": 11}, "perCustomerLimit must not exceed quantity"),
    "holds too short": ({"holdTTL": "9s"}, "holdTTL must be between 10s and 1h"),
    "holds too long": ({"holdTTL": "61m"}, "holdTTL must be between 10s and 1h"),
    "not a duration": ({"holdTTL": "5 minutes"}, "spec.holdTTL"),
    "nobody admitted": ({"admission": {"maxActive": 0}}, "spec.admission.maxActive"),
    "too many admitted": ({"admission": {"maxActive": 100_001}}, "spec.admission.maxActive"),
    "no such order": ({"admission": {"order": "Lifo"}}, "spec.admission.order"),
    "pre-queue of two days": ({"admission": {"preQueue": "48h"}}, "preQueue must be between 0s and 24h"),
    "no replicas": ({"prewarm": {"targets": [{"deployment": "inventory", "replicas": 0}]}}, "replicas"),
    "a target twice": (
        {"prewarm": {"targets": [{"deployment": "a", "replicas": 1}, {"deployment": "a", "replicas": 2}]}},
        "Duplicate",
    ),
    "success rate above one": ({"slo": {"p95": "1s", "successRate": 1.5}}, "spec.slo.successRate"),
    "success rate of nothing": ({"slo": {"p95": "1s", "successRate": 0}}, "spec.slo.successRate"),
    "p95 of two minutes": ({"slo": {"p95": "2m", "successRate": 0.9}}, "p95 must be between 1ms and 60s"),
    "no such reaction": ({"onBreach": "Panic"}, "spec.onBreach"),
    "nobody rehearses": ({"rehearsal": {"customers": 0, "ratePerSecond": 1}}, "spec.rehearsal.customers"),
    "no sku": ({"sku": ""}, "spec.sku"),
    "a sku with spaces": ({"sku": "a b"}, "spec.sku"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_sale_with(fault: str, sales: SalesApi) -> None:
    fields, said = BAD[fault]
    with pytest.raises(client.ApiException, match=said) as refused:
        sales.create(valid_spec(**fields))
    assert refused.value.status == 422


def test_a_name_too_long_for_a_jobs_label(sales: SalesApi) -> None:
    with pytest.raises(client.ApiException, match="at most 52 characters"):
        sales.create(valid_spec(), name="x" * 53)


def test_a_field_that_does_not_exist_is_dropped(sales: SalesApi) -> None:
    name = sales.create(valid_spec(discount=5))
    assert "discount" not in (sales.get(name) or {})["spec"]


def test_defaults_are_filled_in(sales: SalesApi) -> None:
    spec = (sales.get(sales.create(valid_spec())) or {})["spec"]
    assert spec["holdTTL"] == "5m"
    assert spec["admission"] == {"maxActive": 200, "ratePerSecond": 50, "order": "Fifo", "preQueue": "0s"}
    assert (spec["onBreach"], spec["perCustomerLimit"], spec["paused"], spec["abort"]) == ("Throttle", 1, False, False)


FROZEN: dict[str, dict[str, Any]] = {
    "sku": {"sku": "OTHER"},
    "quantity": {"quantity": 11},
    "price": {"price": {"amount": 1}},
    "window.start": {"window": {"start": iso(NOW + timedelta(minutes=1))}},
    "window.end": {"window": {"end": LATER}},
    "perCustomerLimit": {"perCustomerLimit": 2},
    "holdTTL": {"holdTTL": "6m"},
    "admission.order": {"admission": {"order": "Random"}},
}


@pytest.mark.parametrize("field", FROZEN)
@pytest.mark.parametrize(
    "status", [{"phase": "Live"}, {"phase": "Pending", "allocated": True}], ids=["live", "allocated"]
)
def test_once_stock_is_set_aside_nobody_changes(field: str, status: dict[str, Any], sales: SalesApi) -> None:
    name = sales.create(valid_spec())
    sales.set_status(name, status)
    with pytest.raises(client.ApiException, match="cannot change once the stock is set aside") as refused:
        sales.change(name, FROZEN[field])
    assert refused.value.status == 422


@pytest.mark.parametrize("field", FROZEN)
def test_before_that_a_person_may_correct(field: str, sales: SalesApi) -> None:
    name = sales.create(valid_spec())
    sales.set_status(name, {"phase": "Pending"})
    sales.change(name, FROZEN[field])


@pytest.mark.parametrize("fields", [{"paused": True}, {"admission": {"ratePerSecond": 5}}, {"onBreach": "Abort"}])
def test_a_live_sale_can_still_be_steered(fields: dict[str, Any], sales: SalesApi) -> None:
    name = sales.create(valid_spec())
    sales.set_status(name, {"phase": "Live"})
    sales.change(name, fields)


def test_abort_is_one_way(sales: SalesApi) -> None:
    name = sales.create(valid_spec())
    sales.change(name, {"abort": True})
    with pytest.raises(client.ApiException, match="an aborted sale stays aborted"):
        sales.change(name, {"abort": False})


def test_a_change_of_the_spec_cannot_smuggle_in_a_status(sales: SalesApi) -> None:
    name = sales.create(valid_spec())
    sales.set_status(name, {"phase": "Live"})
    with pytest.raises(client.ApiException, match="cannot change"):
        sales.patch(name, {"spec": {"sku": "OTHER"}, "status": {"phase": "Pending"}})


def test_nobody_writes_a_phase_that_does_not_exist(sales: SalesApi) -> None:
    name = sales.create(valid_spec())
    with pytest.raises(client.ApiException, match=r"status\.phase"):
        sales.set_status(name, {"phase": "Selling"})
