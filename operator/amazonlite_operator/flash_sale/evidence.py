"""What the evidence of a sale says beside the evidence of every kind."""

from __future__ import annotations

from typing import Any

from amazonlite.common.core.money import Money
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.kind.evidence import Report, common_facts, page


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
    return [
        f"{spec['quantity']} of {spec['sku']} at {price.display()}, "
        f"{spec['window']['start']} to {spec['window']['end']}; doors opened {facts['startedAt'] or 'never'}"
        + (f", {facts['lateSeconds']} s late." if facts["lateSeconds"] else "."),
        "",
        "| stock | units |",
        "|---|---:|",
        *(f"| {name} | {stock.get(name, 0)} |" for name in ("allocated", "free", "held", "sold", "returned")),
        f"| oversold | {facts['oversold']} |",
        f"| paid orders lost | {facts['paidOrdersLost']} |",
        "",
        *_books(facts["outcome"].get("books"), price.currency),
        *_measured(facts),
    ]


def _books(books: dict[str, Any] | None, currency: str) -> list[str]:
    if books is None:
        return []
    return [
        "| books | |",
        "|---|---:|",
        f"| units ordered | {books['unitsOrdered']} |",
        f"| orders confirmed | {books['ordersConfirmed']} |",
        f"| orders in flight | {books['ordersInFlight']} |",
        f"| paid | {Money(books['amountPaid'], currency).display()} |",
        f"| payments in flight | {books['paymentsInFlight']} |",
        "",
        "| payments | | why |",
        "|---|---:|---|",
        *(f"| {state} | {books['payments'][state]} | {why} |" for state, why in _why_payments(books).items()),
        "",
    ]


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
