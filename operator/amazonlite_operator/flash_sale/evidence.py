"""What the evidence of a sale says beside the evidence of every kind."""

from __future__ import annotations

from typing import Any

from amazonlite.common.core.money import Money
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.kind.evidence import Report, common_facts, page, table


def report(o: SaleObservation) -> Report:
    facts = _facts(o)
    return Report(facts, page(o, facts, _lines(facts)))


def _facts(o: SaleObservation) -> dict[str, Any]:
    status = o.status.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {
        **common_facts(o),
        "sale": {"name": o.name, "namespace": o.namespace, "uid": o.uid, "saleId": o.sale_id},
        "stock": status.get("settlement", {}).get("stock"),
        "oversold": status.get("settlement", {}).get("oversold", 0),
        "conserved": status.get("settlement", {}).get("conserved"),
        "startedAt": status.get("startedAt"),
        "paidOrdersLost": status.get("books", {}).get("paidOrdersLost", 0),
        "lateSeconds": status.get("lateSeconds", 0),
        "slo": status.get("slo"),
        "queue": status.get("queue"),
        "rehearsal": status.get("rehearsal"),
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    spec, stock = facts["spec"], facts["stock"] or {}
    price = Money.from_dict(spec["price"])
    units = [(name, stock.get(name, 0)) for name in ("allocated", "free", "held", "sold", "returned")]
    lost = ("paid orders lost", facts["paidOrdersLost"])
    return [
        f"{spec['quantity']} of {spec['sku']} at {price.display()}, "
        f"{spec['window']['start']} to {spec['window']['end']}; doors opened {facts['startedAt'] or 'never'}"
        + (f", {facts['lateSeconds']} s late." if facts["lateSeconds"] else "."),
        "",
        *table(("stock", "units"), [*units, ("oversold", facts["oversold"]), lost], numbers=1),
        *_books(facts["outcome"].get("books"), price.currency),
        *_measured(facts),
    ]


def _books(books: dict[str, Any] | None, currency: str) -> list[str]:
    if books is None:
        return []
    counted = [
        ("units ordered", books["unitsOrdered"]),
        ("orders confirmed", books["ordersConfirmed"]),
        ("orders in flight", books["ordersInFlight"]),
        ("paid", Money(books["amountPaid"], currency).display()),
        ("payments in flight", books["paymentsInFlight"]),
    ]
    payments = [(state, books["payments"][state], why) for state, why in _why_payments(books).items()]
    return [*table(("books", ""), counted, numbers=1), *table(("payments", "", "why"), payments, numbers=1)]


def _why_payments(books: dict[str, Any]) -> dict[str, str]:
    lost = books["paidOrdersLost"]
    return {
        "captured": "the order is confirmed and the money taken",
        "authorized": "the order is confirmed and the money held, to be taken",
        "voided": f"the customer cancelled, or the order was lost ({lost}): the money was given back",
        "failed": "the provider declined: nothing was held",
        "cancelled": "the hold ended, or the customer cancelled, before the payment was authorized",
    }


def _measured(facts: dict[str, Any]) -> list[str]:
    lines = []
    if (slo := facts["slo"]) and slo.get("p95Ms") is not None:
        lines += [f"Last window: p95 {slo['p95Ms']} ms, success rate {slo['successRate']}, {slo['verdict']}.", ""]
    if rehearsal := facts["rehearsal"]:
        lines += [f"Rehearsal: {rehearsal['reason']}, {rehearsal['claimed']} of {rehearsal['customers']} claimed.", ""]
    if queue := facts["queue"]:
        lines += [f"Queue: {queue['admitted']} admitted, {queue['rejected']} rejected.", ""]
    return lines
