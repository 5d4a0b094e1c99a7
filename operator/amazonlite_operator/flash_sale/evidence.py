"""The report of a sale that is over: JSON for programs, Markdown for people. The same status gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from amazonlite.common.core.clock import iso
from amazonlite.common.core.money import Money
from amazonlite_operator.flash_sale.observed import Observed
from amazonlite_operator.flash_sale.state import Outcome
from amazonlite_operator.kube.api import Manifest
from amazonlite_operator.kube.crd import GROUP, VERSION

JSON_KEY, MARKDOWN_KEY = "evidence.json", "evidence.md"


def config_map_name(o: Observed) -> str:
    return f"flashsale-{o.name}-evidence-{o.uid[:8]}"


def config_map(o: Observed, outcome: Outcome) -> Manifest:
    """Immutable, and gone with the sale it belongs to."""
    facts = _facts(o, outcome)
    owner = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "FlashSale",
        "name": o.name,
        "uid": o.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": config_map_name(o),
            "namespace": o.namespace,
            "labels": {"app.kubernetes.io/part-of": "amazonlite", f"{GROUP}/evidence": "flashsale"},
            "ownerReferences": [owner],
        },
        "immutable": True,
        "data": {JSON_KEY: json.dumps(facts, indent=1, sort_keys=True), MARKDOWN_KEY: _markdown(facts)},
    }


def digest(data: dict[str, str]) -> str:
    """sha256 of the JSON followed by the Markdown."""
    return hashlib.sha256((data[JSON_KEY] + data[MARKDOWN_KEY]).encode()).hexdigest()


def _facts(o: Observed, outcome: Outcome) -> dict[str, Any]:
    status = o.status.model_dump(by_alias=True, mode="json", exclude_none=True)
    final = {"phase": outcome.phase, "at": iso(outcome.at), "reason": outcome.reason, "message": outcome.message}
    return {
        "sale": {"name": o.name, "namespace": o.namespace, "uid": o.uid, "saleId": o.sale_id},
        "spec": o.spec.model_dump(by_alias=True, mode="json", exclude_none=True),
        "outcome": status["outcome"],
        "stock": status.get("settlement", {}).get("stock"),
        "oversold": status.get("settlement", {}).get("oversold", 0),
        "conserved": status.get("settlement", {}).get("conserved"),
        "startedAt": status.get("startedAt"),
        "paidOrdersLost": status.get("books", {}).get("paidOrdersLost", 0),
        "lateSeconds": status.get("lateSeconds", 0),
        "slo": status.get("slo"),
        "queue": status.get("queue"),
        "rehearsal": status.get("rehearsal"),
        "timeline": [*status["timeline"], final],
    }


def _markdown(facts: dict[str, Any]) -> str:
    spec, outcome, stock = facts["spec"], facts["outcome"], facts["stock"] or {}
    price = Money.from_dict(spec["price"])
    lines = [
        f"# FlashSale {facts['sale']['namespace']}/{facts['sale']['name']}: {outcome['phase']}",
        "",
        f"**{outcome['reason']}** at {outcome['at']}: {outcome['message']}",
        "",
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
        *_books(outcome.get("books"), price.currency),
        *_measured(facts),
        "| phase | since | reason | |",
        "|---|---|---|---|",
        *(f"| {s['phase']} | {s['at']} | {s['reason']} | {s['message']} |" for s in facts["timeline"]),
        "",
    ]
    return "\n".join(lines)


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
